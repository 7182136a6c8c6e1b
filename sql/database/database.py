"""Databases: connect, reflect, and run SQL read-only within limits."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
import time
from contextlib import closing
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError, SchemaError, UsageError
from ctxprune.utils.cancellation import call_on_cancel, check_cancelled

from ..schema.schema import Schema, Table
from .drivers import driver_for
from .drivers.base import Cancel, Request
from .drivers.samples import SAMPLE_ROWS, TableStats, groups, pick
from .limits import Limits, check_whole_number
from .result_set import ResultSet
from .spans import describe_result, start_query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from ctxprune.utils.tracing import Span

    from ..schema.schema import Column, ColumnRef
    from .drivers.base import Reflection
    from .drivers.samples import Samples

__all__ = ["Database", "Limits", "ResultSet", "TableStats"]

T = TypeVar("T")
_LONGEST_SQL = 1_000_000
_LIMITS = Limits()


class Database:
    """One database, read only: nothing that is executed can change it or create a file beside it.

    On a server a query is a read-only transaction that is rolled back, over one of at most `workers` connections; the
    role should be one that may only SELECT, since no transaction stops all that an administrator's query may do.

    Safe to share between threads, usable as a context manager. Queries on a file run in child processes (at most
    `workers` at once, started when needed, ended by `close`, at garbage collection or with this process), because only
    a process can be stopped inside one heavy function and kept within a memory limit; that costs some 0.15 ms a query.
    A DuckDB file stays open for a second after a query, and only while none is open can another process write to it.
    With `isolated=False` they run in this process: every protection of the data holds, but a single function call such
    as `replace` on a long text is not interrupted, `Limits.memory` bounds only the length of single values, and no
    other connection of this process should write to the file, since POSIX locks do not keep two users of one process
    apart.

    Args:
        target: Path of a SQLite or DuckDB file, or a SQLAlchemy URL ("postgresql://USER:PASSWORD@HOST/NAME"). Without a
            password, the driver looks where it always does (PGPASSFILE). No message shows one.
        name: How prompts call it; default the file's stem or the server's name of the database.
        limits: Defaults for every query.
        isolated: Run queries in child processes.
        workers: Queries at the same time, 1 or more; further ones wait, and their waiting does not count as query time.

    Attributes:
        name: As given.
        dialect: sqlglot's name of the SQL dialect.
        samples: The SQL that looks at stored data, in this dialect.
        path: The file, absolute, symbolic links followed; None for a server.
        sample: How many rows of each table an index is made from, 0 for all; None where nothing was said.
        unreadable: Why a table or view is missing from the schema, by name; complete once `schema()` was called.

    Raises:
        UsageError: The URL names a dialect that is not supported, `workers` is below 1, or an argument is of another
            type.
        MissingExtraError: The driver of that kind of database is not installed.
        DatabaseError: There is no readable, non-empty file. To a server it connects at first use, and not here.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        name: str | None = None,
        limits: Limits = _LIMITS,
        isolated: bool = True,
        workers: int = 4,
    ) -> None:
        check_whole_number("workers", workers, 1)
        _check_limits(limits)
        self._driver = driver_for(target, workers=workers, isolated=isolated)
        self.dialect = self._driver.dialect
        self.samples: Samples = self._driver.samples
        self.path: Path | None = self._driver.path
        self.name = name or self._driver.name
        self.limits = limits
        self.sample: int | None = None
        self.unreadable: dict[str, str] = {}
        self._schema: Schema | None = None
        self._tables: dict[str, Table] = {}
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        return f"Database({self._driver.where!r}, name={self.name!r})"

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End worker processes or connections; queries that are running fail. The next query starts them again."""
        self._driver.close()

    def sampled(self, rows: int) -> Database:
        """This database, sharing its connections, of which a value index reads only some rows of each table.

        Args:
            rows: About how many, the same ones each time while the table stays as it is; 0 for all.

        Raises:
            UsageError: `rows` is below 0.
        """
        check_whole_number("rows", rows, 0)
        fewer = copy(self)
        fewer.sample, fewer.samples = rows, self.samples.of(rows)
        return fewer

    @property
    def file_stem(self) -> str:
        """Names what is kept for this database: another one for every other database, also of the same name."""
        key = hashlib.sha256(self._driver.identity.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        return re.sub(r"[^A-Za-z0-9_-]+", "_", self.name)[:40] + "-" + key

    def schema(self) -> Schema:
        """All tables and views that can be read, reflected once; those that cannot are in `unreadable`.

        Internal tables (sqlite_..., pg_..., information_schema), shadow tables of virtual tables and hidden columns are
        left out, and so are foreign keys that lead to no table or column.

        Raises:
            DatabaseError: The file cannot be opened, is locked or damaged; the server cannot be reached.
        """
        with self._lock:
            if self._schema is None:
                found = self._reflect(lambda reflection: reflection.schema(self.name))
                self._schema = replace(found, complete=True)
            return self._schema

    def table(self, name: str) -> Table:
        """One table or view of that name in any case, reflected alone unless the schema is known.

        Raises:
            SchemaError: There is none, or it cannot be read.
            DatabaseError: The file cannot be opened, is locked or damaged.
        """
        with self._lock:
            if self._schema is not None:
                return self._schema.table(name)
            folded = name.casefold()
            if folded not in self._tables:
                self._tables[folded] = self._reflect(lambda reflection: self._reflect_table(reflection, name))
            return self._tables[folded]

    def _reflect_table(self, reflection: Reflection, name: str) -> Table:
        # names are compared folded, but the database is asked with its own spelling
        exact = next((known for known in reflection.tables if known.casefold() == name.casefold()), None)
        if exact is None:
            known = ", ".join(list(reflection.tables)[:20])
            raise SchemaError(f"no table {name!r}", where=self.name, hint=f"tables: {known}")
        table = reflection.table(exact)
        if table is None:
            raise SchemaError(f"{exact!r} cannot be read ({reflection.unreadable[exact]})", where=self.name)
        return table

    def _reflect(self, read: Callable[[Reflection], T]) -> T:
        def read_once(reflection: Reflection) -> T:
            found = read(reflection)
            self.unreadable.update(reflection.unreadable)
            return found

        return self._driver.reflect(read_once, self.limits)

    def refresh(self) -> None:
        """Forget what was reflected, after somebody changed the schema."""
        with self._lock:
            self._schema = None
            self._tables.clear()
            self.unreadable.clear()

    def execute(self, sql: str, *, limits: Limits | None = None) -> ResultSet:
        """Run one statement that returns rows. Safe for hostile text: this needs no guard before it.

        Raises:
            UsageError: `sql` is not a str.
            QueryError: The database rejected it; `what` is the database's own message.
            QueryTimeoutError: It ran past `limits.seconds`; it is stopped within half a second.
            QueryLimitError: It needs more than `limits.memory`, a value is too long, or `sql` has over a million
                characters.
            DatabaseError: The file cannot be read, is locked or damaged; the server cannot be reached, or was lost.
        """
        cancel = Cancel()
        try:
            with call_on_cancel(cancel.cancel), self._span(sql) as span:
                return describe_result(span, self._execute(sql, limits or self.limits, cancel))
        except DatabaseError:
            check_cancelled()  # then that is why it failed
            raise

    async def aexecute(self, sql: str, *, limits: Limits | None = None) -> ResultSet:
        """`execute` for asyncio; cancelling the task ends the query."""
        cancel = Cancel()
        try:
            with self._span(sql) as span:
                found = await asyncio.to_thread(self._execute, sql, limits or self.limits, cancel)
                return describe_result(span, found)
        except asyncio.CancelledError:
            cancel.cancel()
            raise

    def _span(self, sql: str) -> Span:
        return start_query(sql, self.dialect, self.name, self._schema.names if self._schema else frozenset())

    def _execute(self, sql: str, limits: Limits, cancel: Cancel | None) -> ResultSet:
        rows: list[tuple[object, ...]] = []
        done: dict[str, Any] = {}
        with closing(self._driver.run(_request(sql, limits), cancel)) as answers:
            for message in answers:
                if message[0] == "rows":
                    rows += map(tuple, message[1])
                # the engine began the query again, so rows read so far would come twice
                elif message[0] == "reset":
                    rows.clear()
                else:
                    done = message[1]
        return ResultSet(tuple(done["columns"]), tuple(rows), done["truncated"], done["ms"])

    def distinct_values(
        self,
        ref: ColumnRef,
        *,
        batch: int = 1000,
        max_values: int | None = None,
        max_chars: int | None = None,
        cut: int | None = None,
        limits: Limits | None = None,
    ) -> Iterator[list[str]]:
        """The distinct texts of one column, in batches, unordered; the engine's memory is bounded by `limits.memory`.

        Args:
            ref: The column, in any case.
            batch: Values per batch, 1 or more.
            max_values: Stop after so many; None for all.
            max_chars: Leave out longer ones; None for none.
            cut: Cut longer ones after so many characters; what is equal up to there comes once.
            limits: `seconds` bounds the database's time (not the reader's between batches); `rows` and `bytes` do not
                apply.

        Yields:
            Non-empty lists of str, no value twice; NULL, numbers and blobs are left out.

        Raises:
            UsageError: `batch` is below 1.
            SchemaError: There is no such column.
            QueryTimeoutError, QueryLimitError, DatabaseError: As in `execute`.
        """
        table = self.table(ref.table)
        column = table.column(ref.column)
        if self.samples.holds_text(column):
            sql = self.samples.distinct(table, column, longest=max_chars, most=max_values, cut=cut)
            yield from self._stream(sql, batch, limits)

    def texts(
        self, ref: ColumnRef, *, batch: int = 1000, cut: int | None = None, limits: Limits | None = None
    ) -> Iterator[list[str]]:
        """Every text cell of one column, in stored order; as `distinct_values`, without telling them apart.

        Raises:
            UsageError, SchemaError, QueryTimeoutError, QueryLimitError, DatabaseError: As in `distinct_values`.
        """
        table = self.table(ref.table)
        column = table.column(ref.column)
        if self.samples.holds_text(column):
            yield from self._stream(self.samples.texts(table, column, cut), batch, limits)

    def whole_numbers(self, ref: ColumnRef, most: int) -> list[int]:
        """Up to `most` distinct whole numbers of one column, unordered.

        Raises:
            SchemaError, QueryTimeoutError, DatabaseError: As in `distinct_values`.
        """
        table = self.table(ref.table)
        column = table.column(ref.column)
        if not self.samples.holds_number(column):
            return []
        rows: Any = self.execute(self.samples.whole_numbers(table, column, most)).rows
        return [number for (number,) in rows]

    def _stream(self, sql: str, batch: int, limits: Limits | None) -> Iterator[list[str]]:
        if batch < 1:
            raise UsageError(f"batch={batch!r} is below 1")
        with closing(self._driver.run(_request(sql, limits or self.limits, batch))) as answers:
            for message in answers:
                if message[0] == "rows":
                    yield [row[0] for row in message[1]]

    def table_stats(self, name: str, *, limits: Limits | None = None) -> TableStats:
        """Row count and text volume of every column, in one scan per 100 columns.

        Raises:
            SchemaError: There is no such table.
            QueryTimeoutError, DatabaseError: As in `execute`.
        """
        table = self.table(name)
        found: dict[str, tuple[int, int, int]] = {}
        rows = 0
        for columns in groups(table.columns) if table.columns else [()]:
            row: Any = self.execute(self.samples.statistics(table, columns), limits=limits).rows[0]
            rows = row[0]
            for index, column in enumerate(columns):
                count, total, longest = row[1 + 3 * index : 4 + 3 * index]
                found[column.name] = count, total or 0, longest or 0
        counts, totals, longests = ({name: value[i] for name, value in found.items()} for i in range(3))
        return TableStats(rows, counts, totals, longests)

    def with_examples(
        self, schema: Schema | Iterable[str] | None = None, *, n: int = 5, limits: Limits | None = None
    ) -> Schema:
        """A schema with up to `n` distinct stored values in every `Column.examples`, in stored order.

        At most 2,000 rows of a table are looked at; NULL and empty values do not count, and values longer than 400
        characters are cut there. `limits.seconds` bounds the whole call: columns that it does not reach, and tables
        whose rows cannot be computed (a view with an error in an expression), keep the examples they had.

        Args:
            schema: The schema to fill, or names of tables; None for all of the database.
            n: 0 or more.
            limits: Default those of the database.

        Raises:
            SchemaError: A named table does not exist.
            DatabaseError: The file cannot be read, is locked or damaged.
        """
        if not isinstance(schema, Schema):
            whole = self.schema()
            names = {whole.table(name).name for name in schema} if schema is not None else None
            schema = whole if names is None else whole.subset([r for r in whole.refs() if r.table in names], names)
        until = time.monotonic() + (limits or self.limits).seconds
        return replace(
            schema, tables=tuple(self._fill(table, n, until, limits or self.limits) for table in schema.tables)
        )

    def _fill(self, table: Table, n: int, until: float, limits: Limits) -> Table:
        filled: list[Column] = []
        try:
            for columns in groups(table.columns):
                rows = self.execute(self.samples.first_rows(table, columns), limits=_left(limits, until)).rows
                for index, column in enumerate(columns):
                    values = pick([row[index] for row in rows], n)
                    # the sample may hold few distinct values of this column, so the rest is asked for alone
                    if len(values) < n and len(rows) == SAMPLE_ROWS:
                        more = self.execute(self.samples.example(table, column, n), limits=_left(limits, until)).rows
                        values = pick([*values, *(row[0] for row in more)], n)
                    filled.append(replace(column, examples=values))
        except (QueryError, QueryTimeoutError, QueryLimitError):
            # a view with an error, or no time left: what was filled so far stays
            filled += table.columns[len(filled) :]
        return replace(table, columns=tuple(filled))

    def data_fingerprint(self) -> str:
        """16 hex digits that change whenever the stored data do; cheap (for a file, no query, and it is not opened).

        A server's counts may lag some seconds behind; the class of its driver says how. For a file it may also change
        when the data do not: after a checkpoint, or when the file is copied, touched or linked.
        Right after a change the call waits up to 0.1 s for the clock of the file system to move on.

        Raises:
            DatabaseError: The file cannot be read.
        """
        return self._driver.fingerprint()


def _check_limits(limits: object) -> None:
    if not isinstance(limits, Limits):
        hint = "write limits=Limits(seconds=5)"
        raise UsageError(f"limits is a {type(limits).__name__}, not a Limits", where="limits", hint=hint)


def _request(sql: str, limits: Limits, batch: int = 0) -> Request:
    if not isinstance(sql, str):
        raise UsageError(f"sql is a {type(sql).__name__}, not a str")
    if len(sql) > _LONGEST_SQL:
        raise QueryLimitError(
            f"the statement has {len(sql):,} characters", hint=f"at most {_LONGEST_SQL:,} are allowed"
        )
    return Request(sql, limits, batch)


def _left(limits: Limits, until: float) -> Limits:
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise QueryTimeoutError("no time is left")
    return replace(limits, seconds=seconds)
