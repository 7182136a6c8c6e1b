"""Headers of tables: the rows at the top that name the columns, the names, and the column that labels the rows."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from ctxprune.scorers.structured.table_reading.values import read_value

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["column_names", "count_header_rows", "find_key"]

_NUMBER = re.compile(r"[-+(]?\s*[$€£¥]?\s*(?:\d[\d\s.,']*|\.\d+)(?:e[-+]?\d+)?\s*%?\)?", re.I)
_YEAR = re.compile(r"(?:1[5-9]|20)\d\d")
_LONGEST = 40  # characters of a number
_DEEPEST = 5  # rows of a header that are told from the body
_LABELS = 3  # leftmost columns, one of which is the label of the rows
_SAMPLE = 1000  # rows that are looked at


def count_header_rows(records: Sequence[Sequence[str]]) -> int:
    """How many of the records at the top name the columns.

    None, where all that the first one says are numbers, not all of them years. Several, where the first one has nothing
    to say about the first column and the next ones neither, until one does; and where a row of years or dates names the
    columns that the rows above it leave without a name ("(in millions)", then "Year ended | 2019 | 2018").
    """
    if not records:
        return 0
    first = [cell.strip() for cell in records[0]]
    said = [cell for cell in first if cell]
    if said and all(map(_is_number, said)) and not all(map(_YEAR.fullmatch, said)) and len(records) > 1:
        return 0
    if len(first) < 2 or (first[0] and any(first[1:])):
        return 1
    for index, record in enumerate(records[1 : _DEEPEST + 1], start=1):
        if not record or record[0].strip():
            return index + _dates_the_rest(records[:index], record)
        if any(_is_number(cell) and not _YEAR.fullmatch(cell) for cell in map(str.strip, record) if cell):
            return index
    return 1


def _is_number(cell: str) -> bool:
    return len(cell) <= _LONGEST and _NUMBER.fullmatch(cell) is not None


def _dates_the_rest(above: Sequence[Sequence[str]], record: Sequence[str]) -> bool:
    """Whether the record says years or dates and nothing else, in all columns but the first that have no name above."""
    said = [read_value(cell.strip()) for cell in record[1:] if cell.strip()]
    if not said or not all(value is not None and value.dated for value in said):
        return False
    named = [any(cell.strip() for cell in column) for column in zip(*above, strict=False)]
    return not all(named[1:]) and all(name or cell.strip() for name, cell in zip(named[1:], record[1:], strict=False))


def column_names(levels: Sequence[Sequence[str]], width: int) -> tuple[str, ...]:
    """A name a column, its levels from the top joined by " / ".

    A cell above the lowest level also stands over the empty cells to its right; one that is alone in its row stands
    over all columns but the first.
    """
    names: list[list[str]] = [[] for _ in range(width)]
    for depth, level in enumerate(levels):
        cells = [" ".join(cell.split()) for cell in level]
        for column, cell in enumerate(cells if depth == len(levels) - 1 else _spread(cells)):
            if cell and cell not in names[column][-1:]:
                names[column].append(cell)
    return tuple(" / ".join(parts) for parts in names)


def _spread(cells: list[str]) -> list[str]:
    said = [cell for cell in cells if cell]
    if len(said) == 1 and not cells[0]:
        return [cells[0], *(said * (len(cells) - 1))]
    spread: list[str] = []
    for cell in cells:
        spread.append(cell or (spread[-1] if len(spread) > 1 else ""))
    return spread


def find_key(rows: Sequence[Sequence[str]], width: int) -> int:
    """The column that tells rows apart best by words: the leftmost of the first ones that mostly differ and are mostly
    no numbers; else the leftmost whose cells mostly differ; else the first one."""
    sample = rows[:_SAMPLE]
    telling = []
    for column in range(min(width, _LABELS)):
        cells = Counter(row[column].strip() for row in sample)
        filled = len(sample) - cells.pop("", 0)
        if not filled or len(cells) < 0.8 * filled or filled < 0.8 * len(sample):
            continue
        numbers = sum(count for cell, count in cells.items() if _is_number(cell))
        if numbers < 0.5 * filled:
            return column
        telling.append(column)
    return telling[0] if telling else 0
