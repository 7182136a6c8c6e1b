"""A table read once: the words and values of its cells, and what kind of thing each column holds."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text import fold, terms

from .notation import notation_of
from .values import Value, read_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.grid import Grid

__all__ = ["NOTHING", "TableReading"]

NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "?", "nan", "null", "tba", "tbd"})
_TOTAL = re.compile(r"\b(?:total|totals|sum|average|overall|all)\b")
_SIGN = re.compile("[$€£¥₹%]")
_MOSTLY = 0.6  # of a column's cells make its kind
_CACHED = 64  # characters: longer cells are seldom met twice


@dataclass(frozen=True, slots=True)
class _Cell:
    folded: str
    terms: tuple[str, ...]
    value: Value | None


@lru_cache(maxsize=32768)
def _cached(text: str) -> tuple[str, tuple[str, ...]]:
    folded = " ".join(fold(text).split())
    return ("", ()) if folded in NOTHING else (folded, tuple(dict.fromkeys(terms(text))))


def _folded(text: str) -> tuple[str, tuple[str, ...]]:
    """A cell folded, and its terms, each once."""
    return _cached(text) if len(text) <= _CACHED else _cached.__wrapped__(text)


def _cells(grid: Grid) -> list[list[_Cell]]:
    """The cells, each column read in its own notation."""
    rows = [[_folded(text) for text in row] for row in grid.rows]
    notations = [notation_of(folded for folded, _ in column) for column in zip(*rows, strict=True)]
    return [
        [
            _Cell(folded, words, read_value(text, notation) if folded else None)
            for text, (folded, words), notation in zip(texts, row, notations, strict=True)
        ]
        for texts, row in zip(grid.rows, rows, strict=True)
    ]


class TableReading:
    """What the features need of one grid, worked out once.

    Attributes:
        cells: For each row its cells, folded, cut and read.
        places: For each term the (row, column) pairs whose cells hold it, in source order.
        idf: Of each term over the rows: ln(1 + (n - df + 0.5) / (df + 0.5)).
        low, high: float64 (n_rows, n_columns), the cells' values; NaN where there is none.
        kinds: For each column "number", "percent", "ordinal", "year", "date", "day", "time" or "text".
        filled: float64 (n_columns,), share of cells that say something.
        distinct: float64 (n_columns,), distinct texts over filled cells.
        headers: For each column the terms of its header.
        dated: float64 (n_columns,), 1 for a header that is a year or date.
        spanning: float64 (n_rows,), 1 for a row that says one thing only, in its first cell or in all: a heading.
        total: float64 (n_rows,), 1 for a row whose label says that it sums up others.
        like_header: float64 (n_rows,), share of its cells that are header texts.
        title: The terms of the title.
        named: Those of the title and of all headers.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.cells = _cells(grid)
        self.dated = np.array([_dated(text) for text in grid.header], dtype=np.float64)
        self.title = frozenset(terms(grid.title)) if grid.title.strip() else frozenset()
        self.headers = [tuple(dict.fromkeys(terms(text))) if text.strip() else () for text in grid.header]
        self.named = self.title.union(*self.headers)
        self.places = self._places()
        n = len(self.cells)
        counts = {term: len({row for row, _ in places}) for term, places in self.places.items()}
        self.idf = {term: math.log(1 + (n - df + 0.5) / (df + 0.5)) for term, df in counts.items()}
        self.low, self.high = self._values()
        self._columns()
        self._rows()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.cells), len(self.grid.header)

    @cached_property
    def texts(self) -> dict[str, list[tuple[int, int]]]:
        """For the first word of each folded cell of at most three words the (row, column) pairs where it stands."""
        texts: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, cells in enumerate(self.cells):
            for column, cell in enumerate(cells):
                if cell.folded.count(" ") < 3:
                    texts[cell.folded.partition(" ")[0]].append((row, column))
        return texts

    @cached_property
    def signs(self) -> tuple[str, ...]:
        """For each column the currency or percent sign that most of its cells with a value have; "" without one."""
        return tuple(self._sign(column) for column in range(self.shape[1]))

    def _sign(self, column: int) -> str:
        if self.kinds[column] == "text":
            return ""
        found = Counter(match[0] for row in self.grid.rows if (match := _SIGN.search(row[column])))
        sign, count = found.most_common(1)[0] if found else ("", 0)
        return sign if 2 * count > np.isfinite(self.low[:, column]).sum() else ""

    def _places(self) -> dict[str, list[tuple[int, int]]]:
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for row, cells in enumerate(self.cells):
            for column, cell in enumerate(cells):
                for term in cell.terms:
                    places[term].append((row, column))
        return places

    def _values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        nan = math.nan
        pairs = [
            [(cell.value.low, cell.value.high) if cell.value else (nan, nan) for cell in row] for row in self.cells
        ]
        both = np.array(pairs, dtype=np.float64).reshape((*self.shape, 2))
        return both[..., 0], both[..., 1]

    def _rows(self) -> None:
        headers = {" ".join(fold(text).split()) for text in self.grid.header}
        headers |= {part.strip() for text in headers for part in text.split("/")}
        self.spanning, self.like_header, self.total = np.zeros((3, len(self.cells)))
        for number, row in enumerate(self.cells):
            said = [cell.folded for cell in row if cell.folded]
            self.spanning[number] = len(row) > 1 and bool(said) and len(set(said)) == 1 and bool(row[0].folded)
            self.total[number] = bool(row) and _TOTAL.search(row[0].folded) is not None
            self.like_header[number] = sum(text in headers for text in said) / max(len(said), 1)

    def _columns(self) -> None:
        n, width = self.shape
        self.kinds: list[str] = []
        filled, distinct = np.zeros(width), np.zeros(width)
        for column in range(width):
            cells = [row[column] for row in self.cells if row[column].folded]
            filled[column] = len(cells) / max(n, 1)
            distinct[column] = len({cell.folded for cell in cells}) / max(len(cells), 1)
            self.kinds.append(_kind(cells))
        self.filled, self.distinct = filled, distinct


def _dated(header: str) -> bool:
    values = [read_value(part.strip()) for part in header.split(" / ")]
    return any(value is not None and value.dated for value in values)


def _kind(cells: list[_Cell]) -> str:
    counts: dict[str, int] = defaultdict(int)
    for cell in cells:
        if cell.value is not None:
            counts[cell.value.kind] += 1
    if sum(counts.values()) < _MOSTLY * len(cells) or not counts:
        return "text"
    return max(counts, key=lambda kind: counts[kind])
