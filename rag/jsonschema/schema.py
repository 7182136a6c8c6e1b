"""JSON schemas as units of properties."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.context.base import Context
from ctxprune.errors import UsageError

from .graph import Graph
from .json_values import Style, copy_json, read_json, write_json
from .members import Members
from .rendering import render_schema
from .wording import write_omission_note

if TYPE_CHECKING:
    from collections.abc import Collection

    from ctxprune.context.base import Unit

    from .bindings import Droppable
    from .json_values import Json

__all__ = ["JsonSchema"]


@dataclass(frozen=True)
class JsonSchema(Context[Any]):
    """A JSON schema, a unit a property. Renders as the schema with the kept properties, of the type that came in.

    Drafts 6 to 2020-12; of `$ref` those inside the document are followed, others stay as they are and are never
    fetched. A definition that several properties share is pruned once for all of them. Properties of one name that
    allOf, anyOf, oneOf or $ref bring together in one object are one unit.

    What is kept is such that an instance of the source stays valid when the members that were dropped are taken out of
    it (`project`), and, where only optional members were dropped, that an instance of the rendered schema is one of the
    source, unless it has a member by the name of a dropped one, which is no longer validated. Therefore some
    properties are kept wherever their object is: required ones, discriminators, those that tell the branches of a oneOf
    apart, and everything in an object at which `not`, `if`, `minProperties`, `uniqueItems` and the like look.
    Definitions that nothing kept refers to go; the order of keys stays.

    Attributes:
        source: A dict, a JSON text, or True or False.
        used: What was used before, and is therefore pinned: instances (dicts or lists), or paths as in `paths`.
        droppable: Which properties may be dropped: "optional" ones; those that are required and may be null, too
            ("nullable", for OpenAI's strict mode, where everything is required); "all" but discriminators.
        units: One a property, in source order. Its text is its name in words, title, description and listed values.
        names: The name of each property.
        paths: The names on the way to each property from the root, joined by dots.
        notes: What was not understood, such as a $ref to a URL: "POINTER: what". It stays in the schema.

    Raises:
        InputError: A text that is no JSON, nesting over 200 levels, or a value that JSON has no form for.
        UsageError: An argument is of the wrong kind, or a used path is not in the schema.
    """

    kind: ClassVar[str] = "schema"
    counts_text: ClassVar[bool] = True

    source: Any
    used: Sequence[Any] = ()
    droppable: Droppable = "optional"
    units: tuple[Unit, ...] = field(init=False, repr=False, compare=False)
    names: tuple[str, ...] = field(init=False, repr=False, compare=False)
    paths: tuple[str, ...] = field(init=False, repr=False, compare=False)
    notes: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _style: Style | None = field(init=False, repr=False, compare=False)
    _schema: Json = field(init=False, repr=False, compare=False)
    _members: Members = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.source, (str, dict, bool)):
            raise UsageError(f"the schema is a {type(self.source).__name__}", hint="give a dict or a JSON text")
        if self.droppable not in ("optional", "nullable", "all"):
            raise UsageError(f"droppable is {self.droppable!r}", hint="give 'optional', 'nullable' or 'all'")
        if isinstance(self.used, (str, dict)) or not isinstance(self.used, Iterable):
            raise UsageError(f"used is a {type(self.used).__name__}", hint="give a list of instances and paths")
        object.__setattr__(self, "used", tuple(self.used))
        schema, style = read_json(self.source) if isinstance(self.source, str) else (copy_json(self.source), None)
        if not isinstance(schema, (dict, bool)):
            raise UsageError(f"the schema is a {type(schema).__name__}", hint="give an object, true or false")
        found = Members(Graph(schema if isinstance(schema, dict) else {}), self.droppable)
        pinned = found.find_used(self.used)
        units = [replace(unit, pinned=True) if index in pinned else unit for index, unit in enumerate(found.units)]
        repeated = [f"/: the key {key!r} stands twice in an object" for key in style.repeated] if style else []
        for name, value in (
            ("units", tuple(units)),
            ("names", tuple(found.names)),
            ("paths", tuple(found.paths)),
            ("notes", (*repeated, *found.graph.notes)),
            ("_style", style),
            ("_schema", schema),
            ("_members", found),
        ):
            object.__setattr__(self, name, value)

    def render(self, kept: Collection[int]) -> Any:
        """The schema with the kept properties; the whole source, unused definitions included, if all are kept."""
        chosen = set(kept)
        # All kept: the source itself, with definitions that nothing refers to, so that pruning nothing changes nothing.
        schema = copy_json(self._schema) if len(chosen) == len(self.units) else render_schema(self._members, chosen)
        return schema if self._style is None else write_json(schema, self._style)

    def to_text(self, kept: Collection[int]) -> str:
        """What `render` gives, as a JSON text; this is what is counted in tokens."""
        rendered = self.render(kept)
        return rendered if isinstance(rendered, str) else write_json(rendered, Style(""))

    def cost_texts(self) -> tuple[str, ...]:
        """What each unit adds to the rendered schema: its name and schema, without the properties inside it."""
        return self._members.cost_texts(self._style or Style(""))

    @property
    def frame(self) -> str:
        """What is rendered whatever is kept: the schema without its properties and definitions."""
        return self._members.frame(self._style or Style(""))

    def omission_note(self, kept: Collection[int]) -> str:
        """One line on what was left out, for whoever reads the schema; "" if nothing was."""
        chosen = set(kept)
        dropped = [path for index, path in enumerate(self.paths) if index not in chosen]
        # Only the outermost dropped properties are named: what is inside them is dropped too.
        gone = set(dropped)
        outer = [path for path in dropped if path.rpartition(".")[0] not in gone]
        return write_omission_note(outer, len(dropped), len(self.paths), "properties")

    def project(self, instance: Any, kept: Collection[int]) -> Any:
        """Copy `instance` without the members that were dropped; those that the schema does not name are kept.

        Raises:
            InputError: The instance is nested over 200 levels deep, or is no JSON.
        """
        return self._members.project(copy_json(instance), set(kept))
