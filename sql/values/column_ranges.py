"""What numbers and days each column holds: smallest, largest, how many, and all of them where they are few.

Columns are judged by their cells: numbers, numbers written as text, and days in any form that dates.py knows, as text
or as a number such as 20240131. A column that cannot be read has no range; the index build reports why.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import FormatError, QueryError, QueryLimitError, QueryTimeoutError

from ..database.drivers.samples import groups
from ..schema.schema import ColumnRef
from .dates import DateForm, detect

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from ..database.database import Database
    from ..schema.schema import Schema, Table

__all__ = ["ColumnRange", "measure_ranges", "plain_number", "read_ranges"]

_FEW = 64
_SAMPLE = 500
_MOST_READ = 20_000
_LONGEST = 40
_SECONDS = 60.0
_ENOUGH = 0.95
_STATISTICS = 6


@dataclass(frozen=True, slots=True)
class ColumnRange:
    """The numbers or days of one column.

    Attributes:
        table, column: Its name.
        low, high: Smallest and largest number; of days as the number 20240131, of months as 202401.
        count: Cells that hold one.
        whole: All are whole numbers.
        text: They are written as text.
        values: All distinct ones, sorted, where they are at most 64; () otherwise.
        form: How days are written, a pattern of dates.py; "" for numbers.
        timed, glue: As in `DateForm`.
    """

    table: str
    column: str
    low: float
    high: float
    count: int
    whole: bool
    text: bool = False
    values: tuple[float, ...] = ()
    form: str = ""
    timed: bool = False
    glue: str = " "

    @property
    def ref(self) -> ColumnRef:
        """The column."""
        return ColumnRef(self.table, self.column)

    @property
    def date_form(self) -> DateForm | None:
        """How its days are written; None for numbers."""
        return DateForm(self.form, self.timed, self.glue) if self.form else None

    @property
    def numbers_rows(self) -> bool:
        """It only counts the rows of its table."""
        return self.whole and not self.text and self.low in {0, 1} and self.high - self.low + 1 == self.count


def measure_ranges(database: Database, schema: Schema, exclude: Collection[ColumnRef] = ()) -> list[dict[str, Any]]:
    """The ranges of all columns of `schema` that hold numbers or days, as JSON-safe records; see `read_ranges`.

    Raises:
        DatabaseError: The file cannot be read.
    """
    found: list[dict[str, Any]] = []
    for table in schema.tables:
        if table.is_view:
            continue
        wanted = [column for column in table.columns if ColumnRef(table.name, column.name) not in exclude]
        for columns in groups(wanted):
            found += map(asdict, _readable_ranges(database, table, [column.name for column in columns]))
    return found


def read_ranges(records: Sequence[Mapping[str, Any]]) -> tuple[ColumnRange, ...]:
    """The ranges that `measure_ranges` recorded.

    Raises:
        FormatError: A record is damaged.
    """
    known = {field.name for field in fields(ColumnRange)}
    try:
        ranges = (ColumnRange(**{key: value for key, value in one.items() if key in known}) for one in records)
        return tuple(replace(one, values=tuple(map(float, one.values))) for one in ranges)
    except (TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"the ranges of the index are damaged ({error})", hint="rebuild the index") from error


def plain_number(text: str) -> float | None:
    """The number that a text is, with or without thousands marks, currency or per cent sign; None for another."""
    bare = text.strip().strip("$€£%").replace(",", "").strip()
    if not bare or not bare.isascii() or not (bare[0].isdigit() or bare[0] in "+-.") or not bare[-1].isdigit():
        return None
    try:
        number = float(bare)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _readable_ranges(database: Database, table: Table, names: Sequence[str]) -> list[ColumnRange]:
    """The ranges of some columns of a table; where one cannot be computed, those of the others."""
    try:
        return list(_table_ranges(database, table, names))
    except (QueryLimitError, QueryTimeoutError):
        return []
    except QueryError:
        return [one for name in names for one in _readable_ranges(database, table, [name])] if len(names) > 1 else []


def _table_ranges(database: Database, table: Table, names: Sequence[str]) -> Iterator[ColumnRange]:
    limits = replace(database.limits, seconds=max(_SECONDS, database.limits.seconds))
    sql = database.samples.ranges(table, [table.column(name) for name in names])
    row: tuple[Any, ...] = database.execute(sql, limits=limits).rows[0]
    for k, name in enumerate(names):
        numbers, low, high, whole, texts, cells_held = row[k * _STATISTICS : (k + 1) * _STATISTICS]
        ref = ColumnRef(table.name, name)
        if numbers and numbers >= cells_held / 2:
            yield _of_numbers(database, ref, (float(low), float(high)), numbers, whole=whole == numbers)
        elif texts and texts >= cells_held / 2:
            found = _of_texts(database, ref, texts)
            if found is not None:
                yield found


def _of_numbers(
    database: Database, ref: ColumnRef, bounds: tuple[float, float], count: int, *, whole: bool
) -> ColumnRange:
    table = database.table(ref.table)
    sql = database.samples.numbers(table, table.column(ref.column), _FEW + 1)
    rows: tuple[tuple[Any, ...], ...] = database.execute(sql).rows
    sample = sorted(float(row[0]) for row in rows)
    form = detect([f"{number:.0f}" for number in sample]) if whole and bounds[0] >= 100_000 else None
    return ColumnRange(
        ref.table, ref.column, *bounds, count, whole,
        values=tuple(sample) if len(sample) <= _FEW else (), form=form.pattern if form else "",
    )  # fmt: skip


def _of_texts(database: Database, ref: ColumnRef, count: int) -> ColumnRange | None:
    sample = _distinct(database, ref, _SAMPLE)
    form = detect(sample)
    if form is None and sum(plain_number(text) is not None for text in sample) < max(1.0, _ENOUGH * len(sample)):
        return None
    texts = sample if len(sample) < _SAMPLE else _distinct(database, ref, _MOST_READ)
    if form is not None:
        numbers = sorted({_as_number(day) for day in map(form.read, texts) if day is not None})
    else:
        numbers = sorted({number for number in map(plain_number, texts) if number is not None})
    column_range = ColumnRange(
        ref.table, ref.column, numbers[0], numbers[-1], count, all(map(float.is_integer, numbers)), text=True,
        values=tuple(numbers) if len(numbers) <= _FEW else (),
    )  # fmt: skip
    return column_range if form is None else replace(column_range, form=form.pattern, timed=form.timed, glue=form.glue)


def _distinct(database: Database, ref: ColumnRef, most: int) -> list[str]:
    parts = database.distinct_values(ref, batch=5000, max_values=most, max_chars=_LONGEST)
    return [text for part in parts for text in part if text.strip()]


def _as_number(day: tuple[int, int, int]) -> float:
    year, month, number = day
    return float(year * 10_000 + month * 100 + number) if number else float(year * 100 + month)
