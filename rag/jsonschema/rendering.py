"""A schema rendered with some of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .graph import DEFINITIONS
from .json_values import copy_json

if TYPE_CHECKING:
    from collections.abc import Collection

    from .json_values import Json
    from .members import Members

__all__ = ["render_schema"]

_BY_NAME = ("properties", "dependentRequired", "dependencies")
_DATA = ("default", "example", "examples")


def render_schema(members: Members, chosen: Collection[int]) -> dict[str, Any]:
    """Copy the schema of `members` with the units of `chosen`, and the definitions that it still refers to."""
    kept = members.find_kept(chosen)
    rendering = _Rendering(members, kept, members.find_reached(kept), set(chosen))
    return rendering.copy(members.graph.root)  # type: ignore[no-any-return]


class _Rendering:
    """State of one copy of a schema."""

    def __init__(
        self, owner: Members, kept: set[tuple[int, str]], reached: set[tuple[int, str]], chosen: set[int]
    ) -> None:
        self.owner, self.kept, self.reached, self.chosen = owner, kept, reached, chosen
        # By identity of a part, which is held too, since the id of a freed object is used again.
        self._done: dict[int, tuple[Json, Json]] = {}

    def copy(self, value: Json) -> Json:
        """Copy any part; the recursion is at most 200 deep, which reading ensures."""
        if not isinstance(value, (dict, list)):
            return value
        if id(value) in self._done:
            return self._done[id(value)][1]
        made: Json
        if isinstance(value, list):
            made = []
            for part in value:
                made.append(self.copy(part))
        else:
            made = {}
            node = self.owner.graph.node_of(value)
            place = None if node is None else self.owner.graph.find(node)
            for key, part in value.items():
                kept = part if place is None else self._filter_keyword(key, part, place)
                if kept is not None or part is None:
                    made[key] = self.copy(kept)
        self._done[id(value)] = value, made
        return made

    def _filter_keyword(self, keyword: str, value: Json, place: int) -> Json:
        """The value of a schema's keyword without what is dropped, not yet copied; None to drop the keyword."""
        if keyword in DEFINITIONS and isinstance(value, dict):
            return {name: part for name, part in value.items() if (id(value), name) in self.reached} or None
        if keyword in _BY_NAME and isinstance(value, dict):
            left = {name: part for name, part in value.items() if not self._is_dropped(place, name)}
            return (
                left
                if keyword == "properties"
                else {name: self._filter_names(place, part) for name, part in left.items()}
            )
        if keyword == "required":
            return self._filter_names(place, value)
        if keyword == "enum" and id(value) in self.owner.cuts:
            return self._filter_values(value)
        if keyword in _DATA:
            return self._filter_data(value, place, several=keyword == "examples")
        return value

    def _filter_values(self, listed: list[Any]) -> list[Any]:
        """The kept values of a list and those that are no units; all where none is kept, since none would be valid."""
        units = self.owner.cuts[id(listed)]
        if not any(units[place] & self.chosen for place in units):
            return listed
        return [value for place, value in enumerate(listed) if place not in units or units[place] & self.chosen]

    def _is_dropped(self, place: int, name: object) -> bool:
        return isinstance(name, str) and self.owner.is_dropped(place, name, self.kept)

    def _filter_names(self, place: int, listed: Json) -> Json:
        """A list of names without those dropped; anything but a list unchanged."""
        return [name for name in listed if not self._is_dropped(place, name)] if isinstance(listed, list) else listed

    def _filter_data(self, value: Json, place: int, *, several: bool) -> Json:
        # Defaults and examples are instances: what the schema drops goes from them too, so that they stay valid.
        copied = copy_json(value)
        if several and isinstance(copied, list):
            return [self.owner.remove_dropped(part, place, self.kept) for part in copied]
        return self.owner.remove_dropped(copied, place, self.kept)
