"""Reads the columns of a database into an index: what is read, what is skipped, and why.

A column is read in the database's order, sorted, and compared with what an existing index holds of it, so that only
new values are mapped. A first build is the same with an empty existing index.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError

from ..schema.schema import ColumnRef
from .eligibility import LONGEST_VALUE, measure, personal
from .privacy import masked_digests
from .sorting import in_order
from .truths import truths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ..database.database import Database
    from ..schema.schema import Schema
    from .privacy import Privacy
    from .reuse import PreviousIndex
    from .run_buffer import RunBuffer

__all__ = ["EXCLUDED", "VIEW", "ReadTask", "read_columns"]

EXCLUDED = "excluded"
VIEW = "view"
_BATCH = 5000  # values that the database gives at a time
_BLOCK = 20_000  # sorted values that are compared and mapped at a time
_SECONDS = 3600.0  # deadline of a column
_MOST_LONG = 100_000  # values that are counted as too long
_SOME_NUMBERS = 500  # of a column, looked at for payment cards
_REPORT_EVERY = 100_000  # values of one column
_WAITS = (0.5, 1, 2, 4, 8, 16, 30)  # seconds, for a server to come back
_MOST_DISTINCT = 1_000_000  # values up to which the database removes duplicates; beyond, the sort does


@dataclass
class ReadTask:
    """A database whose columns are read, and how far that has come.

    Attributes:
        database, schema: Where the values are, and which columns may be read.
        privacy: Columns of the schema that may not, and columns whose values must not be kept.
        progress: Called as progress(columns done, columns in all, name of the next column).
        reports: What became of each column so far, in schema order.
    """

    database: Database
    schema: Schema
    privacy: Privacy
    progress: Callable[[int, int, str], None]
    reports: list[dict[str, Any]] = field(default_factory=list)


def read_columns(task: ReadTask, buffer: RunBuffer, previous: PreviousIndex) -> None:
    """Read all columns that `task.reports` does not hold yet, and add their values to `buffer`.

    A column that cannot be read is skipped with the database's message; a database that cannot be read raises. Where
    the connection to a server is lost, the column is read anew once the server is back, up to a minute later.

    Raises:
        DatabaseError: The file cannot be read.
        OSError: A run cannot be written.
        IndexBuildError: There are more than 2**31 values.
    """
    total, number = task.schema.n_columns, 0
    for table in task.schema.tables:
        for column in table.columns:
            number += 1
            if number <= len(task.reports):
                continue
            ref = ColumnRef(table.name, column.name)
            task.progress(number - 1, total, f"{ref.table}.{ref.column}")
            report: dict[str, Any] = {"table": ref.table, "column": ref.column, "masked": task.privacy.masks(ref)}
            if ref in task.privacy.exclude:
                report["skipped"] = EXCLUDED
            elif table.is_view:
                report["skipped"] = VIEW
            else:
                report.update(_read_with_retries(task, ref, buffer, previous))
            task.reports.append(report)
            buffer.checkpoint(task.reports, previous)
    task.progress(total, total, "")


def _read_with_retries(task: ReadTask, ref: ColumnRef, buffer: RunBuffer, previous: PreviousIndex) -> dict[str, Any]:
    """Read a column, again after a lost connection: nothing of it went into `buffer` then, since it is sorted first."""
    waits = list(_WAITS if task.database.path is None else ())
    while waits:
        seconds = waits.pop(0)
        try:
            return _read_column(task, ref, buffer, previous)
        except DatabaseError:
            time.sleep(seconds)
    return _read_column(task, ref, buffer, previous)


def _read_column(task: ReadTask, ref: ColumnRef, buffer: RunBuffer, previous: PreviousIndex) -> dict[str, Any]:
    long: set[str] = set()
    masked = task.privacy.masks(ref)
    try:
        # the first batch decides whether the column is indexed at all, so that the rest of a long one is not read
        stream = _report_progress(task, f"{ref.table}.{ref.column}", _stream(task.database, ref))
        first = next(stream, [])
        profile = measure(first)
        if profile.skipped:
            numbers = _numbers(task.database, ref) if not first and task.privacy.mask_personal else []
            return {"skipped": profile.skipped, "masked": task.privacy.masks(ref, first or numbers)}
        masked = task.privacy.masks(ref, first)
        fuzzy = profile.fuzzy and not masked
        before = previous.column(ref, fuzzy=None if masked else fuzzy)
        texts = _drop_long(chain([first], stream), long)
        ordered = in_order(map(masked_digests, texts) if masked else texts, buffer.folder)
        values = 0
        while block := list(islice(ordered, _BLOCK)):  # the first one when all is read
            buffer.add(block, before.rows(block), previous, fuzzy=None if masked else fuzzy)
            values += len(block)
    except (QueryError, QueryLimitError, QueryTimeoutError) as error:
        return {"skipped": f"unreadable: {error.what}", "masked": masked}
    return {
        "values": values,
        "too_long": len(long),
        "numeric": round(profile.numeric, 4),
        "fuzzy": fuzzy,
        "masked": masked,
        "personal": "" if masked else personal(first),
        "truths": () if masked else truths(first),
    }


def _numbers(database: Database, ref: ColumnRef) -> list[str]:
    """Some whole numbers of a column without text, as text: payment cards may be stored so."""
    return [str(number) for number in database.whole_numbers(ref, _SOME_NUMBERS)]


def _drop_long(batches: Iterable[list[str]], long: set[str]) -> Iterator[list[str]]:
    """The values that are not too long; the beginnings of up to 100,000 of those that are go into `long`."""
    for values in batches:
        short = [value for value in values if len(value) <= LONGEST_VALUE]
        if len(short) < len(values) and len(long) < _MOST_LONG:
            long.update(value for value in values if len(value) > LONGEST_VALUE)
        yield short


def _report_progress(task: ReadTask, name: str, batches: Iterable[list[str]]) -> Iterator[list[str]]:
    """The batches of a column; progress is reported after every 100,000 values."""
    done, total, read, reported = len(task.reports), task.schema.n_columns, 0, 0
    for values in batches:
        read += len(values)
        if read - reported >= _REPORT_EVERY:
            reported = read
            task.progress(done, total, f"{name} ({read:,} read)")
        yield values


def _stream(database: Database, ref: ColumnRef) -> Iterator[list[str]]:
    """The texts of a column, cut one character after the longest that is indexed, a few of them several times."""
    limits = replace(database.limits, seconds=max(_SECONDS, database.limits.seconds))
    cut = LONGEST_VALUE + 1
    read = 0
    try:
        for values in database.distinct_values(ref, batch=_BATCH, max_values=_MOST_DISTINCT, cut=cut, limits=limits):
            read += len(values)
            yield values
    except QueryLimitError:  # too many for the memory that the database may use
        read = _MOST_DISTINCT
    # the column is read again from its beginning; values that were read before are removed by the sort
    if read >= _MOST_DISTINCT:
        yield from database.texts(ref, batch=_BATCH, cut=cut, limits=limits)
