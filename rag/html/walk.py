"""The way through what is kept of a page: which elements open and close around which parts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from .elements import ITEM

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from .leaves import Part
    from .outline import Outline
    from .tables import Cell, Table

__all__ = ["Dropped", "Step", "by_cell", "by_row", "cell_parts", "walk"]

Dropped: TypeAlias = "Mapping[int, frozenset[int]]"
"""The columns that are left out of a table, by its frame."""


class Step(NamedTuple):
    """One step: "open" or "close" an element, write "part" of a text, or a "table" with its parts.

    Attributes:
        kind: The step.
        frame: The element; for a part the one in which it stands directly among those that were opened.
        parts: One for a part, all of a table.
    """

    kind: str
    frame: int
    parts: Sequence[Part] = ()


def walk(outline: Outline, parts: Sequence[Part], root: int = 0) -> Iterator[Step]:
    """The steps that write `parts`, which are in order and stand within `root`.

    Opened are elements that own a kept text directly (list items, headings, code), the lists of such items, and
    quotations; other elements around them are of no use to a reader.
    """
    owners = {outline.owners[part.run] for part in parts}
    lists = {int(outline.listed[frame]) for frame in owners if outline.kinds[frame] & ITEM}
    shown = (owners | lists) - {0, root}
    stack: list[int] = []
    open_ = {root}
    for inner, members in groupby(parts, key=lambda part: _place(outline, part, root)):
        chain = []
        frame = inner.frame
        while frame not in open_ and frame:
            if frame in shown or outline.tree.tags[frame] == "blockquote":
                chain.append(frame)
            frame = outline.above(frame)
        while stack and stack[-1] != frame:
            open_.discard(stack[-1])
            yield Step("close", stack.pop())
        for opened in reversed(chain):
            stack.append(opened)
            open_.add(opened)
            yield Step("open", opened)
        if inner.table:
            yield Step("table", inner.table, list(members))
        else:
            for part in members:
                yield Step("part", inner.frame, (part,))
    for frame in reversed(stack):
        yield Step("close", frame)


class _Place(NamedTuple):
    frame: int  # the owner
    table: int  # the table of data to which the parts go; 0 for none


def _place(outline: Outline, part: Part, root: int) -> _Place:
    table = outline.run_tables[part.run] if not root else 0
    if table:
        return _Place(int(outline.owner[outline.tree.parents[table]]), table)
    return _Place(outline.owners[part.run], 0)


def by_cell(outline: Outline, parts: Sequence[Part]) -> dict[int, list[Part]]:
    """The parts of a table by the cells and the caption in which they stand."""
    found: dict[int, list[Part]] = {}
    for part in parts:
        found.setdefault(outline.cells[part.run], []).append(part)
    return found


def by_row(table: Table, cells: dict[int, list[Part]]) -> list[int]:
    """The rows of the table of which any cell is kept, from the top."""
    known = table.cells
    return sorted({known[frame].row for frame in cells if frame in known})


def cell_parts(outline: Outline, cell: Cell, cells: dict[int, list[Part]], rows: list[int]) -> list[Part]:
    """What is shown of a cell where `rows` are kept: all of it if it reaches into one of these, else what is kept."""
    following = bisect_left(rows, cell.row + cell.rows) - bisect_right(rows, cell.row)
    return outline.parts_within(cell.frame) if following else cells.get(cell.frame, [])
