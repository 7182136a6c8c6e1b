"""A table read once: the words and values of its cells, and the kind of each column."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from functools import cached_property
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.scorers.structured.table_reading.cells import NOTHING, places_of_values, read_words
from ctxprune.scorers.structured.table_reading.notation import detect_notation
from ctxprune.scorers.structured.table_reading.values import read_value, read_value_once, read_wholes
from ctxprune.text.words import fold, terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ctxprune.context.grid import Grid
    from ctxprune.scorers.structured.table_reading.notation import Notation
    from ctxprune.scorers.structured.table_reading.values import Value

__all__ = ["NOTHING", "TableReading"]

_TOTAL = re.compile(r"\b(?:total|totals|sum|average|overall|all)\b")
_SIGN = re.compile("[$€£¥₹%]")
_MOSTLY = 0.6  # of a column's cells make its kind
_FEW = 1 << 15  # cells of a table of which other tables may have the same; more would only fill the caches


class Column:
    """The cells of a column, of which those that say the same are read once.

    What goes over all cells of a table goes over the distinct ones of each column, and by numpy over their places: an
    object for each cell would take most of the time and memory of a large table.

    Attributes:
        places: For each row the index of its cell among the distinct ones, in the order in which they first stand in
            the column, int64 (n_rows,).
        counts: How many rows have each of them, int64 (n_cells,).
        folded: What each of them says, folded, white space narrowed to single spaces; "" for nothing.
        terms: The terms of each, each once; until `Postings` has them.
        low, high: float64 (n_cells,), their values; NaN where there is none.
        kinds: The kind of each value, as in `Value`; "" where there is none.
        filled: bool (n_cells,), whether each says something.
    """

    def __init__(self, texts: Sequence[str], *, shared: bool) -> None:
        """Of a `shared` column other tables may have the same cells."""
        firsts: dict[str, int] = {}
        # For each row the one in which its cell stands first; the cells are numbered by what is then their own row.
        first = np.fromiter(map(firsts.setdefault, texts, count()), dtype=np.int64, count=len(texts))
        distinct = list(firsts)
        self.places = (np.cumsum(first == np.arange(len(first))) - 1)[first]
        self.counts = np.bincount(self.places, minlength=len(distinct))
        self.folded, self.terms = read_words(distinct, shared=shared)
        self.filled = np.fromiter(map(bool, self.folded), dtype=np.bool_, count=len(distinct))
        self.low, self.high = np.full((2, len(distinct)), math.nan)
        self.kinds = [""] * len(distinct)
        self._read_values(distinct, read_value if shared else read_value_once)

    def __len__(self) -> int:
        return len(self.places)

    def _read_values(self, texts: list[str], read: Callable[[str, Notation], Value | None]) -> None:
        whole = np.fromiter(map(str.isdecimal, texts), dtype=np.bool_, count=len(texts))
        whole &= np.fromiter(map(str.isascii, texts), dtype=np.bool_, count=len(texts))
        numbers = np.flatnonzero(whole)
        self.low[numbers], self.high[numbers], kinds = read_wholes([texts[place] for place in numbers.tolist()])
        for place, kind in zip(numbers.tolist(), kinds, strict=True):
            self.kinds[place] = kind
        rest = np.flatnonzero(self.filled & ~whole).tolist()
        others = places_of_values(texts, self.folded, rest)
        # Of plain numbers a notation learns one thing, however many there are.
        written = [*(self.folded[place] for place in others), *("0" for _ in kinds[:1])]
        notation = detect_notation(written, [*self.counts[others].tolist(), 1])
        for place in others:
            if value := read(texts[place], notation):
                self.low[place], self.high[place], self.kinds[place] = value.low, value.high, value.kind


def _read_columns(grid: Grid) -> list[Column]:
    """The cells of each column, read in its own notation."""
    shared = len(grid.rows) * len(grid.header) <= _FEW
    texts = zip(*grid.rows, strict=True) if grid.rows else [() for _ in grid.header]
    return [Column(column, shared=shared) for column in texts]


class Postings:
    """The cells that hold a term: two numbers for each cell, where a list of pairs would take ten times the memory.

    Args:
        columns: For each column its cells.
    """

    def __init__(self, columns: list[Column]) -> None:
        self._width = max(len(columns), 1)
        self._rows = len(columns[0]) if columns else 0
        self._numbers: dict[str, int] = {}
        self._size = 0  # terms that were numbered, each as often as it stands there
        self._columns = columns
        # Of each column the numbers of the terms of its distinct cells, cell after cell, and how many each has.
        self._terms = self._without_gaps([self._number(column) for column in columns])
        cells = max(self._rows * self._width, 1)
        # One key a pair sorts in a third of the time that two take.
        keys = [self._held(number) for number in range(len(columns))]
        pairs = np.concatenate(keys) if keys else np.zeros(0, dtype=np.int64)
        pairs.sort()
        ids, self._places = np.divmod(pairs, cells)
        size = len(self._numbers)
        self._starts = np.concatenate([[0], np.cumsum(np.bincount(ids, minlength=size))])
        rows = self._places // self._width
        fresh = np.ones(len(ids), dtype=np.bool_)
        fresh[1:] = (ids[1:] != ids[:-1]) | (rows[1:] != rows[:-1])
        self._holders = np.bincount(ids[fresh], minlength=size)  # rows that hold each term

    def _number(self, column: Column) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        sizes = np.fromiter(map(len, column.terms), dtype=np.int64, count=len(column.terms))
        size = int(sizes.sum())
        # Each term has the number of its first place among all, until `_without_gaps`: to count up for new terms only
        # would take a second pass over all of them.
        numbered = map(self._numbers.setdefault, chain.from_iterable(column.terms), count(self._size))
        self._size += size
        return np.fromiter(numbered, dtype=np.int32, count=size), sizes

    def _without_gaps(
        self, terms: list[tuple[NDArray[np.int32], NDArray[np.int64]]]
    ) -> list[tuple[NDArray[np.int32], NDArray[np.int64]]]:
        """The same with the number of terms that were met before in place of the first place of each."""
        fresh, start = np.zeros(self._size, dtype=np.bool_), 0
        for ids, _ in terms:
            end = start + len(ids)
            fresh[start:end] = ids == np.arange(start, end)
            start = end
        self._dense = np.cumsum(fresh, dtype=np.int32) - np.int32(1)
        return [(self._dense[ids], sizes) for ids, sizes in terms]

    def _number_of(self, term: str) -> int | None:
        place = self._numbers.get(term)
        return None if place is None else int(self._dense[place])

    def _held(self, number: int) -> NDArray[np.int64]:
        """For each term of each cell of a column its number, times the cells of the table, plus the cell's place."""
        (known, sizes), places = self._terms[number], self._columns[number].places
        held = sizes[places]
        # Of each term its place in `known`: where those of its cell start, and how many of the cell's came before.
        before = np.repeat((np.cumsum(sizes) - sizes)[places] - (np.cumsum(held) - held), held)
        keys = known[before + np.arange(len(before))].astype(np.int64)
        keys *= self._rows * self._width
        keys += np.repeat(np.arange(len(held)) * self._width + number, held)
        return keys

    def __contains__(self, term: object) -> bool:
        return term in self._numbers

    def get(self, term: str) -> list[tuple[int, int]]:
        """The (row, column) pairs whose cells hold `term`, in source order; [] for one that no cell holds."""
        found = self.find_places(term)
        return list(zip((found // self._width).tolist(), (found % self._width).tolist(), strict=True))

    def rows(self, term: str) -> NDArray[np.int64]:
        """The rows that hold `term`, each once, rising."""
        return np.unique(self.find_places(term) // self._width)

    def idf(self, term: str) -> float:
        """ln(1 + (n - df + 0.5) / (df + 0.5)) of a term, over the rows."""
        number = self._number_of(term)
        return self._idf(0 if number is None else int(self._holders[number]))

    def find_places(self, term: str) -> NDArray[np.int64]:
        """The cells that hold `term`, row after row: the row times the number of columns, plus the column."""
        number = self._number_of(term)
        if number is None:
            return self._places[:0]
        return self._places[self._starts[number] : self._starts[number + 1]]

    def information(self, column: int) -> NDArray[np.float64]:
        """The sum of the idf of the terms of each distinct cell of a column, float64 (n_cells,)."""
        ids, sizes = self._terms[column]
        owners = np.repeat(np.arange(len(sizes)), sizes)
        return np.asarray(np.bincount(owners, weights=self._weights[ids], minlength=len(sizes)), dtype=np.float64)

    @cached_property
    def _weights(self) -> NDArray[np.float64]:
        """The idf of each term; by `math.log`, of which numpy's differs in the last bit."""
        held, places = np.unique(self._holders, return_inverse=True)
        return np.array([self._idf(holders) for holders in held.tolist()], dtype=np.float64)[places]

    def _idf(self, holders: int) -> float:
        return math.log(1 + (self._rows - holders + 0.5) / (holders + 0.5))


class TableReading:
    """What the features need of one grid, computed once.

    Attributes:
        columns: For each column its cells, folded, cut and read.
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
        last_demand: The last question and what it needs (a `QuestionDemand`).
    """

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self.last: tuple[str, Any] | None = None
        self.last_demand: tuple[str, Any] | None = None
        self.columns = _read_columns(grid)
        self.dated = np.array([_is_dated(text) for text in grid.header], dtype=np.float64)
        self.title = frozenset(terms(grid.title)) if grid.title.strip() else frozenset()
        self.headers = [tuple(dict.fromkeys(terms(text))) if text.strip() else () for text in grid.header]
        self.named = self.title.union(*self.headers)
        self.places = Postings(self.columns)
        for column in self.columns:
            del column.terms  # of a large table they take 100 MB
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
        for number, column in enumerate(self.columns):
            words = [text.partition(" ")[0] if text.count(" ") < 3 else None for text in column.folded]
            for row, place in enumerate(column.places.tolist()):
                if (word := words[place]) is not None:
                    texts[word].append((row, number))
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
            low[:, number], high[:, number] = column.low[column.places], column.high[column.places]
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
        met = count()
        for column in self.columns:
            titles = np.fromiter(map(headers.__contains__, column.folded), dtype=np.bool_)
            filled = column.filled[column.places]
            said += filled
            like += filled & titles[column.places]
            if differs.all():  # mostly after two columns: what the others say need not be compared
                continue
            texts = np.fromiter(map(numbers.setdefault, column.folded, met), dtype=np.int64)
            text = texts[column.places]
            first = np.where(filled & (first < 0), text, first)
            differs |= filled & (text != first)
        self.said, self.like_header = said, like / np.maximum(said, 1)
        self.total, self.spanning = np.zeros(size), np.zeros(size)
        if width:
            labels = self.columns[0]
            sums = np.array([_TOTAL.search(text) is not None for text in labels.folded], dtype=np.float64)
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
            distinct[number] = len({*column.folded} - {""}) / max(said, 1)
            self.kinds.append(_detect_kind(column, said))
        self.filled, self.distinct = filled, distinct


def _is_dated(header: str) -> bool:
    values = [read_value(part.strip()) for part in header.split(" / ")]
    return any(value is not None and value.dated for value in values)


def _detect_kind(column: Column, said: int) -> str:
    """The kind of most of the `said` cells that are not empty."""
    counts: dict[str, int] = defaultdict(int)
    for kind, rows in zip(column.kinds, column.counts.tolist(), strict=True):
        if kind:
            counts[kind] += rows
    if sum(counts.values()) < _MOSTLY * said or not counts:
        return "text"
    return max(counts, key=lambda kind: counts[kind])
