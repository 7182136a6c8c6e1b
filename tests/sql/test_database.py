"""Opening files, running queries, limits and errors; both in child processes and in this one."""

from __future__ import annotations

import math
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError, SchemaError, UsageError
from ctxprune.sql.database.database import Database, Limits
from ctxprune.sql.database.drivers import _child
from ctxprune.sql.database.drivers.samples import quote_name
from ctxprune.sql.schema.schema import ColumnRef

ENDLESS = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r"
ONE_SCALAR = "SELECT instr(hex(zeroblob(4000000)), hex(zeroblob(2000000)) || '1')"


@pytest.fixture(params=[True, False], ids=["isolated", "in_process"])
def database(shop: Path, request: pytest.FixtureRequest):
    with Database(shop, isolated=request.param) as opened:
        yield opened


def stops_in_time(database: Database, sql: str, seconds: float) -> bool:
    """Within one second of its deadline; the best of three, since the machine may be busy with other things."""
    best = math.inf
    for _ in range(3):
        started = time.monotonic()
        with pytest.raises(QueryTimeoutError):
            database.execute(sql, limits=Limits(seconds=seconds))
        spent = time.monotonic() - started
        assert spent >= seconds
        best = min(best, spent)
        if best < seconds + 1.0:
            break
    return best < seconds + 1.0


def create(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


class TestOpening:
    @pytest.mark.parametrize("form", [str, Path, "sqlite:///{}".format, "sqlite+pysqlite:///{}".format])
    def test_a_path_or_a_url(self, shop, form):
        with Database(form(shop)) as database:
            assert (database.name, database.dialect, database.path) == ("shop", "sqlite", shop.resolve())
            assert database.execute("SELECT count(*) FROM city").rows == ((4,),)

    def test_a_relative_path_survives_a_change_of_folder(self, shop, monkeypatch, tmp_path):
        monkeypatch.chdir(shop.parent)
        with Database(shop.name, name="mine") as database:
            (tmp_path / "elsewhere").mkdir()
            monkeypatch.chdir(tmp_path / "elsewhere")
            assert (database.execute("SELECT 1").rows, database.name) == (((1,),), "mine")

    @pytest.mark.parametrize("name", ["a b.db", "50%.db", "wh?t.db", "h#sh.db", "größe.db", "a'b\"c.db", "c:d.db"])
    def test_odd_file_names(self, tmp_path, name):
        path = create(tmp_path / name, "CREATE TABLE t (a)", "PRAGMA journal_mode=WAL")
        with Database(path) as database:
            assert database.execute("SELECT count(*) FROM t").rows == ((0,),)
            assert "t" in database.schema()
        assert os.listdir(tmp_path) == [name]

    def test_a_symbolic_link_is_followed(self, shop, tmp_path):
        link = tmp_path / "link"
        link.symlink_to(shop)
        with Database(link) as database:
            assert database.path == shop.resolve()

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("oracle://host/db", "'oracle' is not supported"),
            ("mssql://host/db", "'mssql' is not supported"),
            ("sqlite://", "is no file"),
            (":memory:", "is no file"),
            ("", "is no file"),
            (7, "is no file"),
            ("sqlite:///x.db?mode=rwc", "no options"),
            ("no scheme://", "malformed"),
            ("a\0b", "null character"),
        ],
    )
    def test_targets_that_are_no_sqlite_file(self, target, words):
        with pytest.raises(UsageError, match=words):
            Database(target)

    def test_workers_below_one(self, shop):
        with pytest.raises(UsageError, match="workers=0"):
            Database(shop, workers=0)

    def test_files_that_cannot_be_opened(self, tmp_path):
        (tmp_path / "empty.db").touch()
        os.mkfifo(tmp_path / "fifo")
        for name, words in (("missing", "no such"), (".", "folder"), ("fifo", "not a regular"), ("empty.db", "empty")):
            with pytest.raises(DatabaseError, match=words):
                Database(tmp_path / name)

    def test_a_forbidden_file(self, shop, monkeypatch):
        monkeypatch.setattr(os, "access", lambda *_: False)
        with pytest.raises(DatabaseError, match="permission denied"):
            Database(shop)

    @pytest.mark.parametrize("content", [b"id,name\n1,x\n" * 900, b"SQLite format 3\0" + b"\xff" * 5000, b"x" * 10])
    @pytest.mark.parametrize("isolated", [True, False])
    def test_not_a_database(self, tmp_path, content, isolated):
        path = tmp_path / "x.db"
        path.write_bytes(content)
        with Database(path, isolated=isolated) as database:
            for use in (lambda: database.execute("SELECT * FROM sqlite_master"), database.schema):
                with pytest.raises(DatabaseError) as caught:
                    use()
                assert not isinstance(caught.value, QueryError)
        assert os.listdir(tmp_path) == ["x.db"]

    def test_an_encrypted_file(self, tmp_path):
        path = tmp_path / "secret.db"
        path.write_bytes(bytes((i * 197 + i // 7) % 256 for i in range(8192)))
        with Database(path) as database, pytest.raises(DatabaseError, match=r"not a database.*encrypted"):
            database.schema()

    def test_a_file_that_vanishes_or_is_replaced(self, shop, tmp_path):
        other = create(tmp_path / "other.db", "CREATE TABLE city (name)")
        with Database(shop) as database:
            assert database.execute("SELECT count(*) FROM city").rows == ((4,),)
            other.replace(shop)
            assert database.execute("SELECT count(*) FROM city").rows == ((0,),)
            shop.unlink()
            with pytest.raises(DatabaseError):
                database.execute("SELECT count(*) FROM city")
            with pytest.raises(DatabaseError):
                database.data_fingerprint()

    def test_damaged_pages(self, tmp_path):
        path = create(tmp_path / "x.db", "CREATE TABLE good (a)", "CREATE TABLE bad (a)")
        with closing(sqlite3.connect(path)) as connection:
            connection.executemany("INSERT INTO good VALUES (?)", [(1,)])
            connection.executemany("INSERT INTO bad VALUES (?)", [("x" * 500,)] * 200)
            connection.commit()
            (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'bad'").fetchone()
        data = bytearray(path.read_bytes())
        data[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
        path.write_bytes(data)
        with Database(path) as database:
            assert len(database.schema().tables) == 2
            assert database.execute("SELECT a FROM good").rows == ((1,),)
            with pytest.raises(DatabaseError, match=r"malformed.*restore"):
                database.execute("SELECT count(*), max(a) FROM bad")


class TestValues:
    def test_every_storage_class(self, database):
        sql = "SELECT NULL, 1, -9223372036854775808, 0.1, 1e999, -1e999, 'ü', x'00ff', '', x'', 1e999 - 1e999"
        row = database.execute(sql).rows[0]
        assert row == (None, 1, -(2**63), 0.1, math.inf, -math.inf, "ü", b"\x00\xff", "", b"", None)
        assert list(map(type, row[1:4])) == [int, int, float]

    def test_text_that_is_not_utf_8_does_not_fail_the_query(self, database):
        sql = "SELECT 'plain', CAST(x'61ff62' AS TEXT) UNION ALL SELECT 'é', CAST(x'e9' AS TEXT)"
        assert database.execute(sql).rows == (("plain", "a\ufffdb"), ("é", "\ufffd"))
        assert database.execute("SELECT 'é'").rows == (("é",),)

    def test_a_null_character_inside_text(self, database):
        assert database.execute("SELECT 'a' || char(0) || 'b'").rows == (("a\0b",),)

    def test_large_cells_and_large_numbers_in_text(self, database):
        sql = "SELECT hex(zeroblob(500000)), zeroblob(1000000), '99999999999999999999'"
        assert database.execute(sql).rows == (("0" * 1_000_000, bytes(1_000_000), "9" * 20),)

    def test_columns_keep_their_names(self, database):
        result = database.execute('SELECT name, name, 1 AS "", 2 AS "ü ""x""" FROM city WHERE 0')
        assert (result.columns, result.rows, result.truncated) == (("name", "name", "", 'ü "x"'), (), False)

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.one_of(
                    st.none(),
                    st.integers(-(2**63), 2**63 - 1),
                    st.floats(allow_nan=False),
                    st.text(st.characters(exclude_categories=["Cs"])),
                    st.binary(),
                )
            ),
            max_size=60,
        )
    )
    def test_rows_come_back_as_sqlite3_gives_them(self, tmp_path, rows):
        path = tmp_path / "p.db"
        path.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("CREATE TABLE t (v)")
            connection.executemany("INSERT INTO t VALUES (?)", rows)
            connection.commit()
            expected = connection.execute("SELECT v, typeof(v) FROM t").fetchall()
        for isolated in (True, False):
            with Database(path, isolated=isolated) as database:
                assert list(database.execute("SELECT v, typeof(v) FROM t").rows) == expected

    def test_both_ways_give_the_same(self, shop):
        for sql in ("SELECT * FROM city ORDER BY 1", "VALUES (1, 2), (3, 4)", "EXPLAIN QUERY PLAN SELECT * FROM city"):
            with Database(shop) as apart, Database(shop, isolated=False) as inside:
                a, b = apart.execute(sql), inside.execute(sql)
                assert (a.columns, a.rows) == (b.columns, b.rows)


class TestLimits:
    @pytest.mark.parametrize(
        "kwargs",
        [{"seconds": 0}, {"seconds": math.nan}, {"seconds": math.inf}, {"rows": -1}, {"bytes": 1.5}, {"memory": 1000}],
    )
    def test_values_out_of_range(self, kwargs):
        with pytest.raises(UsageError, match=next(iter(kwargs))):
            Limits(**kwargs)

    @pytest.mark.parametrize(("rows", "count"), [(0, 0), (3, 3), (4, 4), (5, 4)])
    def test_rows(self, database, rows, count):
        result = database.execute("SELECT * FROM city", limits=Limits(rows=rows))
        assert (len(result.rows), result.truncated) == (count, rows < 4)
        assert result.columns == ("name", "country", "population")

    def test_bytes(self, database):
        sql = "SELECT printf('%1000s', value) FROM json_each('[1,2,3,4,5]')"
        assert len(database.execute(sql, limits=Limits(bytes=3500)).rows) == 3
        assert database.execute(sql, limits=Limits(bytes=3500)).truncated
        assert not database.execute(sql, limits=Limits(bytes=5000)).truncated
        assert database.execute(sql, limits=Limits(bytes=999)).rows == ()

    def test_bytes_are_counted_in_utf_8(self, database):
        assert database.execute("SELECT 'üüü'", limits=Limits(bytes=5)).truncated
        assert database.execute("SELECT 'üüü'", limits=Limits(bytes=6)).rows == (("üüü",),)

    def test_a_large_result_comes_in_many_frames(self, database):
        sql = f"SELECT a.n, '{'x' * 50}' FROM nums a"
        sql = "WITH RECURSIVE nums(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM nums WHERE n < 30000) " + sql
        result = database.execute(sql, limits=Limits(rows=30_000))
        assert [row[0] for row in result.rows] == list(range(1, 30_001))

    def test_the_length_of_a_statement(self, database):
        with pytest.raises(QueryLimitError, match="1,000,001 characters"):
            database.execute("SELECT 1" + " " * 999_993)
        with pytest.raises(UsageError, match="bytes, not a str"):
            database.execute(b"SELECT 1")

    def test_an_endless_recursion_stops(self, database):
        assert stops_in_time(database, ENDLESS, 0.3)
        assert database.execute("SELECT 1").rows == ((1,),)

    def test_one_heavy_scalar_is_stopped_by_ending_its_process(self, shop):
        with Database(shop) as database:
            assert stops_in_time(database, ONE_SCALAR, 0.3)
            assert database.execute("SELECT 1").rows == ((1,),)

    @pytest.mark.parametrize("sql", ["SELECT randomblob(1e9)", "SELECT hex(zeroblob(900000000))"])
    def test_a_huge_value_costs_no_memory(self, shop, sql):
        code = f"""
import resource
from ctxprune.errors import QueryLimitError
from ctxprune.sql.database.database import Database
with Database({str(shop)!r}) as database:
    database.execute("SELECT 1")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        database.execute({sql!r})
    except QueryLimitError:
        print("stopped")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
        assert out[0] == "stopped"
        assert int(out[1]) < 20  # MiB more in this process
        assert int(out[2]) < 100  # MiB at most in the child

    def test_memory_of_many_rows_is_bounded(self, shop):
        sql = "SELECT count(*) FROM (SELECT DISTINCT hex(randomblob(100000)) FROM nums)"
        sql = "WITH RECURSIVE nums(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM nums WHERE n < 3000) " + sql
        with Database(shop) as database:
            with pytest.raises(QueryLimitError, match="memory"):
                database.execute(sql, limits=Limits(memory=30_000_000))
            assert database.execute("SELECT 1", limits=Limits(memory=30_000_000)).rows == ((1,),)


class TestErrors:
    @pytest.mark.parametrize(
        ("sql", "words"),
        [
            ("SELECT nope FROM city", "no such column: nope"),
            ("SELECT * FROM nope", "no such table: nope"),
            ("SELEC 1", 'near "SELEC": syntax error'),
            ("SELECT city.name, (SELECT", "incomplete input"),
            ("SELECT name FROM city a, city b", "ambiguous column name: name"),
            ("SELECT nofn(1)", "no such function: nofn"),
            ("SELECT max(1, 2) OVER ()", "max"),
            ("DELETE FROM city", "not authorized"),
            ("SELECT 1; SELECT 2", "one statement at a time"),
            ("", "returns no rows"),
            ("-- nothing", "returns no rows"),
            ("SELECT ?", "bindings"),
        ],
    )
    def test_the_database_speaks_for_itself(self, database, sql, words):
        with pytest.raises(QueryError) as caught:
            database.execute(sql)
        assert words in caught.value.what
        assert caught.value.where == str(database.path)

    def test_a_locked_file(self, shop):
        with Database(shop) as database, closing(sqlite3.connect(shop, isolation_level=None)) as writer:
            writer.execute("BEGIN EXCLUSIVE")
            started = time.monotonic()
            with pytest.raises(DatabaseError, match=r"locked.*try again"):
                database.execute("SELECT * FROM city", limits=Limits(seconds=1.0))
            assert 0.5 <= time.monotonic() - started < 10
            writer.execute("ROLLBACK")
            assert len(database.execute("SELECT * FROM city").rows) == 4

    def test_a_child_that_cannot_start(self, shop, monkeypatch):
        monkeypatch.setattr(_child.sys, "executable", "/nonexistent/python")
        with Database(shop) as database, pytest.raises(DatabaseError, match=r"cannot start.*isolated=False"):
            database.execute("SELECT 1")
        monkeypatch.setattr(_child.sys, "executable", "/bin/true")
        with Database(shop) as database, pytest.raises(DatabaseError, match=r"cannot start \(exit status 0\)"):
            database.execute("SELECT 1")
        monkeypatch.setattr(_child.sys, "frozen", True, raising=False)
        with Database(shop) as database, pytest.raises(DatabaseError, match="no Python interpreter"):
            database.execute("SELECT 1")

    def test_where_poll_is_missing_a_timer_ends_the_child(self, shop, monkeypatch):
        monkeypatch.delattr(_child.select, "poll")
        with Database(shop) as database:
            assert database.execute("SELECT 1").rows == ((1,),)
            with pytest.raises(QueryTimeoutError):
                database.execute(ONE_SCALAR, limits=Limits(seconds=0.2))
            assert database.execute("SELECT 2").rows == ((2,),)


class TestSampling:
    def test_texts_come_as_often_as_they_are_stored(self, tmp_path):
        path = create(
            tmp_path / "x.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES ('bb'), ('bc'), (1), ('bb'), (NULL)"
        )
        with Database(path) as database:
            ref = ColumnRef("t", "a")
            assert list(database.texts(ref, batch=2)) == [["bb", "bc"], ["bb"]]
            assert list(database.texts(ref, cut=1)) == [["b", "b", "b"]]
            assert list(database.distinct_values(ref, cut=1)) == [["b"]]

    def test_distinct_values_in_batches(self, database):
        batches = list(database.distinct_values(ColumnRef("ORDER ITEMS", "Currency"), batch=1))
        assert sorted(batches) == [["BRL"], ["EUR"]]
        assert list(database.distinct_values(ColumnRef("order items", "price"))) == []
        cities = database.distinct_values(ColumnRef("city", "name"), max_chars=6, max_values=2)
        assert sum(map(len, cities)) == 2

    def test_a_stream_may_be_left_early_and_queries_may_run_between(self, database):
        for _ in range(3):
            stream = database.distinct_values(ColumnRef("city", "name"), batch=1)
            first = next(stream)
            assert database.execute("SELECT count(*) FROM city WHERE name = '" + first[0] + "'").rows == ((1,),)
            stream.close()
        assert len(database._driver._pool._state.all) <= 2

    def test_the_reader_may_take_its_time(self, database):
        found = []
        for batch in database.distinct_values(ColumnRef("city", "name"), batch=1, limits=Limits(seconds=0.7)):
            time.sleep(0.25)
            found += batch
        assert len(found) == 4

    def test_bad_requests(self, database):
        with pytest.raises(SchemaError, match="no column"):
            next(database.distinct_values(ColumnRef("city", "nope")))
        with pytest.raises(UsageError, match="batch=0"):
            next(database.distinct_values(ColumnRef("city", "name"), batch=0))

    def test_streams_survive_text_that_is_not_utf_8(self, tmp_path):
        path = create(tmp_path / "x.db", "CREATE TABLE t (a)", "INSERT INTO t VALUES (CAST(x'ff' AS TEXT)), ('b')")
        with Database(path) as database:
            batches = list(database.distinct_values(ColumnRef("t", "a"), batch=1))
        assert sorted(batches) == [["b"], ["\ufffd"]]

    def test_stats(self, database):
        stats = database.table_stats("city")
        assert stats.rows == 4
        assert stats.text_rows == {"name": 4, "country": 4, "population": 0}
        assert (stats.text_chars["country"], stats.max_chars["country"]) == (21, 6)

    def test_stats_of_an_empty_and_of_a_wide_table(self, tmp_path):
        columns = ", ".join(f'"c {i}"' for i in range(2000))
        path = create(tmp_path / "x.db", f"CREATE TABLE wide ({columns})", "CREATE TABLE bare (a)")
        with Database(path) as database:
            assert len(database.table_stats("wide").text_rows) == 2000
            assert database.table_stats("bare").text_chars == {"a": 0}

    def test_examples(self, database):
        schema = database.with_examples(n=2)
        assert schema.table("city").column("country").examples == ("Brazil", "France")
        assert schema.table("order items").column("currency").examples == ("EUR", "BRL")
        assert database.schema().table("city").column("country").examples == ()
        assert [table.name for table in database.with_examples(["CITY"]).tables] == ["city"]
        small = schema.subset([ColumnRef("order items", "price")])
        assert database.with_examples(small, n=1).table("order items").columns[0].examples == (10.5,)
        with pytest.raises(SchemaError):
            database.with_examples(["nope"])

    def test_examples_look_past_nulls_but_not_for_ever(self, tmp_path):
        path = create(
            tmp_path / "x.db",
            "CREATE TABLE t (late, never, long, same, b)",
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5000) INSERT INTO t "
            "SELECT iif(n > 900, 'v' || (n % 3), NULL), iif(n > 4000, 'x', ''), printf('%5000d', 1), 1, x'00' FROM r",
            f"CREATE VIEW slow AS {ENDLESS}",
            "CREATE VIEW wrong AS SELECT abs(-9223372036854775808) AS m",
        )
        with Database(path) as database:
            started = time.monotonic()
            schema = database.with_examples(limits=Limits(seconds=2.0))
            assert time.monotonic() - started < 20
        found = {column.name: column.examples for column in schema.table("t").columns}
        assert sorted(found["late"]) == ["v0", "v1", "v2"]
        assert (found["never"], found["same"], found["b"]) == ((), (1,), (b"\0",))
        assert [len(value) for value in found["long"]] == [400]
        assert [schema.table(name).columns[0].examples for name in ("slow", "wrong")] == [(), ()]

    def test_quote_name(self):
        assert quote_name('a"b.c') == '"a""b.c"'
