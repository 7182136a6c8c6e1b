"""Databases that hostile statements are thrown at, and all that must be as before afterwards."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CASES", "ENDLESS", "VICTIMS", "Victim", "cases"]

CASES = Path(__file__).resolve().parent.parent / "sql" / "drivers"
# For tests of deadlines: one SELECT of no table, which the guard lets through and which takes hours.
ENDLESS = (
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 1000000000000) SELECT count(*) FROM n"
)
_TABLES = """
CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR(20), c DOUBLE PRECISION);
INSERT INTO t VALUES (1, 'one', 1.5), (2, 'two', 2.5), (3, NULL, NULL);
CREATE VIEW v AS SELECT a, b FROM t;
"""
_POSTGRES = """
CREATE SEQUENCE s;
CREATE MATERIALIZED VIEW m AS SELECT a FROM t;
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN 1; END $$;
SELECT lo_from_bytea(4242, 'kept');
GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC;
GRANT ALL ON SCHEMA public TO PUBLIC;
"""
_POSTGRES_STATE = (
    "SELECT * FROM t ORDER BY a",
    "SELECT last_value, is_called FROM s",
    "SELECT oid, relname, relfilenode, relnatts, relacl::text FROM pg_class WHERE relnamespace > 99 ORDER BY oid",
    "SELECT oid, proname, prosrc FROM pg_proc WHERE oid > 16383 ORDER BY oid",
    "SELECT oid, nspname, nspacl::text FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp' ORDER BY oid",
    "SELECT rolname, rolsuper, rolconfig FROM pg_roles ORDER BY rolname",
    "SELECT objoid, description FROM pg_description WHERE objoid > 16383 ORDER BY objoid, description",
    "SELECT oid FROM pg_largeobject_metadata ORDER BY oid",
    "SELECT name, setting FROM pg_settings WHERE source <> 'session' AND source <> 'client' ORDER BY name",
    "SELECT gid FROM pg_prepared_xacts",
    "SELECT extname FROM pg_extension ORDER BY extname",
    "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'",
)
_POSTGRES_BUSY = b"""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
_MYSQL_STATE = (
    "SELECT * FROM t ORDER BY a",
    "SELECT table_name, create_time FROM information_schema.tables WHERE table_schema = database() ORDER BY 1",
    "SELECT column_name, column_type FROM information_schema.columns WHERE table_schema = database() ORDER BY 1, 2",
    "SELECT routine_name FROM information_schema.routines ORDER BY 1",
    "SELECT schema_name FROM information_schema.schemata ORDER BY 1",
    "SELECT grantee, privilege_type FROM information_schema.user_privileges ORDER BY 1, 2",
)


@dataclass(frozen=True)
class Victim:
    """A database.

    Attributes:
        target: What `Database` opens: a role that may write, since only the executor is to stand in the way.
        state: A digest of rows and catalogue, and of the folder of a file; fails where the server is dead.
        marks: What stands for {{DIR}} and the like in a case.
    """

    target: str
    state: Callable[[], str]
    marks: dict[str, str]


def cases(dialect: str, marks: dict[str, str]) -> list[tuple[str, str]]:
    """(family, text) of every case: a line '-- case: FAMILY' and the text below it. {{N*text}} is that text N times,
    {{MARK}} what `marks` has for it.
    """
    path = CASES.parent / "hostile.sql" if dialect == "sqlite" else CASES / f"hostile_{dialect}.sql"
    parts = re.split(r"^-- case: (\w+).*\n", path.read_bytes().decode(), flags=re.MULTILINE)[1:]
    return [
        (family, _expanded(text.removesuffix("\n"), marks))
        for family, text in zip(parts[::2], parts[1::2], strict=True)
    ]


def _expanded(text: str, marks: dict[str, str]) -> str:
    text = re.sub(r"\{\{(\d+)\*(.*?)\}\}", lambda match: match[2] * int(match[1]), text, flags=re.DOTALL)
    for mark, value in {"NUL": "\0", "surrogate": "'\ud800'", **marks}.items():
        text = text.replace("{{" + mark + "}}", value)
    return text


@contextmanager
def postgres() -> Iterator[Victim]:
    """A role that owns nothing but may write every table."""
    import psycopg

    from . import Postgres

    with Postgres() as server, server.database() as database:
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            admin.execute(f"{_TABLES}{_POSTGRES}".encode())

        def state() -> str:
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                return _digest(admin.execute(sql.encode()).fetchall() for sql in _POSTGRES_STATE)

        yield Victim(database.reader_url, state, {})
        with psycopg.connect(database.admin_url, autocommit=True) as admin:
            _wait(lambda: admin.execute(_POSTGRES_BUSY).fetchone() == (0,))


@contextmanager
def mariadb() -> Iterator[Victim]:
    """A role that may do everything inside its database."""
    import pymysql
    from sqlalchemy.engine import make_url

    from . import MariaDB

    with MariaDB() as server, server.database() as database:
        url = make_url(database.admin_url)
        reader = make_url(database.reader_url)

        def ask(*statements: str) -> Iterator[Any]:
            with (
                closing(
                    pymysql.connect(
                        host=url.host,
                        port=url.port or 0,
                        user=url.username,
                        password=url.password or "",
                        database=url.database,
                    )
                ) as admin,
                admin.cursor() as cursor,
            ):
                for sql in statements:
                    cursor.execute(sql)
                    yield cursor.fetchall()
                admin.commit()

        list(ask(*filter(str.strip, _TABLES.split(";"))))
        list(ask(f"GRANT ALL ON {url.database}.* TO {reader.username}@'127.0.0.1'"))
        yield Victim(database.reader_url, lambda: _digest(ask(*_MYSQL_STATE)), {"DIR": str(server.folder)})


@contextmanager
def duckdb() -> Iterator[Victim]:
    """A file."""
    import duckdb as library

    with _folder() as folder:
        path = folder / "victim.duckdb"
        with library.connect(str(path)) as connection:
            connection.execute(_TABLES)
        yield Victim(f"duckdb:///{path}", lambda: _files(folder), {"DIR": str(folder), "DB": str(path)})


@contextmanager
def sqlite() -> Iterator[Victim]:
    """A file."""
    with _folder() as folder:
        path = folder / "victim.sqlite"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(_TABLES)
        yield Victim(str(path), lambda: _files(folder), {"DIR": str(folder), "DB": str(path)})


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def _wait(done: Callable[[], bool], seconds: float = 30.0) -> None:
    """What the server still does for connections that were broken comes to an end."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() > until:
            raise RuntimeError("the server still works for connections that are gone")
        time.sleep(0.2)


def _files(folder: Path) -> str:
    return _digest((path.name, path.read_bytes()) for path in sorted(folder.iterdir()))


def _digest(parts: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode())
    return digest.hexdigest()


VICTIMS: dict[str, Callable[[], AbstractContextManager[Victim]]] = {
    "duckdb": duckdb,
    "mysql": mariadb,
    "postgres": postgres,
    "sqlite": sqlite,
}
"""By sqlglot's name of the dialect."""
