"""A schema with some of its members."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._graph import DEFINITIONS
from ._reading import plain

if TYPE_CHECKING:
    from ._members import Members
    from ._reading import Json

__all__ = ["Rendering"]

_BY_NAME = ("properties", "dependentRequired", "dependencies")
_DATA = ("default", "example", "examples")


class Rendering:
    """A copy of the schema with what is kept."""

    def __init__(
        self, owner: Members, kept: set[tuple[int, str]], reached: set[tuple[int, str]], chosen: set[int]
    ) -> None:
        self.owner, self.kept, self.reached, self.chosen = owner, kept, reached, chosen
        self._done: dict[int, tuple[Json, Json]] = {}  # by identity of a part, which is held so that it stays its own

    def copy(self, value: Json) -> Json:
        """Of any part; one frame a level, of which there are at most 200."""
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
                kept = part if place is None else self._left(key, part, place)
                if kept is not None or part is None:
                    made[key] = self.copy(kept)
        self._done[id(value)] = value, made
        return made

    def _left(self, keyword: str, value: Json, place: int) -> Json:
        """What of a schema's keyword is left, still to be copied; None for a keyword that goes."""
        if keyword in DEFINITIONS and isinstance(value, dict):
            return {name: part for name, part in value.items() if (id(value), name) in self.reached} or None
        if keyword in _BY_NAME and isinstance(value, dict):
            left = {name: part for name, part in value.items() if not self._drops(place, name)}
            return left if keyword == "properties" else {name: self._names(place, part) for name, part in left.items()}
        if keyword == "required":
            return self._names(place, value)
        if keyword == "enum" and id(value) in self.owner.cuts:
            return self._values(value)
        if keyword in _DATA:
            return self._data(value, place, several=keyword == "examples")
        return value

    def _values(self, listed: list[Any]) -> list[Any]:
        """The kept values of a list, and those that are no units; all where none is kept."""
        units = self.owner.cuts[id(listed)]
        if not any(units[place] & self.chosen for place in units):
            return listed
        return [value for place, value in enumerate(listed) if place not in units or units[place] & self.chosen]

    def _drops(self, place: int, name: object) -> bool:
        return isinstance(name, str) and self.owner.is_dropped(place, name, self.kept)

    def _names(self, place: int, listed: Json) -> Json:
        """The names that a list has left; anything but a list as it is."""
        return [name for name in listed if not self._drops(place, name)] if isinstance(listed, list) else listed

    def _data(self, value: Json, place: int, *, several: bool) -> Json:
        copied = plain(value)
        if several and isinstance(copied, list):
            return [self.owner.without(part, place, self.kept) for part in copied]
        return self.owner.without(copied, place, self.kept)
