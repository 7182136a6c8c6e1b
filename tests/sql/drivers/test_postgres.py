"""What is PostgreSQL's own: its schema, its types, its faults, its counts of changes."""

from __future__ import annotations

import math
import select
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from servers import Postgres

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError
from ctxprune.sql import Database, Limits
from ctxprune.sql.guard import Guard
from ctxprune.sql.linking.contained import contained_keys
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values import ValueIndex

psycopg = pytest.importorskip("psycopg")

SHOP = """
CREATE TYPE mood AS ENUM ('sad', 'it''s ok');
CREATE DOMAIN email AS varchar(50) CHECK (VALUE LIKE '%@%');
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, mail email, mood mood, since date, tags text[]);
COMMENT ON TABLE customer IS 'who buys';
COMMENT ON COLUMN customer.since IS 'first order';
CREATE VIEW loyal AS SELECT id, name FROM customer WHERE since < '2020-01-01';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM customer;
CREATE TABLE sold (day date, customer int REFERENCES customer (id)) PARTITION BY RANGE (day);
CREATE TABLE sold_2024 PARTITION OF sold FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE SCHEMA stock;
CREATE TABLE stock.customer (id int PRIMARY KEY, shop int REFERENCES public.customer (id));
CREATE TABLE stock.item (id int PRIMARY KEY, owner int REFERENCES stock.customer (id), price numeric(20, 10));
CREATE TABLE secret (id int);
CREATE TABLE half (seen int, hidden int);
INSERT INTO customer VALUES (1, 'Ann', 'a@b.c', 'sad', '2019-05-01', '{x,y}');
INSERT INTO customer VALUES (2, 'Bob', NULL, 'it''s ok', '2024-01-31', NULL);
INSERT INTO stock.customer VALUES (7, 1);
REVOKE ALL ON secret, half FROM "READER";
GRANT SELECT (seen) ON half TO "READER";
"""


@pytest.fixture
def admin(postgres_database):
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        yield admin


@pytest.fixture
def shop(postgres_database, admin):
    reader = postgres_database.reader_url.split("//")[1].partition(":")[0]
    admin.execute(SHOP.replace("READER", reader))
    with Database(postgres_database.reader_url) as database:
        yield database


def test_the_schema_holds_what_the_role_may_read(shop):
    schema = shop.schema()
    assert [table.name for table in schema.tables] == [
        "customer", "sold", "half", "loyal", "counted", "stock.customer", "item",
    ]  # fmt: skip
    customer = schema.table("customer")
    assert (customer.comment, customer.column("since").comment, customer.primary_key) == (
        "who buys",
        "first order",
        ("id",),
    )
    assert [(column.name, column.type, column.nullable) for column in customer.columns] == [
        ("id", "integer", False),
        ("name", "text", False),
        ("mail", "character varying(50)", True),
        ("mood", "enum('sad', 'it''s ok')", True),
        ("since", "date", True),
        ("tags", "text[]", True),
    ]
    assert [table.name for table in schema.tables if table.is_view] == ["loyal", "counted"]
    assert [column.name for column in schema.table("half").columns] == ["seen"]
    assert shop.unreadable == {"secret": "the role may not read it"}
    assert (schema.table("item").namespace, schema.table("stock.customer").bare) == ("stock", "customer")
    assert set(schema.foreign_keys) == {
        ForeignKey("sold", ("customer",), "customer", ("id",)),
        ForeignKey("stock.customer", ("shop",), "customer", ("id",)),
        ForeignKey("item", ("owner",), "stock.customer", ("id",)),
    }
    assert shop.table("STOCK.customer") == schema.table("stock.customer")


def test_examples_and_look_ups_read_every_namespace(shop):
    filled = shop.with_examples(n=2)
    assert filled.table("customer").column("name").examples == ("Ann", "Bob")
    assert filled.table("stock.customer").column("id").examples == (7,)
    assert shop.whole_numbers(ColumnRef("stock.customer", "id"), 5) == [7]
    assert shop.execute(shop.samples.example(shop.table("customer"), shop.table("customer").column("name"), 5)).rows


def test_values_are_indexed_with_enumerations_and_days(shop):
    index = ValueIndex.build(shop)
    kept = {column.ref: column.values for column in index.columns if not column.skipped}
    assert kept[ColumnRef("customer", "mood")] == 2
    assert kept[ColumnRef("customer", "name")] == 2
    assert [hit.value for hit in index.lookup("Is anyone SAD?")] == ["sad"]


@pytest.mark.parametrize(
    ("sql", "cell"),
    [
        ("1::smallint", 1),
        ("9223372036854775807", 2**63 - 1),
        ("true", 1),
        ("1.50", 1.5),
        ("2.00", 2),
        ("0.12345678901234567890::numeric(30,20)", "0.12345678901234567890"),
        ("avg(n) FROM (VALUES (1), (1), (2)) AS v (n)", 4 / 3),
        ("'NaN'::float8", None),
        ("'-infinity'::float8", -math.inf),
        ("'NaN'::numeric", None),
        ("10::numeric ^ 3000", "1" + "0" * 3000 + "." + "0" * 16),
        ("'\\x00ff'::bytea", b"\x00\xff"),
        ("date '2024-02-29'", "2024-02-29"),
        ("'infinity'::date", "infinity"),
        ("'294276-12-31 23:59:59'::timestamp", "294276-12-31 23:59:59"),
        ("'4713-01-01 BC'::date", "4713-01-01 BC"),
        ("interval '1 day 2 hours'", "P1DT2H"),
        ("'{\"a\": [1]}'::jsonb", '{"a": [1]}'),
        ("ARRAY[1, NULL]", "{1,NULL}"),
        ("int4range(1, 5)", "[1,5)"),
        ("point(1, 2)", "(1,2)"),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("ROW(1, 'x')", "(1,x)"),
        ("'10.0.0.1/8'::inet", "10.0.0.1/8"),
        ("'sad'::mood", "sad"),
        ("NULL", None),
    ],
)
def test_cells(shop, sql, cell):
    ((found,),) = shop.execute(f"SELECT {sql}").rows
    assert (type(found), found) == (type(cell), cell)


def test_nothing_of_a_query_stays_in_its_session(shop, admin):
    shop.execute(
        "SELECT pg_advisory_lock(1), set_config('statement_timeout', '1', false), set_config('role', 'none', false)"
    )
    shop.execute("SELECT set_config('search_path', 'nowhere', false), set_config('client_encoding', 'LATIN1', false)")
    assert shop.execute("SELECT name, 'ä' FROM customer WHERE id = 1").rows == (("Ann", "ä"),)
    assert admin.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)


def test_a_backslash_escapes_nothing_whatever_the_role_is_set_to(postgres_database, admin):
    reader = postgres_database.reader_url.split("//")[1].partition(":")[0]
    admin.execute("CREATE TABLE vault (code text); INSERT INTO vault VALUES ('hidden'); CREATE TABLE shown (id int)")
    admin.execute(f"ALTER ROLE {reader} SET standard_conforming_strings = off")
    text = r"SELECT '\' || ' || (SELECT max(code) FROM vault) --'"
    shown = Schema("work", (Table("shown", (Column("id"),)),), dialect="postgres")
    with Database(postgres_database.reader_url) as database:
        assert database.execute(Guard("postgres", shown).require(text)).rows == (
            ("\\ || (SELECT max(code) FROM vault) --",),
        )


def test_the_deadline_holds_where_the_server_stalls_once_it_has_connected(postgres, postgres_database):
    url, usual = postgres_database.reader_url, str(postgres.port)
    with stalling(postgres.port) as port, Database(url.replace(usual, port)) as database:
        started = time.monotonic()
        with pytest.raises(QueryTimeoutError):
            database.execute("SELECT 1", limits=Limits(seconds=0.5))
        assert time.monotonic() - started < 3
        assert not database._driver._sessions._state.all


@contextmanager
def stalling(port):
    """A server in front of the one at `port`, which passes on no answer after the greeting, and gives up after 5 s."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(5)

        def serve():
            client, _ = listener.accept()
            with client, socket.create_connection(("127.0.0.1", port)) as server:
                end = time.monotonic() + 5
                greeted = False
                while (left := end - time.monotonic()) > 0:
                    for source in select.select([client, server], [], [], left)[0]:
                        data = source.recv(65536)
                        if not data:
                            return
                        if source is client:
                            server.sendall(data)
                        elif not greeted:
                            greeted = data.endswith(b"Z\0\0\0\5I")
                            client.sendall(data)

        with ThreadPoolExecutor(1) as pool:
            pool.submit(serve)
            yield str(listener.getsockname()[1])


def test_the_server_is_told_all_limits(shop):
    names = ("transaction_read_only", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    row = shop.execute(
        f"SELECT {', '.join(f'current_setting({name!r})' for name in names)}", limits=Limits(seconds=3)
    ).rows
    assert row == (("on", "3s", "2s", "8s"),)


def test_temporary_files_are_bounded_where_the_role_may(postgres_database):
    with Database(postgres_database.admin_url) as database, pytest.raises(QueryLimitError, match="temporary file"):
        database.execute(
            "SELECT count(*) FROM (SELECT repeat('x', 99) || n FROM generate_series(1, 300000) n OFFSET 0) AS x (y) "
            "GROUP BY y ORDER BY y",
            limits=Limits(memory=8_000_000, seconds=30),
        )


def test_faults_say_what_they_are(shop, admin, postgres_database, postgres):
    with pytest.raises(QueryError, match='column "nam" does not exist'):
        shop.execute("SELECT nam FROM customer")
    shop.schema()
    admin.execute("DROP TABLE stock.item")  # between linking and execution
    with pytest.raises(QueryError, match="does not exist"):
        shop.execute("SELECT * FROM stock.item")
    admin.execute("BEGIN; LOCK TABLE customer IN ACCESS EXCLUSIVE MODE")
    with pytest.raises(QueryTimeoutError):
        shop.execute("SELECT * FROM customer", limits=Limits(seconds=0.3))
    admin.execute("ROLLBACK")
    missing = postgres_database.reader_url.rpartition("/")[0] + "/missing"
    with Database(missing) as database, pytest.raises(DatabaseError, match="does not exist"):
        database.schema()


def test_too_many_connections_are_a_clear_error(postgres_database, admin):
    reader = postgres_database.reader_url.split("//")[1].partition(":")[0]
    admin.execute(f"ALTER ROLE {reader} CONNECTION LIMIT 1")
    with ExitStack() as stack:
        first, second = (stack.enter_context(Database(postgres_database.reader_url)) for _ in range(2))
        first.execute("SELECT 1")
        with pytest.raises(DatabaseError, match="too many connections"):
            second.execute("SELECT 1")


def test_the_fingerprint_follows_the_data(shop, admin):
    shop.execute("SELECT 1")
    before = shop.data_fingerprint()
    assert shop.data_fingerprint() == before
    for change in (
        "INSERT INTO customer VALUES (3, 'Cem')",
        "UPDATE customer SET name = 'Cem' WHERE id = 2",
        "DELETE FROM customer WHERE id = 3",
        "TRUNCATE stock.item",
        "ALTER TABLE customer ADD COLUMN more int",
    ):
        admin.execute(change)
        admin.execute("SELECT pg_stat_force_next_flush()")
        admin.execute("SELECT 1")
        after = shop.data_fingerprint()
        assert after != before, change
        before = after


def test_a_column_is_read_again_when_the_connection_was_lost(shop, admin, postgres, tmp_path):
    admin.execute("INSERT INTO stock.item SELECT n, NULL, n FROM generate_series(1, 10) AS n")
    admin.execute("CREATE TABLE word AS SELECT n, 'word ' || n AS word FROM generate_series(1, 20000) AS n")
    shop.refresh()
    restarts = []

    def progress(_done, _total, name):
        if name == "word.word" and not restarts:
            restarts.append(name)
            postgres.restart()

    index = ValueIndex.for_database(shop, tmp_path, progress=progress)
    assert restarts == ["word.word"]
    assert {one.column: one.values for one in index.columns if one.table == "word"}["word"] == 20_000


def test_a_sample_is_of_about_so_many_rows(shop, admin, tmp_path):
    admin.execute(
        "CREATE TABLE word AS SELECT n, 'word ' || n AS word FROM generate_series(1, 20000) AS n; ANALYZE word"
    )
    shop.refresh()
    word = ColumnRef("word", "word")

    def values(index):
        return next(column.values for column in index.columns if column.ref == word)

    assert 800 <= values(ValueIndex.for_database(shop.sampled(1000), tmp_path)) <= 1000
    assert values(ValueIndex.for_database(shop, tmp_path)) <= 1000  # as before
    assert values(ValueIndex.for_database(shop.sampled(0), tmp_path)) == 20_000


@pytest.mark.data
def test_questions_have_the_same_answers_as_on_sqlite(postgres_database, shared: Path):
    import json
    from collections import Counter

    from servers.copied import copy_database

    from ctxprune.sql.pipeline.pipeline import Pipeline

    folder = shared / "data" / "nl2sql" / "spider"
    path = folder / "database" / "concert_singer" / "concert_singer.sqlite"
    items = json.loads((folder / "dev.json").read_text())
    questions = [item["question"] for item in items if item["db_id"] == "concert_singer"][:20]
    copy_database(path, postgres_database.admin_url)
    with Database(path) as file, Database(postgres_database.reader_url) as server:
        here, there = Pipeline(file), Pipeline(server)
        same = [Counter(here.ask(text).rows or ()) == Counter(there.ask(text).rows or ()) for text in questions]
    assert sum(same) >= 19


def test_years_and_words_are_asked_as_their_columns_are_typed(postgres_database, admin):
    from ctxprune.sql.pipeline.pipeline import Pipeline

    admin.execute("CREATE TABLE race (name varchar(20), day date, code text)")
    admin.execute(
        "INSERT INTO race VALUES ('Sprint', '2024-03-01', '17'), ('Relay', '2023-12-31', '18'), ('Dash', NULL, '19')"
    )
    with Database(postgres_database.reader_url) as database:
        ask = Pipeline(database).ask
        assert ask("How many races were on a day in 2024?").rows == ((1,),)
        assert ask("What is the name of the race with code 17?").rows == (("Sprint",),)
        assert ask("What is the name of the race with the latest day?").rows == (("Sprint",),)


class Replica(Postgres):
    """A hot standby of another server."""

    def __init__(self, primary):
        super().__init__()
        self._primary = primary

    def prepare(self):
        folder = ("--pgdata", str(self.folder / "data"), "--write-recovery-conf", "--checkpoint=fast")
        self.run(self.program("pg_basebackup"), *folder, "--dbname", self._primary.url("postgres"))


def test_keys_that_nobody_declared_are_found_between_columns_of_like_types(postgres_database, admin):
    admin.execute("CREATE TABLE team (id int PRIMARY KEY, name text)")
    admin.execute("CREATE TABLE player (name text, team_id int); CREATE TABLE guest (name text, team_id text)")
    admin.execute("INSERT INTO team SELECT n, 'team ' || n FROM generate_series(1, 20) AS n")
    admin.execute("INSERT INTO player SELECT 'p' || n, n % 20 + 1 FROM generate_series(1, 60) AS n")
    admin.execute("INSERT INTO guest SELECT name, team_id::text FROM player")
    with Database(postgres_database.reader_url) as database:
        assert contained_keys(database, database.schema()) == (
            ForeignKey("player", ("team_id",), "team", ("id",), inferred=True),
        )


def test_a_replica_in_recovery_answers_and_notices_changes(postgres, postgres_database, admin):
    admin.execute("CREATE TABLE t (a int)")
    admin.execute("INSERT INTO t VALUES (1)")
    with Replica(postgres) as replica:
        url = postgres_database.reader_url.replace(f":{postgres.port}/", f":{replica.port}/")
        with Database(url) as database:
            assert [table.name for table in database.schema().tables] == ["t"]
            assert database.execute("SELECT a, pg_is_in_recovery() FROM t").rows == ((1, 1),)
            before = database.data_fingerprint()
            admin.execute("INSERT INTO t VALUES (2)")
            until = time.monotonic() + 20
            while database.execute("SELECT count(*) FROM t").rows != ((2,),):
                assert time.monotonic() < until
                time.sleep(0.1)
            assert database.data_fingerprint() != before
            with pytest.raises(QueryError):
                database.execute("SELECT txid_current()")
