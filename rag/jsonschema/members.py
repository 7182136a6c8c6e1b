"""The members of a schema's graph as units, and which of them, and of an instance, remain when some are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any

from ctxprune.context.base import Unit
from ctxprune.errors import UsageError

from .bindings import find_bound_members, find_whole_classes, list_dependents
from .graph import DEFINITIONS, ITEMS, OTHERS, Graph, members
from .json_values import copy_json, write_json
from .wording import describe_property, split_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from .bindings import Droppable
    from .graph import Edge, Key
    from .json_values import Json, Style

__all__ = ["Members"]

_MOST = 5000  # units, beyond which a shared definition gets no further units
_DEEPEST = 64  # levels of nested members that are units; deeper ones are kept or dropped with their owner
_SHARED = 16  # units for which a shared definition is counted
_NOTHING = object()


class Members:
    """The units of a schema graph: one for each member, under each of its owners.

    Args:
        graph: Of the schema.
        droppable: Which members may be dropped.
        values: Of longer lists of values each value is a unit, under its member; None makes none.
        whole: No member may be dropped.

    Attributes:
        units: In source order, parents before their children.
        names: The name of each member; "" for a value.
        paths: The names on the way to each.
    """

    def __init__(self, graph: Graph, droppable: Droppable, *, values: int | None = None, whole: bool = False) -> None:
        self.graph = graph
        self.units: list[Unit] = []
        self.names: list[str] = []
        self.paths: list[str] = []
        self._most_values = values
        self.cuts: dict[int, dict[int, set[int]]] = {}  # by identity of a list of values: its places, with their units
        self._under: dict[tuple[int | None, str], int] = {}  # by owner and name
        self._copies: dict[tuple[int, str], list[int]] = {}  # by class and name
        self._parts: dict[int, dict[Key, list[dict[str, Any]]]] = {}  # of a class, with the schemas that read them
        self._edges: dict[int, list[Edge]] = {}  # by source
        for edge in graph.edges:
            self._edges.setdefault(edge.source, []).append(edge)
            if edge.key in (ITEMS, OTHERS) or isinstance(edge.key, tuple):
                keys = self._parts.setdefault(graph.find(edge.source), {})
                keys.setdefault(edge.key, []).append(graph.nodes[edge.target].schema)
        # With `whole` the members are still units, so that they are counted and found in calls, but all are bound.
        fixed = set(self._parts) if whole else find_whole_classes(graph, droppable)
        self._bound = find_bound_members(graph, droppable) | {
            (place, key[1]) for place in fixed for key in self._parts.get(place, {}) if isinstance(key, tuple)
        }
        self._unfold()

    def find_used(self, values: Iterable[object]) -> set[int]:
        """The units of the members that instances have, and of paths.

        Raises:
            UsageError: A path that is not in `paths`, or a value of another type.
        """
        known = {path: index for index, path in reversed(list(enumerate(self.paths)))}
        found: set[int] = set()
        for value in values:
            if isinstance(value, str):
                if value not in known:
                    near = get_close_matches(value, known, n=1)
                    raise UsageError(
                        f"the schema has no property {value!r}", hint=f"did you mean {near[0]!r}?" if near else ""
                    )
                found.add(known[value])
            elif isinstance(value, (dict, list)):
                self._add_used(copy_json(value), found)
            else:
                raise UsageError(f"something used is a {type(value).__name__}", hint="give instances and paths")
        return found

    def cost_texts(self, style: Style) -> tuple[str, ...]:
        """For each unit its member in JSON with the definitions that it refers to, without the members inside them.

        A definition that many units share counts for the first few only; the rendered schema is counted in any case.
        """
        texts = [""] * len(self.units)
        shallow_text = cache(lambda node: write_json(self._shallow(self.graph.nodes[node].schema), style))
        shared = Counter[int]()
        for edge in self.graph.edges:
            if isinstance(edge.key, tuple):
                named = [(edge.key[1], edge.target), *self._defined(edge.target, shared)]
                text = "".join(f"{write_json(name, style)}: {shallow_text(node)}, " for name, node in named)
                for index in self._copies.get((self.graph.find(edge.source), edge.key[1]), ()):
                    texts[index] += text
        for units in (units for places in self.cuts.values() for units in places.values()):
            for index in units:
                texts[index] = f'"{self.units[index].text}", '
        return tuple(texts)

    def _shallow(self, schema: Json) -> Json:
        """Copy a schema without listed properties and definitions, at any depth, and without values that are units."""
        if isinstance(schema, list):
            return [self._shallow(part) for part in schema]
        if not isinstance(schema, dict):
            return schema
        made = {}
        for key, part in schema.items():
            if key in ("enum", "const"):
                made[key] = [] if id(part) in self.cuts else part
            else:
                made[key] = {} if key in ("properties", *DEFINITIONS) else self._shallow(part)
        return made

    def _defined(self, node: int, shared: Counter[int]) -> Iterator[tuple[str, int]]:
        """The definitions that a node refers to, without those of the members inside it: name and node.

        `shared` counts how often each node was met; nodes that were met `_SHARED` times are left out.
        """
        seen, stack = {node}, [node]
        while stack:
            for edge in self._edges.get(stack.pop(), ()):
                if edge.target in seen or isinstance(edge.key, tuple) or shared[edge.target] >= _SHARED:
                    continue
                seen.add(edge.target)
                shared[edge.target] += 1
                stack.append(edge.target)
                if edge.through:
                    yield edge.through[-1][1], edge.target

    def frame(self, style: Style) -> str:
        """The schema in JSON without members and definitions."""
        return write_json(self._shallow(self.graph.root), style)

    def project(self, instance: Json, chosen: Collection[int]) -> Json:
        """Remove the members that are not in `chosen` from an instance, in place."""
        return self.remove_dropped(instance, self.graph.find(0), self.find_kept(chosen))

    def remove_dropped(self, value: Json, place: int, kept: set[tuple[int, str]]) -> Json:
        """Remove from `value` of class `place`, in place, the members of the schema that are not in `kept`."""
        stack = [(value, place)]
        while stack:
            value_, place_ = stack.pop()
            if isinstance(value_, dict):
                for name in list(value_):
                    if self.is_dropped(place_, name, kept):
                        del value_[name]
                    elif (inner := self._inner(place_, name)) is not None:
                        stack.append((value_[name], inner))
            elif isinstance(value_, list) and (items := self.graph.child(place_, ITEMS)) is not None:
                stack += [(item, items) for item in value_]
        return value

    def is_dropped(self, place: int, name: object, kept: set[tuple[int, str]]) -> bool:
        """Whether the class has a member of that name that is not in `kept`."""
        return (place, name) in self._copies and (place, name) not in kept

    def _inner(self, place: int, name: str) -> int | None:
        """The class that reads the member `name` of values of class `place`."""
        found = self.graph.child(place, ("member", name))
        return self.graph.child(place, OTHERS) if found is None else found

    def find_kept(self, chosen: Collection[int]) -> set[tuple[int, str]]:
        """Class and name of each member that is kept: bound, or with a chosen unit in at least one place."""
        return {
            member
            for member, copies in self._copies.items()
            if member in self._bound or any(index in chosen for index in copies)
        }

    def _unfold(self) -> None:
        """Make units for each class under each of its owners, but not inside itself."""
        graph = self.graph
        done: set[int] = set()
        stack: list[tuple[int, Key, int | None, tuple[int, ...]]] = []

        def push(place: int, owner: int | None, above: tuple[int, ...]) -> None:
            # Shared definitions multiply: two members that each refer to the next level twice double the units a level.
            # From `_MOST` units on a class that has units already gets no further ones.
            if place in above or len(above) > _DEEPEST or (place in done and len(self.units) > _MOST):
                return
            done.add(place)
            # Reversed, since the stack gives back the last one first: units come in source order.
            keys = reversed(self._parts.get(place, {}))
            stack.extend((place, key, owner, (*above, place)) for key in keys)

        push(graph.find(0), None, ())
        while stack:
            place, key, owner, above = stack.pop()
            inner = graph.child(place, key)
            unit = self._add_member(place, key[1], owner) if isinstance(key, tuple) else owner
            if inner is not None:
                push(inner, unit, above)
        self._require()

    def _add_member(self, place: int, name: str, owner: int | None) -> int:
        known = self._under.get((owner, name))
        if known is not None:  # a second subschema lists a member of the same name: one unit for both
            self._copies.setdefault((place, name), []).append(known)
            return known
        schemas = self._parts[place]["member", name]
        lists = [part for schema in schemas for part in (schema, members(schema, "items")) if self._is_cut(part)]
        path = name if owner is None else f"{self.paths[owner]}.{name}"
        index = self._add(describe_property(name, schemas, with_values=not lists), owner, name, path)
        self._under[owner, name] = index
        self._copies.setdefault((place, name), []).append(index)
        for schema in lists:
            places = self.cuts.setdefault(id(schema["enum"]), {})
            for number, value in enumerate(schema["enum"]):
                if value != schema.get("default", _NOTHING):
                    unit = self._add(split_name(str(value)), index, "", f"{path}={value}")
                    places.setdefault(number, set()).add(unit)
        return index

    def _add(self, text: str, parent: int | None, name: str, path: str) -> int:
        self.units.append(Unit(text, parent=parent))
        self.names.append(name)
        self.paths.append(path)
        return len(self.units) - 1

    def _is_cut(self, schema: dict[str, Any]) -> bool:
        """Whether the values that a schema lists are units."""
        listed = schema.get("enum")
        return self._most_values is not None and isinstance(listed, list) and len(listed) > self._most_values

    def _require(self) -> None:
        """Make owners require their bound members (pinned at the root), and members the ones that depend on them."""
        needs: dict[int, list[int]] = {}
        for place, name, other in list_dependents(self.graph):
            for index in self._copies.get((place, name), ()):
                beside = self._under.get((self.units[index].parent, other))
                if beside is not None:
                    needs.setdefault(index, []).append(beside)
        for member in self._bound:
            for index in self._copies.get(member, ()):
                owner = self.units[index].parent
                if owner is None:
                    self.units[index] = replace(self.units[index], pinned=True)
                else:
                    needs.setdefault(owner, []).append(index)
        for owner, required in needs.items():
            self.units[owner] = replace(self.units[owner], requires=tuple(sorted(set(required))))

    def _add_used(self, value: Json, found: set[int]) -> None:
        """Add the units of an instance's members to `found`; inside a recursion, those of its first level."""
        stack: list[tuple[Json, int, int | None]] = [(value, self.graph.find(0), None)]
        while stack:
            value, place, owner = stack.pop()
            # Items have no unit of their own; their members belong to the owner of the array.
            if isinstance(value, list) and (items := self.graph.child(place, ITEMS)) is not None:
                stack += [(item, items, owner) for item in value]
            if not isinstance(value, dict):
                continue
            for name, part in value.items():
                copies = self._copies.get((place, name), [])
                unit = self._under.get((owner, name), copies[0] if copies else None)
                inner = self._inner(place, name)
                if unit is not None and copies:
                    found.add(unit)
                if inner is not None:
                    stack.append((part, inner, unit if copies else owner))

    def find_reached(self, kept: set[tuple[int, str]]) -> set[tuple[int, str]]:
        """The definitions that the root still refers to: identity of the dict that lists them, and name."""
        graph = self.graph
        found: set[tuple[int, str]] = set()
        seen, stack = {0}, [0]
        while stack:
            source = stack.pop()
            for edge in self._edges.get(source, ()):
                if isinstance(edge.key, tuple) and self.is_dropped(graph.find(source), edge.key[1], kept):
                    continue
                found.update(edge.through)
                if edge.target not in seen:
                    seen.add(edge.target)
                    stack.append(edge.target)
        return found
