"""The read-only proof: hostile_mysql.sql goes straight to the executor, as a role that may do everything."""

from __future__ import annotations

import re
import time
from contextlib import closing
from pathlib import Path

import pymysql
import pytest
from sqlalchemy.engine import make_url

from ctxprune.errors import CtxpruneError, QueryError
from ctxprune.sql import Database, Limits

CASES = Path(__file__).with_name("hostile_mysql.sql")
USUAL = Limits(seconds=20, rows=100, bytes=1_000_000, memory=32_000_000)
TIGHT = Limits(seconds=0.3, rows=100, bytes=1_000_000, memory=32_000_000)
GRACE = 20.0  # seconds, since the machine of the tests may be busy; benchmarks measure

SCHEMA = (
    "CREATE TABLE t (a INT PRIMARY KEY, b VARCHAR(20))",
    "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
    "CREATE TABLE m (a INT, b VARCHAR(20)) ENGINE = MyISAM",
    "INSERT INTO m VALUES (1, 'one')",
    "CREATE SEQUENCE s",
    "CREATE VIEW v AS SELECT a FROM t",
    "CREATE FUNCTION writes() RETURNS INT BEGIN INSERT INTO m VALUES (9, 'f'); RETURN 1; END",
    "CREATE FUNCTION writes_anyway() RETURNS INT BEGIN SET SESSION TRANSACTION READ WRITE;"
    " INSERT INTO t VALUES (9, 'f'); RETURN 1; END",
    "CREATE PROCEDURE write_anyway() BEGIN ROLLBACK; SET SESSION TRANSACTION READ WRITE;"
    " INSERT INTO t VALUES (9, 'p'); COMMIT; SELECT 1; END",
)
STATE = (
    "SELECT * FROM t",
    "SELECT * FROM m",
    "SELECT next_not_cached_value FROM s",
    "SHOW DATABASES",
    "SELECT user, host, priv FROM mysql.global_priv",
    "SELECT * FROM mysql.servers",
    "SELECT * FROM mysql.plugin",
    "SELECT table_name, create_time, update_time, checksum FROM information_schema.tables"
    " WHERE table_schema = DATABASE()",
    "SELECT trigger_name FROM information_schema.triggers",
    "SELECT event_name FROM information_schema.events",
    "SELECT routine_name, routine_schema FROM information_schema.routines ORDER BY 2, 1",
    "SELECT * FROM mysql.innodb_table_stats WHERE database_name = DATABASE()",
    "SHOW GLOBAL VARIABLES WHERE variable_name NOT LIKE '%gtid%' AND variable_name <> 'timestamp'",
)


def cases() -> list[tuple[str, str, str]]:
    """(family, allowed outcomes, text) of every case."""
    parts = re.split(r"^-- case: (\w+) -> (\S+)\n", CASES.read_text("utf-8"), flags=re.MULTILINE)[1:]
    return [(parts[i], parts[i + 1], parts[i + 2].removesuffix("\n")) for i in range(0, len(parts), 3)]


@pytest.fixture
def admin(mariadb_database):
    url = make_url(mariadb_database.admin_url)
    place = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    with closing(pymysql.connect(**place, database=url.database, autocommit=True)) as connection:
        cursor = connection.cursor()
        for statement in SCHEMA:
            cursor.execute(statement)
        yield cursor


def state(admin) -> list[object]:
    """Rows, catalogue, accounts and settings."""
    found = []
    for sql in STATE:
        admin.execute(sql)
        found.append(admin.fetchall())
    return found


def run(database: Database, text: str, folder: Path, limits: Limits) -> tuple[str, float]:
    text = re.sub(r"\{\{(\d+)\*(.*?)\}\}", lambda match: match[2] * int(match[1]), text, flags=re.DOTALL)
    text = text.replace("{{NUL}}", "\0").replace("{{DIR}}", str(folder))
    started = time.monotonic()
    try:
        found = type(database.execute(text, limits=limits)).__name__
    except CtxpruneError as error:
        found = type(error).__name__ if error.what else "an error without a message"
    return found, time.monotonic() - started


def test_the_corpus_is_large_and_has_no_doubles():
    texts = [text for _, _, text in cases()]
    assert len(texts) >= 100
    assert len(set(texts)) == len(texts)


def test_nothing_changes_and_every_outcome_is_defined(mariadb, mariadb_database, admin):
    folder = mariadb.folder / "out"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    before, pid = state(admin), mariadb.pid
    wrong, last = [], ""
    with Database(mariadb_database.admin_url) as database:
        for family, allowed, text in cases():
            if family != last:
                assert state(admin) == before, f"one of {last} changed something"
            last = family
            limits = TIGHT if family == "heavy" else USUAL
            found, seconds = run(database, text, folder, limits)
            if found not in allowed.split("|") or seconds > limits.seconds + GRACE:
                wrong.append((family, text[:100], found, seconds))
        assert wrong == []
        assert database.execute("SELECT count(*) FROM t").rows == ((2,),)
    assert state(admin) == before
    assert not list(folder.iterdir())
    assert mariadb.pid == pid


def test_one_query_leaves_nothing_to_the_next(mariadb_database):
    with Database(mariadb_database.reader_url, workers=1) as database:
        first = database.execute("SELECT CONNECTION_ID(), GET_LOCK('mine', 0), @a := 5").rows[0]
        then = database.execute("SELECT CONNECTION_ID(), IS_USED_LOCK('mine'), @a").rows[0]
    assert first[1:] == (1, 5)
    assert then == (first[0], None, None)


def test_what_rests_on_the_role_alone(mariadb_database, admin):
    """A stored function may change a global setting, so a role that only reads may call none."""
    admin.execute("SELECT @@GLOBAL.max_connections")
    ((before,),) = admin.fetchall()
    admin.execute("CREATE FUNCTION sets() RETURNS INT BEGIN SET GLOBAL max_connections = 99; RETURN 1; END")
    with Database(mariadb_database.reader_url) as database, pytest.raises(QueryError, match="execute command denied"):
        database.execute("SELECT sets()")
    admin.execute("SELECT @@GLOBAL.max_connections")
    assert admin.fetchall() == ((before,),)
    with Database(mariadb_database.reader_url) as database:
        assert database.execute("SELECT LOAD_FILE('/etc/passwd')").rows == ((None,),)
