"""Reflection: what a SQLite file declares comes back as `Schema`, and odd declarations do not stop it."""

from __future__ import annotations

import sqlite3
import threading
import time
import warnings
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import DatabaseError, QueryError, SchemaError
from ctxprune.sql.database.database import Database
from ctxprune.sql.schema.schema import ForeignKey

NAMES = [
    "a b",
    "x.y",
    'q"q',
    "[br]",
    "tick`s",
    "größe",
    "SELECT",
    "from",
    "MiXeD",
    "semi;colon",
    "new\nline",
    "1st",
    "日本",
    "'",
    "%s",
    ":p",
    "{}",
]


def build(path: Path, script: str) -> Path:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)
    return path


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_tables_types_and_keys(shop):
    with Database(shop) as database:
        schema = database.schema()
        assert database.schema() is schema
    assert (schema.name, schema.dialect, [table.name for table in schema.tables]) == (
        "shop",
        "sqlite",
        ["city", "order items"],
    )
    items = schema.table("ORDER ITEMS")
    assert [(c.name, c.type, c.primary_key, c.nullable) for c in items.columns] == [
        ("id", "INTEGER", True, False),
        ("city_name", "VARCHAR(40)", False, True),
        ("currency", "CHAR(3)", False, True),
        ("price", "REAL", False, True),
        ("sold_on", "DATE", False, True),
    ]
    assert schema.foreign_keys == (ForeignKey("order items", ("city_name",), "city", ("name",)),)


@pytest.mark.parametrize("isolated", [True, False])
def test_any_name(tmp_path, isolated):
    columns = ", ".join(f"{quoted(name)} TEXT DEFAULT 'v'" for name in NAMES)
    script = "".join(
        f"CREATE TABLE {quoted(name)} ({columns}); INSERT INTO {quoted(name)} DEFAULT VALUES;" for name in NAMES
    )
    path = build(tmp_path / "x.db", script)
    with Database(path, isolated=isolated) as database:
        schema = database.with_examples()
        assert sorted(table.name for table in schema.tables) == sorted(NAMES)
        for table in schema.tables:
            assert [column.name for column in table.columns] == NAMES
            assert {column.examples for column in table.columns} == {("v",)}
        for name in NAMES:
            assert database.table(name).name == name
            assert database.table_stats(name).rows == 1
            assert list(database.distinct_values(next(schema.refs())._replace(table=name))) == [["v"]]


def test_declared_types_stay_as_declared_and_odd_ones_do_not_warn(tmp_path):
    path = build(
        tmp_path / "x.db",
        """CREATE TABLE t (a DECIMAL(10, 2), b "odd type"(5), c, d number, e varchar ( 20 ), f DATE(1,2),
                            g DATETIME(1,2), h boolean, i money);
           CREATE TABLE s (a ANY, b INT) STRICT;""",
    )
    with Database(path) as database, warnings.catch_warnings():
        warnings.simplefilter("error")
        schema = database.schema()
    assert [column.type for column in schema.table("t").columns] == [
        "DECIMAL(10, 2)", "odd type", "", "number", "varchar ( 20 )", "DATE(1,2)", "DATETIME(1,2)", "boolean", "money",
    ]  # fmt: skip
    assert [column.type for column in schema.table("s").columns] == ["ANY", "INT"]


def test_foreign_keys_that_lead_somewhere(tmp_path):
    path = build(
        tmp_path / "x.db",
        """CREATE TABLE Parent (a INT, b INT, c INT UNIQUE, PRIMARY KEY (b, a));
           CREATE TABLE single (id INTEGER PRIMARY KEY);
           CREATE TABLE child (x INT, y INT, z INT REFERENCES SINGLE, w INT REFERENCES missing (q),
               v INT REFERENCES missing, u INT REFERENCES single (nope), t INT REFERENCES parent ("C"),
               FOREIGN KEY (x, y) REFERENCES PARENT (B, A), FOREIGN KEY (y, x) REFERENCES parent,
               FOREIGN KEY (x) REFERENCES v);
           CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree);
           CREATE VIEW v AS SELECT a FROM Parent;""",
    )
    with Database(path) as database:
        keys = database.schema().foreign_keys
    assert set(keys) == {
        ForeignKey("child", ("x", "y"), "Parent", ("b", "a")),
        ForeignKey("child", ("y", "x"), "Parent", ("b", "a")),
        ForeignKey("child", ("z",), "single", ("id",)),
        ForeignKey("child", ("t",), "Parent", ("c",)),
        ForeignKey("tree", ("up",), "tree", ("id",)),
    }
    assert len(keys) == 5


def test_views_virtual_tables_and_what_is_hidden(tmp_path):
    path = build(
        tmp_path / "x.db",
        """CREATE TABLE base (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT, twice INT AS (id * 2),
               loud TEXT AS (upper(body)) STORED);
           INSERT INTO base (body) VALUES ('red green'), ('blue');
           CREATE TABLE keyed (k TEXT PRIMARY KEY, v) WITHOUT ROWID;
           CREATE TABLE my_data (a); CREATE TABLE words_list (a);
           CREATE VIEW good AS SELECT body, id + 1 AS next FROM base;
           CREATE VIEW broken AS SELECT * FROM missing;
           CREATE VIEW nofn AS SELECT nofn(id) FROM base;
           CREATE VIRTUAL TABLE words USING fts5 (body, tag UNINDEXED);
           INSERT INTO words VALUES ('red green', 'x');
           CREATE VIRTUAL TABLE old USING fts4 (body);
           CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1);
           INSERT INTO boxes VALUES (7, 0, 1);
           ANALYZE;""",
    )
    with Database(path) as database:
        schema = database.schema()
        found = {table.name: [column.name for column in table.columns] for table in schema.tables}
        assert found == {
            "base": ["id", "body", "twice", "loud"],
            "keyed": ["k", "v"],
            "my_data": ["a"],
            "words_list": ["a"],
            "words": ["body", "tag"],
            "old": ["body"],
            "boxes": ["id", "x0", "x1"],
            "good": ["body", "next"],
        }
        assert [table.name for table in schema.tables if table.is_view] == ["good"]
        assert set(database.unreadable) == {"broken", "nofn"}
        assert "missing" in database.unreadable["broken"]
        assert database.execute("SELECT twice, loud FROM base").rows == ((2, "RED GREEN"), (4, "BLUE"))
        assert database.execute("SELECT body FROM words WHERE words MATCH 'red'").rows == (("red green",),)
        assert database.execute("SELECT id FROM boxes WHERE x0 < 1").rows == ((7,),)


def test_a_view_that_explodes_is_left_out(tmp_path):
    script = "CREATE VIEW v0 AS SELECT 1 AS x;" + "".join(
        f"CREATE VIEW v{n} AS SELECT p.x FROM v{n - 1} p, v{n - 1} q, v{n - 1} r, v{n - 1} s, v{n - 1} t;"
        for n in range(1, 13)
    )
    path = build(tmp_path / "x.db", "CREATE TABLE fine (a);" + script)
    with Database(path) as database, pytest.MonkeyPatch.context() as patch:
        patch.setattr("ctxprune.sql.database.drivers._file_driver._PROBE_SECONDS", 0.1)
        schema = database.schema()
    assert "fine" in schema
    assert "v1" in schema
    assert "v12" in database.unreadable


def test_a_name_that_is_not_utf_8_hides_only_its_table(tmp_path):
    path = build(tmp_path / "x.db", "CREATE TABLE fine (a); CREATE TABLE spoilt (a); CREATE TABLE c (a, spoilt2, b);")
    path.write_bytes(path.read_bytes().replace(b"spoilt", b"spo\xfflt"))
    with Database(path) as database:
        schema = database.schema()
        assert "fine" in schema
        assert set(database.unreadable) == {"spo\ufffdlt"}
        assert [column.name for column in schema.table("c").columns] == ["a", "spo\ufffdlt2", "b"]
        assert database.execute("SELECT a, b FROM c").columns == ("a", "b")
        with pytest.raises(QueryError):  # Python's sqlite3 cannot name such a column
            database.execute("SELECT * FROM c")


def test_one_table_alone(tmp_path):
    path = build(tmp_path / "x.db", "CREATE TABLE T (a); CREATE VIEW broken AS SELECT * FROM missing;")
    with Database(path) as database:
        assert database.table("t").name == "T"
        assert database.table("T") is database.table("T")
        assert database._schema is None
        with pytest.raises(SchemaError, match=r"no table 'nope'.*tables: T"):
            database.table("nope")
        with pytest.raises(SchemaError, match=r"'broken' cannot be read \(no such table"):
            database.table("broken")
        with pytest.raises(SchemaError, match="no table 'broken'"):
            database.schema().table("broken")


def test_refresh(shop):
    with Database(shop) as database:
        assert "later" not in database.schema()
        build(shop, "CREATE TABLE later (a)")
        assert "later" not in database.schema()
        database.refresh()
        assert "later" in database.schema()


def test_a_database_without_tables(tmp_path):
    path = build(tmp_path / "x.db", "CREATE TABLE t (a); DROP TABLE t; VACUUM;")
    with Database(path) as database:
        assert database.schema().tables == ()
        assert database.with_examples().n_columns == 0
        assert database.execute("SELECT 1").rows == ((1,),)


def test_a_locked_file_is_an_error_not_a_missing_table(shop):
    with Database(shop) as database, closing(sqlite3.connect(shop, isolation_level=None)) as writer:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ctxprune.sql.database.drivers._sqlite_reflect._BUSY_SECONDS", 0.1)
            writer.execute("BEGIN EXCLUSIVE")
            with pytest.raises(DatabaseError, match="locked"):
                database.schema()
            writer.execute("ROLLBACK")
        assert len(database.schema().tables) == 2


def test_threads_share_one_reflection(shop):
    found = []
    with Database(shop) as database:
        threads = [threading.Thread(target=lambda: found.append(database.schema())) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len({id(schema) for schema in found}) == 1


def test_two_thousand_columns(tmp_path):
    columns = ", ".join(f'"column {n}" VARCHAR({n})' for n in range(2000))
    path = build(
        tmp_path / "x.db", f'CREATE TABLE wide ({columns}); INSERT INTO wide ("column 0", "column 1999") VALUES (1, 2);'
    )
    with Database(path) as database:
        started = time.monotonic()
        schema = database.with_examples()
        assert time.monotonic() - started < 5
        assert schema.n_columns == 2000
        assert [schema.tables[0].columns[n].examples for n in (0, 1, 1999)] == [("1",), (), ("2",)]
        assert len(database.execute("SELECT * FROM wide").rows[0]) == 2000


def test_two_thousand_tables(tmp_path):
    script = "BEGIN;" + "".join(
        f"CREATE TABLE t{n} (id INTEGER PRIMARY KEY, a TEXT, b INT REFERENCES t{max(0, n - 1)} (id));"
        for n in range(2000)
    )
    path = build(tmp_path / "x.db", script + "COMMIT;")
    with Database(path) as database:
        started = time.process_time()
        schema = database.schema()
        assert time.process_time() - started < 5
        assert (len(schema.tables), schema.n_columns, len(schema.foreign_keys)) == (2000, 6000, 2000)
        assert schema.table("T1999").column("B").type == "INT"
