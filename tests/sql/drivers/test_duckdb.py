"""DuckDB files: reflection, values of every type, streaming, locks, and files that are none."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from ctxprune.errors import (
    DatabaseError,
    MissingExtraError,
    QueryError,
    QueryLimitError,
    QueryTimeoutError,
    UsageError,
)
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.database.drivers.duckdb import DuckdbDriver
from ctxprune.sql.schema.schema import ColumnRef, ForeignKey

duckdb = pytest.importorskip("duckdb")

CASES = Path(__file__).with_name("hostile_duckdb.sql")
SCHEMA = """
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE t (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL, c DOUBLE, m mood, d DATE,
                twice INTEGER GENERATED ALWAYS AS (a * 2));
COMMENT ON TABLE t IS 'things';
COMMENT ON COLUMN t.b IS 'what it is called';
INSERT INTO t VALUES (1, 'one', 1.5, 'glad', DATE '2024-03-01'), (2, 'two', 'nan', NULL, NULL),
                     (3, '', NULL, 'sad', NULL);
CREATE TABLE pair (x INTEGER, y INTEGER, ta INTEGER REFERENCES t (a), PRIMARY KEY (x, y));
CREATE TABLE uses (x INTEGER, y INTEGER, FOREIGN KEY (x, y) REFERENCES pair (x, y));
CREATE SCHEMA other;
CREATE TABLE other.t (a INTEGER PRIMARY KEY, "odd "" name" STRUCT(n INTEGER, w VARCHAR[]));
CREATE TABLE other.alone (a INTEGER REFERENCES other.t (a));
CREATE VIEW v AS SELECT a, b FROM t;
COMMENT ON VIEW v IS 'a view';
CREATE TABLE gone (z INTEGER);
CREATE VIEW broken AS SELECT z FROM gone;
DROP TABLE gone;
CREATE SEQUENCE numbers;
CREATE INDEX i ON t (b);
CREATE VIEW evil AS SELECT * FROM read_csv('/etc/passwd', columns = {'line': 'VARCHAR'}, sep = '|');
CREATE TABLE big AS SELECT 'word ' || (range % 5000) AS w, range AS n FROM range(200000);
"""
TIGHT = Limits(seconds=1.0, rows=100, memory=64_000_000)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "victim.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        connection.execute(SCHEMA)
    with closing(duckdb.connect(str(path.with_name("other.duckdb")))) as connection:
        connection.execute("CREATE TABLE t (a INTEGER)")
    path.with_name("notes.csv").write_text("a,b\n1,2\n")
    path.with_name("notes.json").write_text('{"a": 1}\n')
    return path


@pytest.fixture(scope="module")
def database(path: Path):
    with Database(path) as database:
        yield database


def snapshot(path: Path) -> dict[str, str]:
    return {entry.name: hashlib.sha256(entry.read_bytes()).hexdigest() for entry in path.parent.iterdir()}


class TestReflection:
    def test_tables_of_all_namespaces_and_views(self, database: Database):
        schema = database.schema()
        assert schema.dialect == "duckdb"
        assert {table.name for table in schema.tables[:5]} == {"t", "pair", "uses", "big", "v"}
        assert {table.name for table in schema.tables[5:]} == {"other.t", "alone"}
        assert [table.namespace for table in schema.tables] == ["", "", "", "", "", "other", "other"]
        assert (schema.table("v").is_view, schema.table("v").comment) == (True, "a view")
        assert (schema.table("t").rows, schema.table("v").rows) == (3, None)

    def test_views_that_cannot_be_read_say_why(self, database: Database):
        database.schema()
        assert set(database.unreadable) == {"broken", "evil"}
        assert "gone" in database.unreadable["broken"]
        assert "disabled" in database.unreadable["evil"]

    def test_columns_with_types_comments_and_keys(self, database: Database):
        t = database.schema().table("t")
        assert t.comment == "things"
        assert [(column.name, column.type) for column in t.columns] == [
            ("a", "INTEGER"), ("b", "VARCHAR"), ("c", "DOUBLE"), ("m", "ENUM('sad', 'glad')"), ("d", "DATE"),
            ("twice", "INTEGER"),
        ]  # fmt: skip
        assert t.column("b").comment == "what it is called"
        assert [column.nullable for column in t.columns] == [False, False, True, True, True, True]
        assert database.schema().table("pair").primary_key == ("x", "y")
        assert database.schema().table("other.t").columns[1].name == 'odd " name'

    def test_foreign_keys(self, database: Database):
        assert set(database.schema().foreign_keys) == {
            ForeignKey("pair", ("ta",), "t", ("a",)),
            ForeignKey("uses", ("x", "y"), "pair", ("x", "y")),
            ForeignKey("alone", ("a",), "other.t", ("a",)),
        }

    def test_one_table_alone(self, path: Path):
        with Database(path) as database:
            assert database.table("ALONE").columns[0].name == "a"

    def test_an_endless_enum_is_cut(self, tmp_path: Path):
        values = ", ".join(f"'value {number}'" for number in range(1000))
        with closing(duckdb.connect(str(tmp_path / "e.duckdb"))) as connection:
            connection.execute(f"CREATE TABLE t (m ENUM({values}))")
        with Database(tmp_path / "e.duckdb") as database:
            assert len(database.schema().table("t").columns[0].type) < 250


class TestValues:
    @pytest.mark.parametrize(
        ("sql", "cell"),
        [
            ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
            ("'00000000-0000-0000-0000-000000000001'::UUID", "00000000-0000-0000-0000-000000000001"),
            ("1.50::DECIMAL(38,2)", 1.5),
            ("12345678901234567890123456789.123456789::DECIMAL(38,9)", "12345678901234567890123456789.123456789"),
            ("TIMESTAMP '2024-03-01 10:00:00'", "2024-03-01 10:00:00"),
            ("DATE '0044-03-15 (BC)'", "0044-03-15 (BC)"),
            ("TIME '10:00:00'", "10:00:00"),
            ("INTERVAL '2 days 3 hours'", "P2DT10800S"),
            ("'0101'::BIT", "0101"),
            ("'\\xAA\\x00'::BLOB", b"\xaa\x00"),
            ("'nan'::DOUBLE", None),
            ("'-inf'::FLOAT", float("-inf")),
            ("true", 1),
            ("{'a': 1, 'b': ['x']}", '{"a": 1, "b": ["x"]}'),
            ("MAP {'k': 1.5}", '{"k": 1.5}'),
            ("[1, NULL]", "[1, null]"),
            ("union_value(n := 1)", 1),
            ("'sad'::ENUM('sad')", "sad"),
            ("'a' || chr(0)", "a\0"),
        ],
    )  # fmt: skip
    def test_cells_of_every_type(self, database: Database, sql: str, cell: object):
        assert database.execute(f"SELECT {sql}").rows == ((cell,),)

    def test_time_zones(self, database: Database):
        ((text, equal),) = database.execute(
            "SELECT TIMESTAMPTZ '2024-03-01 10:00:00+02' AS x, x = TIMESTAMPTZ '2024-03-01 08:00:00+00'"
        ).rows
        assert re.fullmatch(r"2024-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d", str(text))
        assert equal == 1

    def test_a_value_that_cannot_be_read_is_a_clear_error(self, database: Database):
        with pytest.raises(QueryError, match="cast it to VARCHAR"):
            database.execute("SELECT INTERVAL '1000000000 days'")

    def test_examples_statistics_and_distinct_values(self, database: Database):
        t = database.with_examples(["t"]).table("t")
        assert [column.examples for column in t.columns] == [
            (1, 2, 3), ("one", "two"), (1.5,), ("glad", "sad"), ("2024-03-01",), (2, 4, 6),
        ]  # fmt: skip
        assert database.table_stats("t").text_chars == {"a": 0, "b": 6, "c": 0, "m": 7, "d": 10, "twice": 0}
        assert list(database.distinct_values(ColumnRef("t", "a"))) == []
        assert list(database.texts(ColumnRef("t", "b"))) == [["one", "two", ""]]
        assert database.whole_numbers(ColumnRef("t", "a"), 10) == [1, 2, 3]

    def test_a_stream_may_be_left_early_and_waits_for_its_reader(self, database: Database):
        ref = ColumnRef("big", "w")
        assert len(next(iter(database.texts(ref, batch=10)))) == 10
        slow = database.texts(ref, batch=10_000, limits=Limits(seconds=2.0))
        assert len(next(slow)) == 10_000
        time.sleep(2.1)
        assert sum(len(batch) for batch in slow) == 190_000
        assert sum(len(batch) for batch in database.distinct_values(ref, batch=999)) == 5000

    def test_rows_are_cut_without_computing_the_rest(self, database: Database):
        found = database.execute("SELECT range FROM range(1000000000000)", limits=Limits(rows=3))
        assert (found.rows, found.truncated, found.columns) == (((0,), (1,), (2,)), True, ("range",))

    @pytest.mark.parametrize("isolated", [True, False])
    def test_cancelled_queries_end(self, path: Path, isolated: bool):
        async def cancelled() -> float:
            with Database(path, isolated=isolated) as database:
                await database.aexecute("SELECT 1")
                task = asyncio.create_task(database.aexecute("SELECT count(*) FROM range(1000000000000)"))
                await asyncio.sleep(0.2)
                started = time.monotonic()
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert (await database.aexecute("SELECT 1")).rows == ((1,),)
                return time.monotonic() - started

        assert asyncio.run(cancelled()) < 5


class TestHostile:
    def test_there_are_a_hundred_statements(self):
        assert len(set(cases())) == len(cases()) >= 100

    @pytest.mark.parametrize("isolated", [True, False])
    def test_nothing_changes_and_the_database_lives(self, path: Path, isolated: bool):
        before = snapshot(path)
        with Database(path, isolated=isolated) as database:
            for family, text in cases():
                if family != "heavy":
                    with suppress(QueryError):
                        database.execute(text.replace("DIR", str(path.parent)), limits=TIGHT)
                    assert snapshot(path) == before, text
            assert database.execute("SELECT count(*) FROM t").rows == ((3,),)

    def test_heavy_statements_end(self, path: Path):
        with Database(path) as database:
            for family, text in cases():
                if family == "heavy":
                    database.execute("SELECT 1", limits=TIGHT)  # starts a process where the last one was ended
                    started = time.monotonic()
                    with suppress(QueryError, QueryLimitError, QueryTimeoutError):
                        database.execute(text, limits=replace(TIGHT, seconds=0.2))
                    assert time.monotonic() - started < 3, text
            assert database.execute("SELECT count(*) FROM t").rows == ((3,),)


def cases() -> list[tuple[str, str]]:
    """(family, text) of every case."""
    found = re.findall(r"^-- case: (\w+)\n(.*?)(?=^-- case: |\Z)", CASES.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [(family, text.removesuffix("\n")) for family, text in found]


WRITER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("INSERT INTO t VALUES (1)")
print("open", flush=True)
sys.stdin.read()
"""


class TestFiles:
    @pytest.fixture
    def small(self, tmp_path: Path) -> Path:
        with closing(duckdb.connect(str(tmp_path / "small.duckdb"))) as connection:
            connection.execute("CREATE TABLE t AS SELECT range AS a FROM range(10000)")
        return tmp_path / "small.duckdb"

    def test_a_file_is_known_by_its_beginning(self, small: Path):
        bare = small.with_name("small.db")
        shutil.copy(small, bare)
        assert [Database(bare, isolated=isolated).dialect for isolated in (True, False)] == ["duckdb"] * 2
        assert Database(f"duckdb:///{bare}").name == "small"

    def test_another_writer_is_named_and_its_log_is_read(self, small: Path):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(small)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        with closing(writer.stdin), closing(writer.stdout), Database(small) as database:
            assert writer.stdout.readline() == b"open\n"
            with pytest.raises(DatabaseError, match="another program has it open for writing"):
                database.execute("SELECT 1")
            writer.kill()
            writer.wait()
            before = snapshot(small)
            assert set(before) == {"small.duckdb", "small.duckdb.wal"}
            assert database.execute("SELECT count(*) FROM t").rows == ((10_001,),)
            assert snapshot(small) == before

    def test_a_writer_need_not_wait_for_long_and_is_seen(self, small: Path):
        with Database(small) as database:
            assert database.execute("SELECT count(*) FROM t").rows == ((10_000,),)
            before = database.data_fingerprint()
            until = time.monotonic() + 20
            while True:
                try:
                    with closing(duckdb.connect(str(small))) as connection:
                        connection.execute("DELETE FROM t WHERE a > 7")
                    break
                except duckdb.IOException:
                    assert time.monotonic() < until
                    time.sleep(0.05)
            assert database.execute("SELECT count(*) FROM t").rows == ((8,),)
            assert database.data_fingerprint() != before

    def test_a_file_in_its_place_is_seen(self, small: Path):
        with Database(small) as database:
            database.execute("SELECT 1")
            with closing(duckdb.connect(str(small.with_name("new")))) as connection:
                connection.execute("CREATE TABLE t AS SELECT 5 AS a")
            os.replace(small.with_name("new"), small)
            assert database.execute("SELECT a FROM t").rows == ((5,),)

    def test_a_connection_of_this_process_is_explained(self, small: Path):
        told = pytest.raises(DatabaseError, match="this process has it open")
        with closing(duckdb.connect(str(small))), Database(small, isolated=False) as database, told:
            database.execute("SELECT 1")

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda data: b"hello " * 1000, "no DuckDB file"),
            (lambda data: data[:20_000], "cut off"),
            (lambda data: data[:100] + os.urandom(3000) + data[3100:], "damaged"),
        ],
    )
    def test_damaged_files(self, small: Path, damage, words: str):
        small.write_bytes(damage(small.read_bytes()))
        with Database(small) as database, pytest.raises(DatabaseError, match=words):
            database.execute("SELECT sum(a) FROM t")

    def test_another_release_is_named(self):
        message = "Trying to read a database file with version number 999, but we can only read versions 64 to 67"
        assert "install the release" in DuckdbDriver.explain(message, "x").hint

    @pytest.mark.parametrize(
        ("target", "error", "words"),
        [
            ("duckdb:///{}/missing.duckdb", DatabaseError, "no such file"),
            ("{}", DatabaseError, "folder"),
            ("duckdb://", UsageError, "no file"),
            ("duckdb:///:memory:", UsageError, "no file"),
            ("duckdb:///md:shop?motherduck_token=hidden", UsageError, "no options"),
        ],
    )
    def test_targets_that_are_no_file(self, tmp_path: Path, target: str, error: type[Exception], words: str):
        with pytest.raises(error, match=words) as caught:
            Database(target.format(tmp_path))
        assert "hidden" not in str(caught.value)

    def test_the_package_is_named_where_it_is_missing(self, small: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("ctxprune.sql.database.drivers.duckdb.find_spec", lambda _name: None)
        with pytest.raises(MissingExtraError, match="duckdb"):
            Database(small)
