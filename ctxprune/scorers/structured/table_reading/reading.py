"""A table read once: the words and values of its cells, and the kind of each column."""

from __future__ import annotations

import math
import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np

from ctxprune.scorers.structured.table_reading.notation import detect_notation
from ctxprune.scorers.structured.table_reading.values import Value, read_value, read_value_once
from ctxprune.text.words import fold, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from ctxprune.context.grid import Grid

__all__ = ["NOTHING", "TableReading"]

NOTHING = frozenset({"", "-", "--", "n/a", "na", "none", "?", "nan", "null", "tba", "tbd"})
_TOTAL = re.compile(r"\b(?:total|totals|sum|average|overall|all)\b")
_SIGN = re.compile("[$€£¥₹%]")
_MOSTLY = 0.6  # of a column's cells make its kind
_FEW = 1 << 15  # cells of a table of which other tables may have the same; more would only fill the caches
_CACHED = 64  # characters: longer cells are seldom met twice


class _Cell(NamedTuple):
    folded: str
    terms: tuple[str, ...]
    value: Value | None


class Column(Sequence[_Cell]):
    """The cells of a column, of which those that say the same are one object.

    What goes over all cells of a table goes over the distinct ones of each column, and by numpy over their places.

    Attributes:
        cells: The distinct cells, in the order in which they first stand in the column.
        places: For each row the index of its cell among them, int64 (n_rows,).
        counts: How many rows have each of them, int64 (n_cells,).
    """

    def __init__(self, texts: Sequence[str], read: Callable[[str], tuple[str, tuple[str, ...]]]) -> None:
        numbers: dict[str, int] = {}
        self.places = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
        self.counts = np.bincount(self.places, minlength=len(numbers))
        found = [read(text) if len(text) <= _CACHED else _read_words(text) for text in numbers]
        # One notation a column: "1.234" is read by what its neighbours can only mean.
        notation = detect_notation([folded for folded, _ in found], self.counts.tolist())
        value = read_value if read is _cached else read_value_once
        self.cells = [
            _Cell(folded, words, value(text, notation) if folded else None)
            for text, (folded, words) in zip(numbers, found, strict=True)
        ]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, index: int) -> _Cell: ...

    @overload
    def __getitem__(self, index: slice) -> list[_Cell]: ...

    def __getitem__(self, index: int | slice) -> _Cell | list[_Cell]:
        """The cell of a row."""
        if isinstance(index, slice):
            return [self.cells[place] for place in self.places[index].tolist()]
        return self.cells[int(self.places[index])]

    def __iter__(self) -> Iterator[_Cell]:
        return map(self.cells.__getitem__, self.places.tolist())

    @cached_property
    def filled(self) -> NDArray[np.bool_]:
        """Whether each of `cells` is not empty, bool (n_cells,)."""
        return np.array([bool(cell.folded) for cell in self.cells], dtype=np.bool_)


@lru_cache(maxsize=32768)
def _cached(text: str) -> tuple[str, tuple[str, ...]]:
    return _read_words(text)


def _read_words(text: str) -> tuple[str, tuple[str, ...]]:
    folded = " ".join(fold(text).split())
    return ("", ()) if folded in NOTHING else (folded, tuple(dict.fromkeys(terms(text))))


def _read_columns(grid: Grid) -> list[Column]:
    """The cells of each column, read in its own notation."""
    read = _cached if len(grid.rows) * len(grid.header) <= _FEW else _read_words
    texts = zip(*grid.rows, strict=True) if grid.rows else [() for _ in grid.header]
    return [Column(column, read) for column in texts]


class Postings:
    """The cells that hold a term: two numbers for each cell, where a list of pairs would take ten times the memory.

    Args:
        columns: For each column its cells.
    """

    def __init__(self, columns: list[Column]) -> None:
        self._width = max(len(columns), 1)
        self._rows = len(columns[0]) if columns else 0
        self._numbers: dict[str, int] = {}
        none = np.zeros(0, dtype=np.int64)
        found = [self._number_terms(number, column) for number, column in enumerate(columns)] or [(none, none)]
        ids, where = (np.concatenate(parts) for parts in zip(*found, strict=True))
        numbers = self._numbers
        # Sorted by term and then by place: each term's places are one slice.
        order = np.lexsort((where, ids))
        self._places = where[order]
        self._starts = np.searchsorted(ids[order], np.arange(len(numbers) + 1))
        pairs = np.stack([ids[order], self._places // self._width])
        # A row that holds a term in two cells counts once for its frequency.
        fresh = np.ones(len(order), dtype=np.bool_)
        fresh[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
        self._holders = np.bincount(pairs[0][fresh], minlength=len(numbers))  # rows that hold each term

    def _number_terms(self, number: int, column: Column) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each term in the cells of a column, and the place of its cell in the table."""
        numbers, known = self._numbers, array("q")
        for cell in column.cells:
            known.extend([numbers.setdefault(term, len(numbers)) for term in cell.terms])
        sizes = np.array([len(cell.terms) for cell in column.cells], dtype=np.int64)
        held = sizes[column.places]
        # Of each term its place in `known`: where those of its cell start, and how many of the cell's came before.
        before = np.repeat((np.cumsum(sizes) - sizes)[column.places] - (np.cumsum(held) - held), held)
        ids = np.frombuffer(known, dtype=np.int64)[before + np.arange(len(before))]
        return ids, np.repeat(np.arange(len(held)) * self._width + number, held)

    def __contains__(self, term: object) -> bool:
        return term in self._numbers

    def get(self, term: str) -> list[tuple[int, int]]:
        """The (row, column) pairs whose cells hold `term`, in source order; [] for one that no cell holds."""
        found = self._find(term)
        return list(zip((found // self._width).tolist(), (found % self._width).tolist(), strict=True))

    def rows(self, term: str) -> NDArray[np.int64]:
        """The rows that hold `term`, each once, rising."""
        return np.unique(self._find(term) // self._width)

    def idf(self, term: str) -> float:
        """ln(1 + (n - df + 0.5) / (df + 0.5)) of a term, over the rows."""
        number = self._numbers.get(term)
        holders = 0 if number is None else int(self._holders[number])
        return math.log(1 + (self._rows - holders + 0.5) / (holders + 0.5))

    def _find(self, term: str) -> NDArray[np.int64]:
        number = self._numbers.get(term)
        if number is None:
            return self._places[:0]
        return self._places[self._starts[number] : self._starts[number + 1]]


class TableReading:
    """What the features need of one grid, computed once.

    Attributes:
        columns: For each column its cells from the top, folded, cut and read.
        places: Where the terms of the cells are.
        low, high: float64 (n_rows, n_columns), the cells' values; NaN where there is none.
        kinds: For each column "number", "percent", "ordinal", "year", "date", "day", "time" or "text".
        filled: float64 (n_columns,), share of cells that are not empty.
        distinct: float64 (n_columns,), distinct texts over filled cells.
        headers: For each column the terms of its header.
        dated: float64 (n_columns,), 1 for a header that is a year or date.
        spanning: float64 (n_rows,), 1 for a row with one distinct text, in its first cell or in all: a heading.
        total: float64 (n_rows,), 1 for a row whose label says that it sums up others.
        said: float64 (n_rows,), number of its cells that are not empty.
        like_header: float64 (n_rows,), share of its cells that are header texts.
        title: The terms of the title.
        named: Those of the title and of all headers.
        last: The last question and what `ask` made of it (an `Asked`, a type of a module above this one); of a small
            table only.
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.last: tuple[str, Any] | None = None
        self.columns = _read_columns(grid)
        self.dated = np.array([_is_dated(text) for text in grid.header], dtype=np.float64)
        self.title = frozenset(terms(grid.title)) if grid.title.strip() else frozenset()
        self.headers = [tuple(dict.fromkeys(terms(text))) if text.strip() else () for text in grid.header]
        self.named = self.title.union(*self.headers)
        self.places = Postings(self.columns)
        self.low, self.high = self._values()
        self._describe_columns()
        self._describe_rows()

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.grid.rows), len(self.grid.header)

    @cached_property
    def texts(self) -> dict[str, list[tuple[int, int]]]:
        """For the first word of each folded cell of at most three words the (row, column) pairs where it stands."""
        texts: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for column, cells in enumerate(self.columns):
            for row, cell in enumerate(cells):
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

    def _values(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        low, high = np.full((2, *self.shape), math.nan)
        for number, column in enumerate(self.columns):
            bounds = [
                (cell.value.low, cell.value.high) if cell.value else (math.nan, math.nan) for cell in column.cells
            ]
            if bounds:
                low[:, number], high[:, number] = np.array(bounds)[column.places].T
        return low, high

    def _describe_rows(self) -> None:
        headers = {" ".join(fold(text).split()) for text in self.grid.header}
        # A header of several levels is repeated in parts, where a long table is broken into sections.
        headers |= {part.strip() for text in headers for part in text.split("/")}
        size, width = self.shape
        said, like = np.zeros(size), np.zeros(size)
        numbers: dict[str, int] = {}
        first = np.full(size, -1)  # the number of the text that each row says first
        differs = np.zeros(size, dtype=np.bool_)
        for column in self.columns:
            texts = np.array([numbers.setdefault(cell.folded, len(numbers)) for cell in column.cells], dtype=np.int64)
            titles = np.array([cell.folded in headers for cell in column.cells], dtype=np.bool_)
            filled, text = column.filled[column.places], texts[column.places]
            said += filled
            like += filled & titles[column.places]
            first = np.where(filled & (first < 0), text, first)
            differs |= filled & (text != first)
        self.said, self.like_header = said, like / np.maximum(said, 1)
        self.total, self.spanning = np.zeros(size), np.zeros(size)
        if width:
            labels = self.columns[0]
            sums = np.array([_TOTAL.search(cell.folded) is not None for cell in labels.cells], dtype=np.float64)
            self.total = sums[labels.places]
        if width > 1:
            # One distinct text in the first cell or in all of them: a heading within the table, not a row of data.
            self.spanning = (labels.filled[labels.places] & ~differs).astype(np.float64)

    def _describe_columns(self) -> None:
        size, width = self.shape
        self.kinds: list[str] = []
        filled, distinct = np.zeros(width), np.zeros(width)
        for number, column in enumerate(self.columns):
            said = int(column.counts[column.filled].sum())
            filled[number] = said / max(size, 1)
            distinct[number] = len({cell.folded for cell in column.cells if cell.folded}) / max(said, 1)
            self.kinds.append(_detect_kind(column, said))
        self.filled, self.distinct = filled, distinct


def _is_dated(header: str) -> bool:
    values = [read_value(part.strip()) for part in header.split(" / ")]
    return any(value is not None and value.dated for value in values)


def _detect_kind(column: Column, said: int) -> str:
    """The kind of most of the `said` cells that are not empty."""
    counts: dict[str, int] = defaultdict(int)
    for cell, count in zip(column.cells, column.counts.tolist(), strict=True):
        if cell.value is not None:
            counts[cell.value.kind] += count
    # Most cells and not all: columns of numbers have notes, dashes and totals among them.
    if sum(counts.values()) < _MOSTLY * said or not counts:
        return "text"
    return max(counts, key=lambda kind: counts[kind])
