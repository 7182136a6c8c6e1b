"""The way through what is kept of a page: which elements open and close around which parts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

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


_step = Step._make  # half of the time of a call with names


def walk(outline: Outline, parts: Iterable[Part], root: int = 0) -> Iterator[Step]:
    """The steps that write `parts`, which are in order and stand within `root`; they are gone over twice.

    Opened are elements that own a kept text directly (list items, headings, code), the lists of such items, and
    quotations; other elements around them are of no use to a reader.
    """
    owners = {outline.owners[part[0]] for part in parts}
    above, items, tags = outline.above, outline.listed_items, outline.tree.tags
    shown = owners.union([above[frame] for frame in owners if items[frame]]) - {0, root}
    stack: list[int] = []
    open_ = {root}
    for inner, table, members in _places(outline, parts, root):
        chain = []
        frame = inner
        while frame not in open_ and frame:
            if frame in shown or tags[frame] == "blockquote":
                chain.append(frame)
            frame = above[frame]
        while stack and stack[-1] != frame:
            open_.discard(stack[-1])
            yield _step(("close", stack.pop(), ()))
        for opened in reversed(chain):
            stack.append(opened)
            open_.add(opened)
            yield _step(("open", opened, ()))
        yield _step(("table", table, members) if table else ("part", inner, members))
    for frame in reversed(stack):
        yield _step(("close", frame, ()))


def _places(outline: Outline, parts: Iterable[Part], root: int) -> Iterator[tuple[int, int, Sequence[Part]]]:
    """Each part with the element that owns it and 0; those of a table of data together, with what owns it and it."""
    owners, tables = outline.owners, outline.run_tables
    members: list[Part] = []
    before = 0
    for part in parts:
        table = 0 if root else tables[part[0]]
        if before and table != before:
            yield outline.above_table(before), before, members
            members = []
        before = table
        if table:
            members.append(part)
        else:
            yield owners[part[0]], 0, (part,)
    if before:
        yield outline.above_table(before), before, members


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
