"""Databases: connect, reflect, and run SQL read-only within limits."""

from __future__ import annotations

import asyncio
import hashlib
import os
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ctxprune.errors import DatabaseError, UsageError

from .schema import ColumnRef, ForeignKey, Schema, Table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._sqlite_pool import Pool

__all__ = ["Database", "Limits", "ResultSet", "TableStats", "quote_name"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one query may use.

    Attributes:
        seconds: Deadline for the whole query, fetch included.
        rows: Rows returned at most; more are cut off and `ResultSet.truncated` is set.
        bytes: Bytes of cells returned at most; more are cut off likewise.
        memory: Bytes of memory that the database engine may use for it.
    """

    seconds: float = 10.0
    rows: int = 10_000
    bytes: int = 64_000_000
    memory: int = 256_000_000


@dataclass(frozen=True, slots=True)
class ResultSet:
    """Rows of one query.

    Attributes:
        columns: Result column names.
        rows: Cells as Python None, int, float, str or bytes.
        truncated: True when a limit cut rows off.
        ms: Milliseconds in the database.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    truncated: bool = False
    ms: float = 0.0


@dataclass(frozen=True, slots=True)
class TableStats:
    """What one scan of a table tells.

    Attributes:
        rows: Number of rows.
        text_rows: Per column, number of cells that hold text.
        text_chars: Per column, characters of all text cells together.
    """

    rows: int
    text_rows: dict[str, int]
    text_chars: dict[str, int]


def quote_name(name: str) -> str:
    """`name` as a delimited SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


class Database:
    """One database, read only. Safe to share between threads; usable as a context manager.

    Args:
        target: Path of a SQLite file, or a SQLAlchemy URL ("sqlite:///shop.sqlite").
        name: How prompts call it; default the file's stem.
        limits: Defaults for every query.

    Raises:
        UsageError: The URL names a dialect that is not supported.
        DatabaseError: There is no readable database at that place.
    """

    dialect = "sqlite"

    def __init__(self, target: str | Path, *, name: str | None = None, limits: Limits = Limits()) -> None:
        self.path = _path(target)
        self.name = name or self.path.stem
        self.limits = limits
        self.unreadable: dict[str, str] = {}
        self._schema: Schema | None = None
        self._lock = threading.RLock()
        self._pool = _new_pool(self.path)

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes. The next query starts one again."""
        self._pool.close()

    def schema(self) -> Schema:
        """All tables and views, read once."""
        with self._lock:
            if self._schema is None:
                self._schema = self._reflect()
            return self._schema

    def table(self, name: str) -> Table:
        """One table."""
        return self.schema().table(name)

    def _reflect(self) -> Schema:
        import sqlite3

        import sqlalchemy
        from sqlalchemy.pool import NullPool

        from ._reflect import reflect_table
        from ._sqlite_worker import open_uri

        engine = sqlalchemy.create_engine(
            "sqlite://", creator=lambda: sqlite3.connect(open_uri(str(self.path))[0], uri=True), poolclass=NullPool
        )
        tables: list[Table] = []
        keys: list[ForeignKey] = []
        try:
            inspector = sqlalchemy.inspect(engine.connect())
            names = [(name, False) for name in inspector.get_table_names()]
            names += [(name, True) for name in inspector.get_view_names()]
            for name, is_view in names:
                try:
                    table, own = reflect_table(inspector, name, is_view)
                except sqlalchemy.exc.SQLAlchemyError as error:
                    self.unreadable[name] = str(error)
                    continue
                tables.append(table)
                keys += own
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise DatabaseError(str(error.__cause__ or error), where=str(self.path)) from error
        finally:
            engine.dispose()
        return Schema(self.name, tuple(tables), tuple(keys), self.dialect)

    def execute(self, sql: str, *, limits: Limits | None = None) -> ResultSet:
        """Run one statement that returns rows. Nothing it says can change the database or create a file.

        Raises:
            QueryError: The database rejected it; `what` is the database's own message.
            QueryTimeoutError: It ran past `limits.seconds`.
            QueryLimitError: It needed more than `limits.memory`, or a value is too big.
            DatabaseError: The file cannot be read, is locked or damaged.
        """
        rows: list[tuple[object, ...]] = []
        done: dict[str, Any] = {}
        for message in self._run(sql, limits or self.limits):
            if message[0] == "rows":
                rows += map(tuple, message[1])
            elif message[0] == "reset":
                rows.clear()
            else:
                done = message[1]
        return ResultSet(tuple(done["columns"]), tuple(rows), done["truncated"], done["ms"])

    async def aexecute(self, sql: str, *, limits: Limits | None = None) -> ResultSet:
        """`execute` for asyncio."""
        return await asyncio.to_thread(self.execute, sql, limits=limits)

    def _run(self, sql: str, limits: Limits, batch: int = 0) -> Iterator[list[Any]]:
        request: dict[str, Any] = {"sql": sql, "seconds": limits.seconds, "rows": limits.rows, "bytes": limits.bytes}
        if batch:
            request["batch"] = batch
        return self._pool.run(request, limits.memory)

    def distinct_values(
        self, ref: ColumnRef, *, batch: int = 1000, max_values: int | None = None, limits: Limits | None = None
    ) -> Iterator[list[str]]:
        """Distinct text values of one column, in batches, with bounded memory here.

        Args:
            ref: The column.
            batch: Values per batch, 1 or more.
            max_values: Stop after so many; None for all.
            limits: `seconds` counts database time only, not the reader's between batches.

        Yields:
            Non-empty lists of str, no value twice; NULL, numbers and blobs are left out.
        """
        column = quote_name(self.table(ref.table).column(ref.column).name)
        sql = (
            f"SELECT DISTINCT {column} FROM {quote_name(self.table(ref.table).name)}"  # noqa: S608
            f" WHERE typeof({column}) = 'text'"
        )
        wide = replace(limits or self.limits, rows=max_values or 1 << 62, bytes=1 << 62)
        for message in self._run(sql, wide, batch):
            if message[0] == "rows" and message[1]:
                yield [row[0] for row in message[1]]

    def table_stats(self, name: str, *, limits: Limits | None = None) -> TableStats:
        """Row count and text volume of every column, in one scan."""
        table = self.table(name)
        counts: dict[str, int] = {}
        chars: dict[str, int] = {}
        rows = 0
        for start in range(0, max(1, len(table.columns)), 100):
            columns = table.columns[start : start + 100]
            parts = ["count(*)"]
            for column in columns:
                cell = quote_name(column.name)
                parts.append(f"sum(typeof({cell}) = 'text')")
                parts.append(f"sum(CASE WHEN typeof({cell}) = 'text' THEN length({cell}) END)")
            sql = f"SELECT {', '.join(parts)} FROM {quote_name(table.name)}"  # noqa: S608
            row: tuple[Any, ...] = self.execute(sql, limits=limits).rows[0]
            rows = row[0]
            for index, column in enumerate(columns):
                counts[column.name], chars[column.name] = row[1 + 2 * index] or 0, row[2 + 2 * index] or 0
        return TableStats(rows, counts, chars)

    def with_examples(self, schema: Schema | None = None, *, n: int = 5, limits: Limits | None = None) -> Schema:
        """The schema (default: all of it) with up to `n` distinct stored values in every `Column.examples`."""
        schema = schema or self.schema()
        tables = []
        for table in schema.tables:
            columns = []
            for column in table.columns:
                cell = quote_name(column.name)
                sql = f"SELECT DISTINCT {cell} FROM (SELECT {cell} FROM {quote_name(table.name)} LIMIT 2000) LIMIT {n + 2}"  # noqa: S608, E501
                found = [row[0] for row in self.execute(sql, limits=limits).rows if row[0] not in (None, "")]
                columns.append(replace(column, examples=tuple(found[:n])))
            tables.append(replace(table, columns=tuple(columns)))
        return replace(schema, tables=tuple(tables))

    def data_fingerprint(self) -> str:
        """Changes whenever the stored data change: 16 hex digits."""
        parts: list[object] = [1]
        for suffix in ("", "-wal"):
            try:
                with open(str(self.path) + suffix, "rb") as file:
                    stat = os.fstat(file.fileno())
                    parts += [suffix, stat.st_size, stat.st_mtime_ns, file.read(100).hex()]
            except FileNotFoundError:  # noqa: PERF203
                continue
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _new_pool(path: Path) -> Pool:
    from ._sqlite_pool import Pool

    return Pool(str(path), 4)


def _path(target: str | Path) -> Path:
    if isinstance(target, str) and "://" in target:
        from sqlalchemy.engine import make_url

        url = make_url(target)
        if url.get_backend_name() != "sqlite" or not url.database:
            raise UsageError(f"the target {target!r} is not supported", hint="a SQLite file or sqlite:///PATH")
        target = url.database
    path = Path(target).absolute()
    if not path.is_file():
        raise DatabaseError("there is no database file", where=str(path))
    return path
