"""What is MariaDB's own: types, schemas, roles, texts, changes, faults."""

from __future__ import annotations

import time
from contextlib import ExitStack, closing
from itertools import chain

import pymysql
import pytest
from sqlalchemy.engine import make_url

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError, UsageError
from ctxprune.sql import ColumnRef, Database, ForeignKey, Limits
from ctxprune.sql.database.drivers import _mysql_session

TYPES = """
    whole BIGINT UNSIGNED, exact DECIMAL(20, 4), price DECIMAL(8, 2), near DOUBLE, bits BIT(10), made YEAR, late TIME,
    day DATE, moment DATETIME(3), kind ENUM('a', 'b'), kinds SET('x', 'y', 'z'), facts JSON, place POINT, raw BLOB,
    fixed BINARY(3), latin VARCHAR(9) CHARACTER SET latin1, wide VARCHAR(9), own UUID, meaning VECTOR(2)"""
CELLS = """
    18446744073709551615, 12345678901234.5678, 9.90, 1e300, b'1000000001', 2024, '-100:30:00', '0000-00-00',
    '2024-01-02 03:04:05.678', 'b', 'x,z', '{"a": 1}', POINT(1, 2), x'ff00', 'ab', 'é', '😀',
    '123e4567-e89b-12d3-a456-426655440000', VEC_FromText('[1, 2]')"""


@pytest.fixture
def admin(mariadb_database):
    with closing(connected(mariadb_database.admin_url)) as connection:
        yield connection.cursor()


def connected(url):
    url = make_url(url)
    place = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    return pymysql.connect(**place, database=url.database, autocommit=True, sql_mode="")


def made(admin, *statements):
    for statement in statements:
        admin.execute(statement)


@pytest.fixture
def database(mariadb_database):
    with Database(mariadb_database.reader_url) as database:
        yield database


def test_each_type_comes_as_what_it_is(admin, database):
    made(admin, f"CREATE TABLE t ({TYPES})", f"INSERT INTO t VALUES ({CELLS})", "INSERT INTO t () VALUES ()")
    found = database.execute("SELECT * FROM t")
    cells = dict(zip(found.columns, found.rows[0], strict=True))
    assert cells.pop("place")[4:9] == b"\x01\x01\x00\x00\x00"
    assert cells == {
        "whole": 2**64 - 1,
        "exact": "12345678901234.5678",
        "price": 9.9,
        "near": 1e300,
        "bits": 513,
        "made": 2024,
        "late": "-100:30:00",
        "day": "0000-00-00",
        "moment": "2024-01-02 03:04:05.678",
        "kind": "b",
        "kinds": "x,z",
        "facts": '{"a": 1}',
        "raw": b"\xff\x00",
        "fixed": b"ab\x00",
        "latin": "é",
        "wide": "😀",
        "own": "123e4567-e89b-12d3-a456-426655440000",
        "meaning": b"\x00\x00\x80?\x00\x00\x00@",
    }
    assert set(found.rows[1]) == {None}


def test_computed_numbers_are_numbers(database):
    sums = "SELECT SUM(n), AVG(n), SUM(n) / 7, COUNT(*), 1 = 1, 7 DIV 2 FROM (SELECT 1 AS n UNION SELECT 4) AS q"
    assert database.execute(sums).rows == ((5, 2.5, 0.7143, 2, 1, 3),)


def test_looking_at_stored_data_works_for_each_type(admin, database):
    made(admin, f"CREATE TABLE t ({TYPES})", f"INSERT INTO t VALUES ({CELLS})")
    filled = database.with_examples(["t"]).tables[0]
    examples = {column.name: column.examples for column in filled.columns}
    assert {name for name, found in examples.items() if not found} == set()
    assert examples["kinds"] == ("x,z",)
    assert examples["late"] == ("-100:30:00",)
    stats = database.table_stats("t")
    assert (stats.rows, stats.text_rows["wide"], stats.text_rows["whole"]) == (1, 1, 0)
    assert database.whole_numbers(ColumnRef("t", "whole"), 5) == [2**64 - 1]


def test_texts_are_told_apart_by_their_bytes(admin, database):
    texts = ["Café", "CAFÉ", "cafe", "Cafe ", "😀"]
    made(admin, "CREATE TABLE t (`odd ``name` TEXT)")
    admin.executemany("INSERT INTO t VALUES (%s)", [(text,) for text in [*texts, *texts]])
    ref = ColumnRef("T", "ODD `NAME")
    assert sorted(chain.from_iterable(database.distinct_values(ref))) == sorted(texts)
    assert sorted(chain.from_iterable(database.distinct_values(ref, cut=3, max_chars=4))) == ["CAF", "Caf", "caf", "😀"]
    assert sum(map(len, database.texts(ref))) == 10


def test_a_stream_takes_its_time_and_little_memory(admin, database):
    made(admin, "CREATE TABLE t (v VARCHAR(200))", "INSERT INTO t SELECT REPEAT(seq, 20) FROM seq_1_to_50000")
    seen = 0
    for batch in database.texts(ColumnRef("t", "v"), batch=10_000, limits=Limits(seconds=20)):
        assert database.execute("SELECT 1").rows == ((1,),)  # in the middle of it
        seen += len(batch)
    assert seen == 50_000


def test_schemas_hold_comments_keys_and_what_may_be_read(admin, database, mariadb_database):
    made(
        admin,
        "CREATE TABLE maker (a INT, b INT, name VARCHAR(20) COMMENT 'as on the label', PRIMARY KEY (a, b))"
        " COMMENT 'who makes it'",
        "CREATE TABLE Thing (id INT PRIMARY KEY, x INT NOT NULL, y INT, hidden INT INVISIBLE, twice INT AS (x * 2),"
        " FOREIGN KEY (x, y) REFERENCES maker (a, b)) WITH SYSTEM VERSIONING",
        "CREATE SEQUENCE numbers",
        "CREATE TABLE gone (a INT)",
        "CREATE VIEW broken AS SELECT * FROM gone",
        "DROP TABLE gone",
        "CREATE VIEW names AS SELECT name FROM maker",
    )
    schema = database.schema()
    assert [(table.name, table.is_view) for table in schema.tables] == [
        ("maker", False),
        ("Thing", False),
        ("names", True),
    ]
    maker = schema.table("maker")
    assert (maker.comment, maker.primary_key, maker.column("name").comment) == (
        "who makes it",
        ("a", "b"),
        "as on the label",
    )
    thing = schema.table("thing")
    assert [column.name for column in thing.columns] == ["id", "x", "y", "twice"]
    assert (thing.column("x").nullable, thing.column("y").nullable, thing.column("id").type) == (False, True, "int(11)")
    assert schema.foreign_keys == (ForeignKey("Thing", ("x", "y"), "maker", ("a", "b")),)
    assert "invalid" in database.unreadable["broken"]
    space = mariadb_database.name
    made(
        admin,
        "CREATE USER IF NOT EXISTS some@'127.0.0.1' IDENTIFIED BY 'p'",
        f"GRANT SELECT (id, y) ON {space}.Thing TO some@'127.0.0.1'",
        f"GRANT SELECT ON {space}.names TO some@'127.0.0.1'",
        f"GRANT INSERT ON {space}.maker TO some@'127.0.0.1'",
    )
    url = make_url(mariadb_database.reader_url)
    with Database(f"mysql://some:p@127.0.0.1:{url.port}/{space}") as limited:
        found = {table.name: [column.name for column in table.columns] for table in limited.schema().tables}
        assert found == {"Thing": ["id", "y"], "names": ["name"]}
        assert limited.unreadable["maker"] == "the role may not read it"
    made(admin, "DROP USER some@'127.0.0.1'")


def test_the_fingerprint_changes_with_the_data_and_stays_otherwise(admin, database, mariadb):
    made(admin, "CREATE TABLE t (a INT)", "CREATE TABLE m (a INT) ENGINE = MyISAM")
    seen = [database.data_fingerprint()]
    assert database.data_fingerprint() == seen[0]
    for statement in ("INSERT INTO t VALUES (1)", "UPDATE t SET a = 2", "INSERT INTO m VALUES (1)", "TRUNCATE t"):
        made(admin, statement)
        seen.append(database.data_fingerprint())
    assert len(set(seen)) == len(seen)
    mariadb.restart()
    assert database.data_fingerprint() not in seen  # the server forgot its times


def test_a_lock_is_not_waited_for(admin, mariadb_database, database):
    made(admin, "CREATE TABLE t (a INT)", "LOCK TABLES t WRITE")
    started = time.monotonic()
    with pytest.raises(QueryTimeoutError):
        database.execute("SELECT * FROM t", limits=Limits(seconds=30))
    assert time.monotonic() - started < 15
    made(admin, "UNLOCK TABLES")


def test_faults_of_queries_have_messages(admin, database, monkeypatch):
    with pytest.raises(QueryError, match="doesn't exist"):
        database.execute("SELECT * FROM nowhere")
    with pytest.raises(QueryError, match="Unknown column"):
        database.execute("SELECT nothing")
    with pytest.raises(QueryLimitError, match="memory"):
        database.execute("SELECT 1" + "+1" * 100_000, limits=Limits(memory=8_000_000))
    monkeypatch.setitem(_mysql_session._READERS, pymysql.constants.FIELD_TYPE.LONG, lambda _raw: int("x"))
    with pytest.raises(DatabaseError, match="cannot be read"):
        database.execute("SELECT 1")
    monkeypatch.undo()
    assert database.execute("SELECT 1").rows == ((1,),)


def test_a_statement_longer_than_the_server_takes(admin, mariadb, database):
    made(admin, "SET GLOBAL max_allowed_packet = 65536")
    try:
        with pytest.raises(QueryLimitError, match="max_allowed_packet"):
            database.execute(f"SELECT '{'x' * 100_000}'")
    finally:
        made(admin, "SET GLOBAL max_allowed_packet = DEFAULT")
    assert database.execute("SELECT 1").rows == ((1,),)


def test_too_many_connections_and_no_server(admin, mariadb, mariadb_database):
    made(admin, "SET GLOBAL max_connections = 10")
    with ExitStack() as stack, Database(mariadb_database.reader_url) as database:
        for _ in range(9):
            stack.enter_context(closing(connected(mariadb_database.reader_url)))
        with pytest.raises(DatabaseError, match="Too many connections") as caught:
            database.execute("SELECT 1")
        assert "workers" in caught.value.hint
    made(admin, "SET GLOBAL max_connections = DEFAULT")
    url = make_url(mariadb_database.reader_url)
    for broken in (url.set(port=1), url.set(database="nowhere")):
        with Database(broken.render_as_string(hide_password=False)) as database, pytest.raises(DatabaseError) as caught:
            database.execute("SELECT 1")
        assert type(caught.value) is DatabaseError
        assert "is the server running" in caught.value.hint


def test_what_answers_is_no_such_server(mariadb, redis_server):
    with Database(f"mysql://u:p@127.0.0.1:{redis_server.port}/d") as database, pytest.raises(DatabaseError) as caught:
        database.execute("SELECT 1", limits=Limits(seconds=2))
    assert type(caught.value) is DatabaseError


def test_urls_of_other_makers_and_other_charsets():
    assert Database("mariadb+mariadbconnector://u@h/d?charset=utf8mb4").dialect == "mysql"
    with pytest.raises(UsageError, match="utf8mb4"):
        Database("mysql+pymysql://u@h/d?charset=latin1")
