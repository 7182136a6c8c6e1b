"""What a memory may hold: the keys of a JSON Schema, each with the schema of its values."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from ctxprune.errors import InputError, UsageError
from ctxprune.utils.extras import require

from ..jsonschema.json_values import copy_json, escape_pointer, read_json
from ..jsonschema.pointers import split_pointer
from ..jsonschema.validator import build_validator

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KeySchemaError", "MemoryKey", "MemorySchema"]

Form = Literal["value", "list", "map"]
_MOST_KEYS = 1000
_DEEPEST = 8  # levels of objects whose members are keys of their own; what is deeper is one value
_LONGEST_NAME = 500  # characters of a name in a map
_LITERAL = ("const", "enum", "default", "examples")  # what stands there is no schema
_ANY_TEXT: tuple[dict[str, Any], ...] = ({"type": "string"}, {})


class KeySchemaError(InputError):
    """The schema of a key is no JSON Schema, or refers to another document, so that no value can be checked."""


@dataclass(frozen=True)
class MemoryKey:
    """One place of a memory that holds values.

    Attributes:
        path: JSON Pointer of the place: "/people".
        form: "value" for one value, "list" for numbered ones ("/people/0"), "map" for named ones ("/traits/Ann").
        schema: JSON Schema of one value.
        description: What the schema says of the key; "" for nothing.
    """

    path: str
    form: Form
    schema: Any
    description: str = ""
    _root: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The path without its leading slash."""
        return self.path[1:]

    @property
    def holds_texts(self) -> bool:
        """Whether any text is a value, as far as the schema says so by its type."""
        return isinstance(self.schema, dict) and self.schema.get("type", "string") == "string"

    def accepts(self, value: Any) -> bool:
        """Whether `value`, plain JSON, is an instance of the key's schema.

        Raises:
            KeySchemaError: The schema is no JSON Schema.
            MissingExtraError: jsonschema-rs is not installed (extra `jsonschema`); lists of plain texts do without.
        """
        if self._annotated_type in _ANY_TEXT:
            return isinstance(value, str) or not self._annotated_type
        return bool(self._validate(value))

    @cached_property
    def _annotated_type(self) -> Any:
        """The schema without what only describes."""
        if not isinstance(self.schema, dict):
            return self.schema
        return {key: part for key, part in self.schema.items() if key not in ("title", "description")}

    @cached_property
    def _validate(self) -> Any:
        try:
            return build_validator(_stand_alone(self.schema, self._root))
        except InputError as error:
            raise KeySchemaError(error.what, where=self.path) from error


@dataclass(frozen=True)
class MemorySchema:
    """The keys of a memory, from a JSON Schema, a dataclass or a Pydantic model.

    Objects with `properties` are a hierarchy: each of their members is a key, down to eight levels and up to 1000 keys.
    Arrays are lists of their `items`, objects with `additionalProperties` alone are maps, all else is one value. A
    `$ref` inside the document is followed; an object that contains itself is one value where it comes again.

    Attributes:
        source: A dict, a JSON text, a dataclass or a Pydantic model (the latter two need pydantic, extra `serve`).
        keys: In the order of the source.

    Raises:
        InputError: A text that is no JSON, or nesting over 200 levels.
        UsageError: Something else, a schema without properties, one with more than 1000 keys, or a name of a key with a
            line end or another character that is not printable.
    """

    source: Any
    keys: tuple[MemoryKey, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        schema = _read_schema(self.source)
        object.__setattr__(self, "source", schema)
        found: list[MemoryKey] = []
        for key in _find_keys(schema):
            found.append(key)
            if len(found) > _MOST_KEYS:
                raise UsageError(f"the schema has more than {_MOST_KEYS} keys", hint="give a part of it")
        if not found:
            raise UsageError("the schema has no properties", hint="give an object with properties, one a key")
        object.__setattr__(self, "keys", tuple(found))

    @cached_property
    def _by_path(self) -> dict[str, MemoryKey]:
        return {key.path: key for key in self.keys}

    def find(self, pointer: str) -> tuple[MemoryKey, str]:
        """The key that a JSON Pointer is about, and what stands behind the key's path: "" for the key itself, "-" or
        the number of a list's value, the (escaped) name of a map's.

        Raises:
            UsageError: There is no such key.
        """
        if not isinstance(pointer, str) or not pointer:
            raise UsageError("the path is no text with characters", hint="give a path such as /people/-")
        path, slot = pointer if pointer.startswith("/") else f"/{pointer}", ""
        if path not in self._by_path:
            path, _, slot = path.rpartition("/")
        key = self._by_path.get(path)
        if key is None or (slot and not _fits(key.form, slot)):
            known = ", ".join(key.path for key in self.keys[:20])
            raise UsageError(f"the schema has no place {pointer[:100]!r}", hint=f"known: {known}")
        return key, slot

    def to_text(self) -> str:
        """One line a key, for a prompt: its path, type and description."""
        return "\n".join(map(_describe, self.keys))


def _fits(form: Form, slot: str) -> bool:
    if form == "map":
        # A name with a line end in it could pretend to be the line of another path.
        return slot.isprintable() and len(slot) <= _LONGEST_NAME
    # RFC 6901 has no leading zeros: "0" and "00" would be two places of one number.
    numbered = slot.isascii() and slot.isdecimal() and len(slot) <= 12 and (slot == "0" or slot[0] != "0")
    return form == "list" and (slot == "-" or numbered)


def _describe(key: MemoryKey) -> str:
    path = {"value": key.path, "list": f"{key.path}/-", "map": f"{key.path}/NAME"}[key.form]
    told = key.schema.get("type", "any") if isinstance(key.schema, dict) else "any"
    if isinstance(key.schema, dict) and isinstance(key.schema.get("properties"), dict):
        told = f"object with {', '.join(map(str, key.schema['properties']))}"
    elif isinstance(key.schema, dict) and isinstance(key.schema.get("enum"), list):
        told = f"one of {', '.join(map(str, key.schema['enum']))}"
    about = " ".join(key.description.split())
    return f"{path} ({told}){f': {about}' if about else ''}"


def _read_schema(source: Any) -> dict[str, Any]:
    if isinstance(source, MemorySchema):
        source = source.source
    if isinstance(source, str):
        schema = read_json(source)[0]
    elif isinstance(source, type):
        pydantic = require("pydantic", "serve")
        try:
            schema = pydantic.TypeAdapter(source).json_schema()
        except pydantic.errors.PydanticUserError as error:
            raise UsageError(f"{source.__name__} has no JSON Schema ({str(error).splitlines()[0]})") from None
    else:
        schema = copy_json(source)
    if not isinstance(schema, dict):
        raise UsageError(
            f"the schema is a {type(schema).__name__}", hint="give a JSON Schema, a dataclass or a Pydantic model"
        )
    return schema


def _find_keys(schema: dict[str, Any]) -> Iterator[MemoryKey]:
    yield from _walk(schema, "", ("#",), schema)


def _walk(schema: Any, path: str, above: tuple[str, ...], root: dict[str, Any]) -> Iterator[MemoryKey]:
    resolved, followed = _resolve(schema, root)
    members = resolved.get("properties") if isinstance(resolved, dict) else None
    # An object that contains itself would be a hierarchy without end.
    whole = len(above) > _DEEPEST or any(name in above for name in followed)
    if isinstance(members, dict) and members and not whole:
        for name, inner in members.items():
            if not name.isprintable():
                raise UsageError(f"the name {name[:100]!r} is not printable", where="schema", hint="give another name")
            yield from _walk(inner, f"{path}/{escape_pointer(name)}", (*above, *(followed or [""])), root)
    elif path:
        yield _make_key(resolved, path, root)


def _make_key(schema: Any, path: str, root: dict[str, Any]) -> MemoryKey:
    if not isinstance(schema, dict):
        return MemoryKey(path, "value", schema, "", root)
    about = schema.get("description", schema.get("title", ""))
    about = about if isinstance(about, str) else ""
    if schema.get("type") == "array":
        return MemoryKey(path, "list", _resolve(schema.get("items", {}), root)[0], about, root)
    others = schema.get("additionalProperties")
    if schema.get("type") == "object" and isinstance(others, dict) and not schema.get("properties"):
        return MemoryKey(path, "map", _resolve(others, root)[0], about, root)
    return MemoryKey(path, "value", schema, about, root)


def _resolve(schema: Any, root: dict[str, Any]) -> tuple[Any, list[str]]:
    """The schema that a chain of `$ref` leads to, and the references on the way.

    Raises:
        InputError: A reference leads to another document, nowhere, or back to itself.
    """
    followed: list[str] = []
    while isinstance(schema, dict) and isinstance(reference := schema.get("$ref"), str):
        target = _look_up(reference, root)
        if target is None or reference in followed:
            raise InputError(
                f"the $ref {reference[:100]!r} leads nowhere in the document",
                where="schema",
                hint="give a pointer to a part of it: #/$defs/NAME",
            )
        followed.append(reference)
        beside = {key: part for key, part in schema.items() if key != "$ref"}
        schema = {**target, **beside} if isinstance(target, dict) else target
    return schema, followed


def _look_up(reference: str, root: dict[str, Any]) -> Any:
    """What a reference inside the document points at; None where it points at nothing, or at another document."""
    if reference != "#" and not reference.startswith("#/"):
        return None
    found: Any = root
    for step in split_pointer(reference[1:]):
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isascii() and step.isdecimal() and len(step) < 10:
            found = found[int(step)] if int(step) < len(found) else None
        else:
            return None
    return found if isinstance(found, (dict, bool)) else None


def _stand_alone(schema: Any, root: dict[str, Any]) -> Any:
    """The schema of a key as a document of its own, in which its references lead where they led in the whole one."""
    moved, refers = _move_references(schema)
    if not refers:
        return schema
    # The names by which a part calls itself a document would change what "#" means inside of it.
    whole = {name: part for name, part in _move_references(root)[0].items() if name not in ("$id", "$schema")}
    return {**{name: part for name, part in moved.items() if name != "$id"}, "$defs": {"document": whole}}


def _move_references(schema: Any) -> tuple[Any, bool]:
    """A copy whose references into the document begin with "#/$defs/document", and whether there is any."""
    if isinstance(schema, list):
        items = [_move_references(part) for part in schema]
        return [part for part, _ in items], any(refers for _, refers in items)
    if not isinstance(schema, dict):
        return schema, False
    moved, any_refers = {}, False
    for name, part in schema.items():
        if name == "$ref" and isinstance(part, str):
            moved[name] = f"#/$defs/document{part[1:]}" if part == "#" or part.startswith("#/") else part
            any_refers = True
        elif name in _LITERAL:
            moved[name] = part
        else:
            moved[name], refers = _move_references(part)
            any_refers = any_refers or refers
    return moved, any_refers
