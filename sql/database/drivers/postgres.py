"""PostgreSQL, through psycopg."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError
from ctxprune.utils.extras import require

from ._watch import Watch
from .reflect import Entry, ServerReflection
from .server import WRONG_PASSWORD, ServerDriver
from .typed import TypedSamples

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from ...schema.schema import Table
    from ..limits import Limits
    from .base import Reflection
    from .session import Session

__all__ = ["PostgresDriver"]

T = TypeVar("T")
_REFLECT_SECONDS = 120.0
_SETUP = (
    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY",
    "SET LOCAL statement_timeout = 60000",
    "SET LOCAL lock_timeout = 5000",
    "SET LOCAL search_path = public",
)
_USER_SPACE = "n.nspname <> 'information_schema' AND NOT starts_with(n.nspname, 'pg_')"
_CATALOG = f"""
    SELECT CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname END AS namespace, c.relname, c.relkind IN ('v', 'm'),
        c.reltuples::bigint, a.attname, has_column_privilege(c.oid, a.attnum, 'SELECT'),
        CASE t.typtype
            WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
            WHEN 'e' THEN 'enum(' || (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                                      FROM pg_enum WHERE enumtypid = t.oid) || ')'
            ELSE format_type(a.atttypid, a.atttypmod) END
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND {_USER_SPACE}
        AND has_schema_privilege(n.oid, 'USAGE')
        AND NOT EXISTS (SELECT FROM pg_depend d
                        WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    ORDER BY namespace, c.relkind IN ('v', 'm'), c.oid, a.attnum"""  # noqa: S608


_LATE = (QueryTimeoutError, "simplify it or raise Limits.seconds")
_LARGE = (QueryLimitError, "simplify it or raise Limits.memory")
_AWAY = (DatabaseError, "is the server running, and are host, port, user, password and name right?")
_MEANINGS: dict[str, tuple[type[DatabaseError], str]] = {
    "": _AWAY,  # no answer of the server
    "08": _AWAY,
    "25P04": _LATE,
    "28": _AWAY,
    "28P01": (DatabaseError, WRONG_PASSWORD),
    "3D": _AWAY,
    "40001": (DatabaseError, "ask again; on a replica, raise max_standby_streaming_delay"),
    "53": _LARGE,
    "53300": (DatabaseError, "lower `workers`, or raise max_connections or the role's limit on the server"),
    "54": _LARGE,
    "55P03": _LATE,
    "57": _AWAY,
    "57014": _LATE,
    "58": _AWAY,
    "XX001": _AWAY,
}
"""By SQLSTATE or its class; what is not here is the statement's fault."""


class PostgresSamples(TypedSamples):
    """PostgreSQL's statements."""

    def some_rows(self, table: Table) -> str:
        """As `Samples.some_rows`: pages from all over a table, where the server knows about how many rows it has."""
        if not table.rows or table.rows <= self.sample:
            return super().some_rows(table)
        share = min(100.0, 110.0 * self.sample / table.rows)  # a little more, so that few samples fall short
        return (
            f"SELECT * FROM {self.source(table)} TABLESAMPLE SYSTEM ({share:.6f}) REPEATABLE (0) "  # noqa: S608
            f"LIMIT {self.sample:d}"
        )


class PostgresDriver(ServerDriver):
    """One PostgreSQL database, 12 or newer, also a replica.

    The schema "public" is the default namespace; what an extension installed is left out. What the protocol and the
    read-only transaction do not stop is for the role's rights: connect as one that may only SELECT.

    `fingerprint` rests on the server's counts of rows written in each table. They may lag ten seconds behind, begin
    anew after a crash, and do not know of foreign tables; a replica counts nothing, so there any write changes it.
    """

    dialect: ClassVar[str] = "postgres"
    options: ClassVar[frozenset[str]] = frozenset(
        {
            *("application_name", "channel_binding", "connect_timeout", "gssencmode", "host", "sslcert", "sslkey"),
            *("sslmode", "sslrootcert", "target_session_attrs"),
        }
    )
    state_sql: ClassVar[str] = f"""
        SELECT c.oid, pg_relation_filenode(c.oid), c.relnatts, pg_stat_get_tuples_inserted(c.oid),
            pg_stat_get_tuples_updated(c.oid), pg_stat_get_tuples_deleted(c.oid),
            (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
            CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() END
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND {_USER_SPACE} ORDER BY c.oid"""  # noqa: S608

    def __init__(self, target: str | Path, workers: int, isolated: bool) -> None:
        self._psycopg = require("psycopg", "postgres")
        self.failures = (self._psycopg.Error,)
        super().__init__(target, workers, isolated)
        self.samples = PostgresSamples()

    def connect(self, seconds: int) -> Session:
        """As `ServerDriver.connect`. A password that the URL lacks is libpq's to find (PGPASSWORD, PGPASSFILE)."""
        from ._postgres_session import PostgresSession

        url = self.url
        given = {"host": url.host, "port": url.port, "user": url.user, "password": url.password, "dbname": url.name}
        settings: dict[str, Any] = {"application_name": "ctxprune", "connect_timeout": seconds, **url.options}
        settings |= {name: value for name, value in given.items() if value}
        connection = self._psycopg.connect(**settings, autocommit=True, prepare_threshold=None, client_encoding="utf8")
        return PostgresSession(connection)

    def reflect(self, read: Callable[[Reflection], T], limits: Limits) -> T:
        """As `Driver.reflect`."""
        import sqlalchemy
        from sqlalchemy.pool import NullPool

        session = self._connected(limits.seconds)
        watch = Watch(_REFLECT_SECONDS, None)
        engine = sqlalchemy.create_engine(
            "postgresql+psycopg://", creator=lambda: session.connection, poolclass=NullPool
        )
        try:
            with self._report_errors(session, watch), watch.over(session):
                try:
                    with engine.connect() as connection:
                        return read(ServerReflection(connection, _catalog(connection), self.dialect))
                except sqlalchemy.exc.DBAPIError as error:
                    raise error.orig or error from error
        finally:
            engine.dispose()
            self._sessions.drop(session)

    def explain(self, error: Exception) -> DatabaseError:
        """As `ServerDriver.explain`, by the SQLSTATE."""
        away = isinstance(error, self._psycopg.OperationalError)
        # errors of psycopg have both; those of SQLAlchemy and of sockets have neither
        state = getattr(error, "sqlstate", None) or ("" if away else "22000")
        details = getattr(error, "diag", None)  # as above
        what = (details.message_primary if details else None) or " ".join(str(error).split()) or type(error).__name__
        if details and details.message_hint:
            what += f" ({details.message_hint})"
        if not state and "password authentication failed" in what:  # refused connections come without their SQLSTATE
            state = "28P01"
        kind, hint = _MEANINGS.get(state) or _MEANINGS.get(state[:2]) or (QueryError, "")
        return kind(what, where=self.where, hint=hint)


def _catalog(connection: Connection) -> list[Entry]:
    """Make `connection` fit for reflection (read only, within a time), and list what the role may see."""
    connection.connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]
    for sql in _SETUP:
        connection.exec_driver_sql(sql)
    found: dict[tuple[str, str], Entry] = {}
    for namespace, name, is_view, rows, column, may_read, kind in connection.exec_driver_sql(_CATALOG):
        entry = found.setdefault(
            (namespace, name), Entry(namespace, name, is_view, {}, rows if rows >= 0 and not is_view else None)
        )
        if may_read:
            entry.types[column] = kind
    return list(found.values())
