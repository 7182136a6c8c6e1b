"""JSON texts, JSON lines and values as contexts: members and items are the units; what comes out is JSON."""

from __future__ import annotations

import json
from bisect import bisect_right
from copy import copy
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.context.base import Context, Unit
from ctxprune.context.split import SplitContext
from ctxprune.errors import InputError, UsageError
from ctxprune.rag.headers import find_key

from .note import add_member, write_counts
from .outline import outline
from .records import record_part, record_table
from .row_lists import row_table
from .strings import cut_string
from .tree import JsonTree

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ctxprune.context.grid import Grid

    from .outline import Spans
    from .records import Keys

__all__ = ["JsonDocument", "json_lists"]

T = TypeVar("T")

_LARGEST = 4000  # characters of an item that is kept or dropped as a whole, about 1000 tokens
_DEPTH = 4  # containers of a single member each that are opened at once


@dataclass(frozen=True, eq=False)
class JsonDocument(Context[T]):
    """JSON whose members and items are kept or dropped. A text renders as a text, a value as a value.

    The units are the members of objects that hold a scalar, an empty object or an empty list; and the items of lists,
    whole, if they are no longer than 4,000 characters, else their parts. Behind the first 1,000 items of a list up to
    64 scalars in a row are one unit. What encloses a unit comes with it; what encloses nothing that is kept
    is left out, so that no list looks empty that is not. Only the outermost brackets always stay.

    What is kept is the source's own text: numbers as they are written, duplicate keys, escapes, NaN, indentation. A
    text of several values on lines of their own is read as JSON lines.

    A list of rows beside a list of the names of their cells (`{"columns": ["id", "fee"], "rows": [[1, 20], [2, 35]]}`)
    is a table: each row is a unit, whole, that requires the whole list of names; other lists that have a text for each
    cell stay whole with it, and items of a list with a scalar for each row come with their row.

    A value is written as JSON first, and what is kept of it is read back: tuples come back as lists.

    Attributes:
        data: A text, or anything that `json.dumps` writes.
        members: Whether members of objects are dropped, too. If not, the items of those lists that are in no other
            list are the units, whole, and all else stays.
        columns: Whether the columns of `grids` are units, too, behind all others: paths that are kept or dropped in all
            objects of a list. Each object then requires the column that tells them apart best. For scorers that read
            tables; others see the names only.
        opened: Items, and runs of scalars, whose parts are units although they are short: where each starts, and ends,
            in characters of the text.
        pieces: Strings of which the pieces are units: by where the member or item starts the characters [start, end)
            of each piece, in order. "…" stands for those that are dropped.
        note: Whether an object gets a last member of its own that says how many items of its lists of objects and rows
            were left out: what the document itself says of their number may be untrue then.
        units: A member's text is its path, as in "user.name", and its value; spans are those of the members and items
            in the text (for a value, in what `json.dumps` wrote).
        kind: "table" if most units are records of lists, else "json".
        grids: For each list of objects a `Grid`: a column for each path to a scalar or list in them; for each list of
            rows beside their names one without units for its columns.

    Raises:
        InputError: The text is no JSON; the error says where.
        UsageError: The value cannot be written as JSON.
    """

    data: T = field(repr=False)
    members: bool = True
    columns: bool = False
    opened: Mapping[int, int] = field(default_factory=dict, repr=False)
    pieces: Mapping[int, Spans] = field(default_factory=dict, repr=False)
    note: bool = False
    units: tuple[Unit, ...] = field(init=False, repr=False)
    kind: str = field(init=False, repr=False)
    _tree: JsonTree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        text = self.data if isinstance(self.data, str) else _written(self.data)
        largest = _LARGEST if self.members else None
        tree = JsonTree(outline(text, largest, self.opened, self.pieces), members=self.members)
        if tree.runs:
            opened = {**self.opened, **tree.runs}
            tree = JsonTree(outline(text, largest, opened, self.pieces), members=self.members)
        records = sum(len(rows) for _, rows in tree.records) + sum(len(rows) for _, rows, _ in tree.tables)
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "units", tuple(tree.units))
        object.__setattr__(self, "kind", "table" if 2 * records > len(tree.units) else "json")
        if self.columns:
            units = list(tree.units)
            count = len(self._tables)  # behind these stand lists of rows, whose rows stay whole
            grids = (*(_with_columns(grid, units) for grid in self.grids[:count]), *self.grids[count:])
            object.__setattr__(self, "units", tuple(units))
            object.__setattr__(self, "grids", grids)

    def render(self, kept: Collection[int]) -> T:
        """The document with the kept units only; valid JSON whatever is kept."""
        chosen = set(kept)
        if len(chosen) == len(self.units):
            return self.data
        count = len(self._tree.units)
        text = self._tree.text({unit for unit in chosen if unit < count}, self._shortened(chosen))
        if self.note:
            text = add_member(text, self.omission_note(chosen))
        result: Any = text if isinstance(self.data, str) else json.loads(text)
        return result  # type: ignore[no-any-return]

    def omission_note(self, kept: Collection[int]) -> str:
        """How many items of its lists of objects and rows were left out; "" where none was."""
        chosen = set(kept)
        lists = [*self._tree.records, *((path, rows) for path, rows, _ in self._tree.tables)]
        counts = [(path, sum(unit in chosen for unit in units), len(units)) for path, units in lists]
        return write_counts([one for one in counts if one[1] < one[2]])

    def with_note(self, *, note: bool) -> JsonDocument[T]:
        """The same document, rendered with a member on what was left out, or without one."""
        changed = copy(self)  # the units stay as they are, so that caches which compare them by identity still hold
        object.__setattr__(changed, "note", note)
        return changed

    def split_units(self, sizes: Mapping[int, int]) -> SplitContext | None:
        """See `Context.split_units`: items of lists are cut into their members and items, runs of scalars into scalars,
        of whatever size; strings into lines, clauses and words."""
        if not self.members or self.columns:
            return None
        split = self
        for _ in range(_DEPTH):
            opened = split._open_units(sizes)
            if opened is None:
                return None
            split = opened
            if len(split.units) > len(self.units):
                starts = [unit.span[0] for unit in self.units if unit.span is not None]
                origins = [bisect_right(starts, unit.span[0]) - 1 for unit in split.units if unit.span is not None]
                return SplitContext(split, origins)
        return None  # as many units, of which each is the only one in what was opened

    def _open_units(self, sizes: Mapping[int, int]) -> JsonDocument[T] | None:
        """The document with the parts of these units as units; None where all are opened already, or have no parts."""
        spans = [unit.span or (0, 0) for unit in self.units]
        pieces = dict(self.pieces)
        for index, size in sizes.items():
            pieces |= self._cut_string(index, size, pieces)
        opened = dict(self.opened) | {spans[index][0]: spans[index][1] for index in sizes}
        if len(opened) == len(self.opened) and pieces == self.pieces:
            return None
        return replace(self, opened=opened, pieces=pieces)

    def _cut_string(self, index: int, size: int, pieces: Mapping[int, Spans]) -> dict[int, Spans]:
        """By where its member starts the string of a unit in pieces, {} where it is none or has no borders."""
        found = self._tree.find_string(index)
        if found is None:
            return {}
        lead, start, end = found
        # The path before a value takes room in each piece.
        room = size - (len(self.units[index].text) - (end - start))
        parts = cut_string(self._tree.source, start, end, room)
        others = [span for span in pieces.get(lead, ()) if span != (start, end)]
        return {lead: sorted(others + parts)} if len(parts) > 1 else {}

    @cached_property
    def grids(self) -> tuple[Grid, ...]:
        """The lists of objects as tables; made when they are first asked for."""
        rows = (
            row_table([self.units[unit].text for unit in units], units, names, path)
            for path, units, names in self._tree.tables
        )
        return (*(grid for grid, _ in self._tables), *rows)

    @cached_property
    def _tables(self) -> tuple[tuple[Grid, tuple[Keys, ...]], ...]:
        """The lists of objects, and the keys that lead to each column."""
        made = (
            record_table([self.units[row].text for row in rows], rows, path)  # an item's text is its source
            for path, rows in self._tree.records
        )
        return tuple(table for table in made if table is not None)

    def _shortened(self, chosen: set[int]) -> dict[int, str]:
        """By unit the kept objects of which some columns are dropped."""
        short: dict[int, str] = {}
        if not self.columns:
            return short
        for grid, (_, columns) in zip(self.grids, self._tables, strict=False):
            left = {keys for keys, unit in zip(columns, grid.column_units, strict=True) if unit in chosen}
            if len(left) < len(columns):
                short |= {row: record_part(self.units[row].text, left) for row in grid.row_units if row in chosen}
        return short


def _with_columns(grid: Grid, units: list[Unit]) -> Grid:
    """The grid with units for its columns, which are added; its rows require the one that tells them apart."""
    first = len(units)
    units += [Unit(name) for name in grid.header]
    key = first + find_key(grid.rows, len(grid.header))
    for row in grid.row_units:
        units[row] = replace(units[row], requires=(key,))
    return replace(grid, column_units=tuple(range(first, len(units))))


def _written(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"a {type(value).__name__} cannot be written as JSON ({error})") from error


def json_lists(text: str) -> JsonDocument[str] | None:
    """A JSON list or object of which only items of lists are dropped; None for a text that is no such thing."""
    if text.lstrip(" \t\r\n")[:1] not in ("{", "["):
        return None
    try:
        return JsonDocument(text, members=False)
    except InputError:
        return None
