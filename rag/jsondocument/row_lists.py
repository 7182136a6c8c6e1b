"""Lists of rows beside a list of the names of their cells: `{"columns": ["id", "fee"], "rows": [[1, 20], [2, 35]]}`."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.context.grid import Grid

from .cells import read_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .outline import Outline

__all__ = ["RowList", "find_row_lists", "row_table"]

_ROWS = re.compile(r"\[[ \t\r\n]*\[")  # most documents have no list of lists at all
_FEWEST = 2  # cells of a row, and rows
_MOST = 64  # lists in one object that are compared with each other, so that hostile documents take no longer
_USUAL = ("columns", "column_names", "header", "headers", "fields", "names", "keys")


@dataclass(frozen=True)
class RowList:
    """One list of rows, by the numbers of parts of an outline.

    Attributes:
        part: The list.
        rows: Its items.
        headers: The lists beside it with a text for each cell, the one with the names of the cells first.
        labels: Items of lists beside it with a scalar for each row: for each row those that belong to it.
        runs: Such lists in which several items are one part of the outline: where each starts and ends in the text.
    """

    part: int
    rows: tuple[int, ...]
    headers: tuple[int, ...]
    labels: tuple[tuple[int, ...], ...]
    runs: dict[int, int]


def find_row_lists(outline: Outline) -> list[RowList]:
    """The lists of rows in which every row has as many cells as a list of texts in the same object has members.

    That is what `pandas.DataFrame.to_json(orient="split")` writes, and many APIs and databases. Without its names, or
    with some of them, a row cannot be read.
    """
    if _ROWS.search(outline.text) is None:
        return []
    inside: defaultdict[int, list[int]] = defaultdict(list)
    for part in range(1, len(outline)):
        inside[outline.parents[part]].append(part)
    lists: defaultdict[int, list[int]] = defaultdict(list)
    for part in inside:
        if part > 0 and outline.mark(part) == "[" and outline.key(part) is not None:
            lists[outline.parents[part]].append(part)
    found = (
        _read_row_list(outline, part, beside, inside)
        for beside in lists.values()
        if 1 < len(beside) <= _MOST
        for part in sorted(beside)
    )
    return [one for one in found if one is not None]


def _read_row_list(outline: Outline, part: int, beside: list[int], inside: dict[int, list[int]]) -> RowList | None:
    rows = inside[part]
    if len(rows) < _FEWEST or any(outline.mark(row) != "[" for row in rows):
        return None
    others = [other for other in sorted(beside) if other != part]
    names = [other for other in others if all(outline.mark(item) == '"' for item in inside[other])]
    # The first row is enough to see that most lists are no such thing; only then all are read.
    width = _count_cells(outline, rows[0])
    headers = [other for other in names if _FEWEST <= len(inside[other]) == width]
    if not headers or any(_count_cells(outline, row) != width for row in rows[1:]):
        return None
    headers.sort(key=lambda other: (outline.key(other) or "").casefold() not in _USUAL)
    scalars = [other for other in others if other not in headers and _are_scalars(outline, inside[other])]
    along = [inside[other] for other in scalars if len(inside[other]) == len(rows)]
    runs = {
        outline.leads[other]: outline.ends[other]
        for other in scalars
        # Of long lists several items are one part, which cannot go with a row.
        if len(inside[other]) < len(rows) == _count_cells(outline, other)
    }
    labels = tuple(zip(*along, strict=True)) if along else ((),) * len(rows)
    return RowList(part, tuple(rows), tuple(headers), labels, runs)


def _are_scalars(outline: Outline, parts: list[int]) -> bool:
    return all(outline.mark(part) not in "{[" for part in parts)


def _count_cells(outline: Outline, row: int) -> int:
    """How many cells a row has; -1 for one that is nested too deeply to be read."""
    cells = read_cells(_value(outline, row))
    return -1 if cells is None else len(cells)


def _value(outline: Outline, part: int) -> str:
    return outline.text[outline.values[part] : outline.ends[part]]


def row_table(rows: Sequence[str], units: Sequence[int], names: str, title: str) -> Grid:
    """The table of these rows and names, JSON texts."""
    header = tuple(json.loads(names, strict=False))
    return Grid(header, tuple(tuple(read_cells(row) or ()) for row in rows), tuple(units), title=title)
