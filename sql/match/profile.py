"""What is known about each column before two schemas are compared: name, type, place, and a summary of its values.

Values are summarised, never kept whole: the smallest hashes of the distinct values (the bottom-k sketch of Cohen and
Kaplan, "Summarizing data using bottom-k sketches"), letter pairs, forms, and quantiles of numbers. Two sketches are
comparable whatever the order of the rows, which a sample of the first rows is not.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from decimal import Decimal
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias
from zlib import crc32

import numpy as np

from ctxprune.errors import QueryError, QueryLimitError, QueryTimeoutError, UsageError
from ctxprune.text.words import fold, split_identifier

from ..database.database import Database
from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..schema.schema import Column, Schema, Table

__all__ = ["ColumnProfile", "Values", "exact_hashes", "profile_schema", "value_hashes", "value_key"]

Values: TypeAlias = Database | Mapping[ColumnRef, Sequence[object]] | None

SKETCH = 512  # hashes kept of a column's distinct values; below that many the comparison is exact
QUANTILES = 33
PAIRS, FORMS = 512, 64  # length of the vectors of letter pairs and of forms
_LONGEST = 200  # characters of a value that are looked at
_FEW = 60  # distinct values whose letters and forms are looked at
_NUMBER = re.compile(r"[-+]?\d[\d,]*(?:\.\d+)?(?:[eE][-+]?\d+)?%?")
_RUNS = ((re.compile(r"[^\W\d_]+"), "a"), (re.compile(r"\d+"), "9"))
_FAMILIES = (
    ("flag", re.compile(r"bool|\bbit\b", re.IGNORECASE)),
    ("time", re.compile(r"date|time|year|interval", re.IGNORECASE)),
    ("number", re.compile(r"int|real|num|dec|float|doub|serial|money", re.IGNORECASE)),
    ("text", re.compile(r"char|text|clob|string|uuid|enum", re.IGNORECASE)),
)
MOST_ROWS = 1_000_000
_LARGEST_EXACT = 10**15  # numbers beyond are compared by their digits, since floats would make neighbours equal


@dataclass(frozen=True, eq=False)
class ColumnProfile:
    """Everything that scorers see of one column.

    Attributes:
        ref: The column.
        words, table_words: Folded words of its name and of its table's name.
        text: Comment and description; "" if there are none.
        family: Declared type: "number", "text", "time", "flag", or "" where nothing is declared.
        primary_key: It is a part of its table's primary key.
        refers: The column that it refers to as a foreign key; None where it does not.
        place: Position in its table, 0..1.
        rows: Rows that were read; 0 where values are unknown.
        whole: All rows were read.
        filled: Share of rows with a value, 0..1.
        distinct: Number of distinct values among them.
        numeric: Share of the distinct values that are numbers, 0..1.
        length: Mean characters of the distinct values.
        sketch: uint64 (at most SKETCH,), rising: the smallest hashes of the distinct values.
        tokens: The same of the words in them.
        quantiles: float64 (QUANTILES,) of the numbers; empty where under half of the values are numbers.
        cells: uint64 (rows,): a hash of each cell in the order of the rows, of its exact value and type; None where the
            cells were not read, or may be no whole rows.
        pairs, forms: float32 (PAIRS,) and (FORMS,): unit vectors of letter pairs and of forms ("a-999"); zeros if none.
    """

    ref: ColumnRef
    words: tuple[str, ...]
    table_words: tuple[str, ...]
    text: str = ""
    family: str = ""
    primary_key: bool = False
    refers: ColumnRef | None = None
    place: float = 0.0
    rows: int = 0
    whole: bool = False
    filled: float = 0.0
    distinct: int = 0
    numeric: float = 0.0
    length: float = 0.0
    sketch: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    tokens: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    quantiles: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    cells: NDArray[np.uint64] | None = None
    pairs: NDArray[np.float32] = field(default_factory=lambda: np.zeros(PAIRS, dtype=np.float32))
    forms: NDArray[np.float32] = field(default_factory=lambda: np.zeros(FORMS, dtype=np.float32))

    @property
    def known(self) -> bool:
        """Whether any value was seen."""
        return self.distinct > 0

    @property
    def unique(self) -> bool:
        """Whether no two of the rows that were read have the same value, and none lacks one."""
        return self.rows > 0 and self.distinct == self.rows


def profile_schema(
    schema: Schema,
    values: Values = None,
    *,
    rows: int = 5_000,
    seconds: float = 30.0,
    private: frozenset[ColumnRef] = frozenset(),
) -> tuple[ColumnProfile, ...]:
    """Profiles of all columns, in schema order; () for a schema without columns.

    Args:
        schema: What to describe.
        values: A database to read, or values by column; None: the schema's own `Column.examples`. A column that is not
            readable, or not in time, is described by what the schema says alone.
        rows: Rows read of each table, 1 to 1,000,000.
        seconds: For all reading together, above 0.
        private: Columns whose values are not looked at.

    Raises:
        UsageError: `values` is of another type, or a number is out of range.
        DatabaseError: The file cannot be read, is locked or damaged; the server cannot be reached.
    """
    if not isinstance(rows, int) or isinstance(rows, bool) or not 0 < rows <= MOST_ROWS:
        raise UsageError(f"rows is {rows!r}", hint=f"give a whole number from 1 to {MOST_ROWS}")
    if not (isinstance(seconds, (int, float)) and seconds > 0 and math.isfinite(seconds)):
        raise UsageError(f"seconds is {seconds!r}", hint="give a number over 0")
    hidden = set(_by_column(dict.fromkeys(private, ()), "private"))
    held = _Reader(values, rows, seconds)
    references = {
        (key.table.casefold(), name.casefold()): ColumnRef(
            schema.table(key.ref_table).name, schema.table(key.ref_table).column(other).name
        )
        for key in reversed(schema.foreign_keys)
        if schema.holds(key)
        for name, other in zip(key.columns, key.ref_columns, strict=False)
    }
    return tuple(
        _summarise(profile, *cells, aligned=values is not None)
        if (cells := held.cells(table, column, profile.ref, hidden))
        else profile
        for table in schema.tables
        for profile, column in _described(table, references)
    )


def _folded(ref: ColumnRef) -> tuple[str, str]:
    return ref.table.casefold(), ref.column.casefold()


def _described(table: Table, references: Mapping[tuple[str, str], ColumnRef]) -> list[tuple[ColumnProfile, Column]]:
    last = max(len(table.columns) - 1, 1)
    return [
        (
            ColumnProfile(
                ColumnRef(table.name, column.name),
                tuple(split_identifier(column.name)) or (fold(column.name),),
                tuple(split_identifier(table.bare)) or (fold(table.bare),),
                text=" ".join(filter(None, (column.comment, column.description)))[:2_000],
                family=next((name for name, pattern in _FAMILIES if pattern.search(column.type)), ""),
                primary_key=column.primary_key,
                refers=references.get((table.name.casefold(), column.name.casefold())),
                place=place / last,
            ),
            column,
        )
        for place, column in enumerate(table.columns)
    ]


class _Reader:
    """Where the cells of a column come from."""

    def __init__(self, values: Values, rows: int, seconds: float) -> None:
        if values is not None and not isinstance(values, (Database, Mapping)):
            raise UsageError(
                f"values is a {type(values).__name__}", hint="give a Database, values by ColumnRef, or None"
            )
        self._values, self._rows, self._seconds = values, rows, seconds
        self._given = _by_column(values) if isinstance(values, Mapping) else {}
        self._table: tuple[str, dict[str, list[object]], int] = ("", {}, 0)

    def cells(
        self, table: Table, column: Column, ref: ColumnRef, hidden: set[tuple[str, str]]
    ) -> tuple[Sequence[object], bool] | None:
        """The cells and whether they are all; None where nothing is known."""
        if _folded(ref) in hidden:
            return None
        if isinstance(self._values, Database):
            return self._read(self._values, table, column)
        if self._values is None:
            return (column.examples, False) if column.examples else None
        given = self._given.get(_folded(ref))
        if given is None:
            return None
        if isinstance(given, (str, bytes)) or not isinstance(given, Sequence):
            raise UsageError(f"the values of {ref.table}.{ref.column} are no sequence", where="values")
        return list(given[: self._rows]), len(given) <= self._rows

    def _read(self, database: Database, table: Table, column: Column) -> tuple[Sequence[object], bool] | None:
        if self._table[0] != table.name:
            self._table = (table.name, *self._fetch(database, table))
        _, cells, count = self._table
        found = cells.get(column.name.casefold())
        return None if found is None else (found, count < self._rows)

    def _fetch(self, database: Database, table: Table) -> tuple[dict[str, list[object]], int]:
        if self._seconds <= 0:
            return {}, 0
        # Half of what is left for each, so that a view without an end leaves time for the tables after it.
        seconds = min(self._seconds / 2, database.limits.seconds)
        limits = replace(database.limits, seconds=seconds, rows=self._rows)
        begin = perf_counter()
        try:
            found = database.execute(database.samples.of(self._rows).some_rows(table), limits=limits)
        except (QueryError, QueryTimeoutError, QueryLimitError):
            return {}, 0  # a view that cannot be computed, or a slow table: its names and types remain
        finally:
            self._seconds -= perf_counter() - begin
        columns = [name.casefold() for name in found.columns]
        whole = len(found.rows) if not found.truncated else self._rows
        return {name: [row[at] for row in found.rows] for at, name in enumerate(columns)}, whole


def _by_column(
    values: Mapping[ColumnRef, Sequence[object]], name: str = "values"
) -> dict[tuple[str, str], Sequence[object]]:
    for ref in values:
        if not (isinstance(ref, tuple) and len(ref) == 2 and all(isinstance(name, str) for name in ref)):
            raise UsageError(f"{name} has {ref!r:.100}", hint="give columns as ColumnRef(table, column)")
    return {_folded(ColumnRef(*ref)): cells for ref, cells in values.items()}


def value_key(value: object) -> str:
    """A value as it is compared: folded, without outer spaces; 5, 5.0 and "5" are equal. "" for NULL and for blobs."""
    if value is None or isinstance(value, (bytes, bytearray, memoryview)):
        return ""
    if isinstance(value, (int, float, Decimal)):  # a bool is one of them
        try:
            number = float(value)
            exact = abs(number) < _LARGEST_EXACT or not isinstance(value, (int, Decimal)) or math.isnan(number)
            return _number_key(number) if exact else str(value)
        except (ValueError, OverflowError):  # a signalling NaN; more digits than Python writes
            return ""
    text = str(value) if isinstance(value, (date, time)) else " ".join(fold(str(value)[:_LONGEST]).split())
    if text[:1].isdigit() and _NUMBER.fullmatch(text) and len(text) < 16 and not _is_code(text):
        return _number_key(float(text.rstrip("%").replace(",", "")))
    return text


def exact_hashes(cells: Sequence[object]) -> NDArray[np.uint64]:
    """A hash of each cell, uint64 (n,): of its type and its whole value; 5, 5.0 and "5" differ, NULL and "" too."""
    known: dict[str, int] = {}
    places = [known.setdefault(_exact_key(cell), len(known)) for cell in cells]
    return value_hashes(list(known))[places] if places else np.empty(0, dtype=np.uint64)


def _exact_key(cell: object) -> str:
    if cell is None:
        return "null"
    if isinstance(cell, str):
        return f"text {cell}"
    if isinstance(cell, int):  # True is stored as 1
        return f"whole {cell:x}"
    if isinstance(cell, (bytes, bytearray, memoryview)):
        return f"bytes {bytes(cell).hex()}"
    return f"{type(cell).__name__} {cell!r}"


def _is_code(text: str) -> bool:
    """Whether the digits are a code ("007"), whose zeros count."""
    return text.startswith("0") and len(text) > 1 and text[1] != "."


def _number_key(number: float) -> str:
    if not math.isfinite(number):
        return "" if math.isnan(number) else str(number)
    return str(int(number)) if number.is_integer() and abs(number) < _LARGEST_EXACT else repr(number)


def _summarise(profile: ColumnProfile, cells: Sequence[object], whole: bool, *, aligned: bool) -> ColumnProfile:
    if aligned:
        profile = replace(profile, cells=exact_hashes(cells))
    keys = [value_key(cell) for cell in cells]
    counts = Counter(key for key in keys if key)
    if not counts:
        return replace(profile, rows=len(keys), whole=whole)
    distinct = list(counts)
    numbers = [number for key in distinct if (number := _as_number(key)) is not None]
    # A fixed choice of values by hash: both sides then look at the same ones where they hold the same.
    hashes = value_hashes(distinct)
    order = np.argsort(hashes)
    some = [distinct[at] for at in order[:_FEW]]
    text = len(numbers) < len(distinct) / 2
    return replace(
        profile,
        rows=len(keys),
        whole=whole,
        filled=sum(counts.values()) / len(keys),
        distinct=len(distinct),
        numeric=len(numbers) / len(distinct),
        length=float(np.mean([len(key) for key in some])),
        sketch=hashes[order[:SKETCH]],
        tokens=_token_sketch(distinct) if text else np.empty(0, dtype=np.uint64),
        quantiles=np.empty(0) if text else np.quantile(numbers, np.linspace(0, 1, QUANTILES)),
        pairs=_letter_pairs(some),
        forms=_form_vector(some),
    )


def _as_number(key: str) -> float | None:
    try:
        number = float(key)
    except ValueError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e18 else None


def value_hashes(texts: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes of keys, uint64 (n,), the same in every process."""
    joined = b"".join(hashlib.blake2b(t.encode("utf-8", "surrogatepass"), digest_size=8).digest() for t in texts)
    return np.frombuffer(joined, dtype="<u8").astype(np.uint64)


def _token_sketch(distinct: Sequence[str]) -> NDArray[np.uint64]:
    tokens = {token for key in distinct[:SKETCH] for token in key.split() if len(token) > 1}
    return np.sort(value_hashes(sorted(tokens)))[:SKETCH] if tokens else np.empty(0, dtype=np.uint64)


def _letter_pairs(some: Sequence[str]) -> NDArray[np.float32]:
    codes = np.array([ord(char) for key in some for char in f"^{key[:40]}$\0"], dtype=np.int64)
    first, second = codes[:-1], codes[1:]
    inside = (first != 0) & (second != 0)
    return _unit(np.bincount((first[inside] * 131 + second[inside]) % PAIRS, minlength=PAIRS))


def _form_vector(some: Sequence[str]) -> NDArray[np.float32]:
    found = np.zeros(FORMS)
    for key in some:
        form = key[:40]
        for pattern, mark in _RUNS:
            form = pattern.sub(mark, form)
        found[crc32(form.encode("utf-8", "surrogatepass")) % FORMS] += 1
    return _unit(found)


def _unit(counts: NDArray[np.generic]) -> NDArray[np.float32]:
    # Square roots, so that the commonest pair does not stand for the whole column.
    roots = np.sqrt(counts.astype(np.float32))
    return np.asarray(roots / max(float(np.linalg.norm(roots)), 1e-9), dtype=np.float32)
