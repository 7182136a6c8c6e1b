"""The units of a JSON text, and the text with some of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING

from ctxprune.context.base import Unit

from ..passages.tiny_units import check_units
from .row_lists import find_row_lists

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from .outline import Outline
    from .row_lists import RowList

__all__ = ["JsonTree", "shown"]

_LONGEST_PATH = 200  # characters; of longer paths the end is shown


class JsonTree:
    """What of an outline is kept or dropped: its leaves, or those of them that are items of lists.

    Attributes:
        source: The text.
        units: In the order of the text.
        records: For each list of objects, two at least, its path, as in "result.hits", and the units of these objects.
        tables: For each list of rows beside a list of their names its path, the units of the rows, and the names.
        runs: Lists with a scalar for each of these rows that must be opened, so that each goes with its row: where each
            starts and ends.
    """

    def __init__(self, outline: Outline, *, members: bool) -> None:
        self.source, self._outline, self._members = outline.text, outline, members
        # Of each container where its last part ends.
        self._closes = dict(zip(outline.parents, outline.ends, strict=True))
        del self._closes[-1]
        row_lists = find_row_lists(outline)
        self.runs = {start: end for one in row_lists for start, end in one.runs.items()}
        self._read_links(row_lists)
        self._parts = [part for part in range(len(outline)) if self._is_unit(part)]
        check_units(len(self._parts), len(outline.text), "read it as plain text, or give a part of it")
        above: dict[int, str] = {-1: ""}
        for part in sorted(self._closes):
            above[part] = _below(above[outline.parents[part]], outline.key(part))
        self.units = [self._unit(part, _below(above[outline.parents[part]], outline.key(part))) for part in self._parts]
        objects: defaultdict[int, list[int]] = defaultdict(list)
        for unit, part in enumerate(self._parts):
            if outline.is_item(part) and outline.mark(part) == "{":
                objects[outline.parents[part]].append(unit)
        self.records = [(above[part], rows) for part, rows in objects.items() if len(rows) > 1]
        places = {part: unit for unit, part in enumerate(self._parts)}
        self.tables = [
            (above[one.part], [places[row] for row in one.rows], self._value(one.headers[0])) for one in row_lists
        ]
        for one in row_lists if members else ():
            headers = tuple(places[part] for part in one.headers)
            for row in one.rows:
                self.units[places[row]] = replace(self.units[places[row]], requires=headers)

    def _read_links(self, row_lists: Sequence[RowList]) -> None:
        """What is no unit of its own: the parts of rows and of lists of names, which stay whole, and what is beside a
        row in a list of labels, which comes with the row."""
        self._whole = {part for one in row_lists for part in (*one.headers, *one.rows) if part in self._closes}
        self._labels = {row: labels for one in row_lists for row, labels in zip(one.rows, one.labels, strict=True)}
        self._linked = {label for labels in self._labels.values() for label in labels}
        self._inner: set[int] = set()
        if self._whole:
            parents = self._outline.parents
            for part in range(1, len(self._outline)):  # each after what it is in
                if parents[part] in self._whole or parents[part] in self._inner:
                    self._inner.add(part)

    def _value(self, part: int) -> str:
        return self.source[self._outline.values[part] : self._outline.ends[part]]

    def text(self, kept: Collection[int], shortened: Mapping[int, str] | None = None) -> str:
        """The text with these units and what encloses them; the outermost brackets always stay.

        Each part but the first of its container comes with what stood before it in the text. Units in `shortened` are
        written as it says.
        """
        outline, closes = self._outline, self._closes
        short = {self._parts[unit]: text for unit, text in (shortened or {}).items()}
        text, written, fresh = outline.text, [], True
        enclosing: list[int] = []

        before = -1

        def close() -> None:
            container = enclosing.pop()
            cut = outline.pieces and outline.is_piece(before) and outline.parents[before] == container
            if cut and outline.ends[before] < closes[container]:
                written.append(" …")
            written.append(text[closes[container] : outline.ends[container]])

        for part in compress(range(len(outline)), self._alive(kept)):
            while enclosing and enclosing[-1] != outline.parents[part]:
                close()
                fresh = False
            if outline.pieces and part != before + 1 and outline.is_piece(part):
                written.append("… " if fresh else " … ")
            elif not fresh:
                written.append(text[outline.gaps[part] : outline.leads[part]])
            before = part
            fresh = part in closes
            if fresh:
                enclosing.append(part)
            end = outline.leads[part + 1] if fresh else outline.ends[part]
            written.append(short.get(part) or text[outline.leads[part] : end])
        while enclosing:
            close()
        return "".join(written)

    def find_string(self, unit: int) -> tuple[int, int, int] | None:
        """Where the member or item of a unit starts that is a string, or of a piece of one; and the characters
        [start, end) of the string's inside or of the piece. None for other units and for the whole text."""
        outline, part = self._outline, self._parts[unit]
        if outline.is_piece(part):
            return outline.leads[outline.parents[part]], outline.leads[part], outline.ends[part]
        inside = outline.find_inside(part) if part else None
        return None if inside is None else (outline.leads[part], *inside)

    def keys(self, unit: int) -> tuple[str, ...]:
        """The keys that lead to a unit from outside; an item has those of its list."""
        found, part = [], self._parts[unit]
        while part > 0:
            key = self._outline.key(part)
            if key is not None:
                found.append(key)
            part = self._outline.parents[part]
        return tuple(reversed(found))

    def _alive(self, kept: Collection[int]) -> bytearray:
        """A byte a part, 1 for those that are written."""
        alive = bytearray(len(self._outline))
        if not self._members:
            alive[:] = b"\1" * len(alive)
            for part in (*self._parts, *self._linked):
                alive[part] = 0
        alive[0] = 1
        for unit in kept:
            own = self._parts[unit]
            for part in (own, *self._labels.get(own, ())):
                self._raise(alive, part)
            if own in self._whole:
                self._raise_inner(alive, own)
        return alive

    def _raise(self, alive: bytearray, part: int) -> None:
        """A part lives with what encloses it."""
        while part >= 0 and not alive[part]:
            alive[part] = 1
            part = self._outline.parents[part]

    def _raise_inner(self, alive: bytearray, part: int) -> None:
        """All that is in a part that stays whole lives with it."""
        inner = part + 1
        while inner < len(alive) and inner in self._inner and self._outline.leads[inner] < self._outline.ends[part]:
            alive[inner] = 1
            inner += 1

    def _is_unit(self, part: int) -> bool:
        if part in self._linked or part in self._inner:
            return False
        if part in self._closes:
            return part in self._whole and (self._members or self._outline.is_item(part))
        if part == 0:
            return self._members and self._outline.mark(0) not in "{["
        return self._members or self._outline.is_item(part)

    def _unit(self, part: int, path: str) -> Unit:
        outline = self._outline
        span = outline.leads[part], outline.ends[part]
        value = outline.text[outline.values[part] : span[1]]
        member = outline.parents[part] if outline.is_piece(part) else part
        # Items that are objects name themselves by their keys; what a bare "PER" is, the name of its list says.
        names_itself = outline.is_item(member) and (value[:1] in "{[" or not self._members)
        named = part > 0 and bool(path) and not names_itself
        return Unit(f"{path}: {value}" if named else value, pinned=part == 0, span=span)


def shown(keys: Iterable[str]) -> str:
    """The keys as a path, as in "user.name"; of long ones the end."""
    return ".".join(keys)[-_LONGEST_PATH:]


def _below(path: str, key: str | None) -> str:
    """The path of a member of what is at `path`."""
    if key is None:
        return path
    return shown((path, key) if path else (key,))
