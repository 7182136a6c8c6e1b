"""Entries carried over to a renamed schema: what is carried, what is left, and never anything wrong."""

from __future__ import annotations

import runpy
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.calibration.stored import Calibration
from ctxprune.sql.database.database import Database
from ctxprune.sql.knowledge import Instruction, Note, Pair, Term
from ctxprune.sql.knowledge.check import Checker
from ctxprune.sql.match.mapping import SchemaMapping, map_schemas
from ctxprune.sql.match.migrate import migrate_calibration, migrate_entries
from ctxprune.sql.match.sure_columns import MappingConfig
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.utils.fingerprint import Identity

examples = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "match_examples.py")))


@pytest.fixture(scope="module")
def mapping() -> SchemaMapping:
    return examples.mapping_of(examples.old_schema(), examples.new_schema(), examples.NAMES)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Pair("Who?", "SELECT first_name FROM customer"), Pair("Who?", "SELECT given_name FROM tbl_client")),
        (
            Term("active", "status = 'A'", ("customer.status",)),
            Term("active", "sts = 'A'", ("tbl_client.sts",)),
        ),
        (
            Term("recent", "orders.amount > 100 AND order_date > '2024'", ("orders.amount",)),
            Term("recent", "tbl_purchase.amt > 100 AND \"order date\" > '2024'", ("tbl_purchase.amt",)),
        ),
        (
            Term("revenue", "SUM(amount) * 1.2", ("orders.amount",)),
            Term("revenue", "SUM(amt) * 1.2", ("tbl_purchase.amt",)),
        ),
        (
            Term("label", "city = 'first_name'", ("customer.city",)),
            Term("label", "town = 'first_name'", ("tbl_client.town",)),
        ),
        (Term("orders", "SELECT COUNT(*) FROM orders"), Term("orders", "SELECT COUNT(*) FROM tbl_purchase")),
        (
            Term("buyer", "customer_id IN (SELECT customer_id FROM orders)", ("customer.customer_id",)),
            Term("buyer", "client_key IN (SELECT client_key FROM tbl_purchase)", ("tbl_client.client_key",)),
        ),
        (
            Note("orders.amount", "orders.order_date is the day"),
            Note("tbl_purchase.amt", 'tbl_purchase."order date" is the day'),
        ),
        (Note("orders.amount", "in euros (net)"), Note("tbl_purchase.amt", "in euros (net)")),
        (Note("customer.city", "the customer's city"), Note("tbl_client.town", "the customer's city")),
        (
            Note("customer.city", "The city where the status is checked."),
            Note("tbl_client.town", "The city where the status is checked."),
        ),
        (
            Instruction("total", "orders.amount is without tax", ("orders.amount",)),
            Instruction("total", "tbl_purchase.amt is without tax", ("tbl_purchase.amt",)),
        ),
        (Instruction("share", "in percent"), Instruction("share", "in percent")),
        (Term("us", "the company itself"), Term("us", "the company itself")),
    ],
)
def test_an_entry_becomes(before: object, after: object, mapping: SchemaMapping) -> None:
    (found,) = migrate_entries([before], mapping).carried  # type: ignore[list-item]
    assert found.after == after
    assert not Checker(mapping.target).problem(found.after)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (Pair("Who?", "SELECT nobody FROM customer"), "does not fit the old schema"),
        (Note("customer.shoe", "x"), "no column 'customer.shoe'"),
        (Note("nowhere", "x"), "no column 'nowhere'"),
        (Term("t", "x", ("customer.city", "customer.gone")), "no column 'customer.gone'"),
        (Note("customer.status", "status = 'A' means active"), "may be SQL with the old name status"),
        (Term("per city", "COUNT(*) GROUP BY city", ("customer.city",)), "may be SQL with the old name city"),
        (Term("recent", "o.order_date > '2024'", ("orders.order_date",)), "may be SQL with the old name"),
        (
            Term("two", "1 = 1) AS y, (city", ("customer.city",)),
            "may be SQL with the old name city: it is no expression",
        ),
        (Term("deep", "(" * 500 + "city = 1", ("customer.city",)), "may be SQL with the old name city"),
        (Note("customer.status", "see the tables orders and customer"), "may be SQL with the old name"),
        (Note("customer.status", "use 'first_name' as label"), "may be SQL with the old name first_name"),
        (Term("all", "customer.city = 'x' AND amount > 3 AND nothing = 3", ("customer.city",)), "may be SQL"),
    ],
)
def test_an_entry_is_left(entry: object, reason: str, mapping: SchemaMapping) -> None:
    result = migrate_entries([entry], mapping)  # type: ignore[list-item]
    assert result.carried == ()
    assert reason in result.left[0].reason
    assert result.to_dict()["left"][0]["reason"] == result.left[0].reason


def test_order_is_kept_and_nothing_is_lost(mapping: SchemaMapping) -> None:
    entries = [Note("customer.city", f"note {n}") if n % 2 else Note("x.y", f"note {n}") for n in range(6)]
    result = migrate_entries(entries, mapping)
    assert [one.before for one in result.carried] == entries[1::2]
    assert [one.entry for one in result.left] == entries[::2]
    assert migrate_entries([], mapping).entries == ()


def test_a_bare_name_of_several_columns_is_not_guessed(mapping: SchemaMapping) -> None:
    result = migrate_entries([Term("known", "the customer_id of orders and customer")], mapping)
    assert result.carried[0].after.meaning == "the client_key of orders and customer"  # type: ignore[union-attr]
    names = {**examples.NAMES, ("orders", "customer_id"): ("tbl_purchase", "purchase_no")}
    other = examples.mapping_of(examples.old_schema(), examples.new_schema(), names)
    result = migrate_entries([Term("known", "the customer_id of orders and customer")], other)
    assert "stands for several columns" in result.left[0].reason


def test_real_databases_end_to_end(tmp_path: Path) -> None:
    old, new = examples.old_database(tmp_path), examples.new_database(tmp_path)
    queries = [
        "SELECT first_name, last_name FROM customer WHERE city = 'Łódź' ORDER BY 1",
        "SELECT c.city, SUM(o.amount) FROM customer c JOIN orders o ON c.customer_id = o.customer_id GROUP BY c.city",
        "SELECT * FROM orders WHERE order_date > '2024-05' ORDER BY order_id",
    ]
    with Database(old) as a, Database(new) as b:
        mapping = map_schemas(a.schema(), b.schema(), source_values=a, target_values=b)
    result = migrate_entries([Pair(f"q{n}", sql) for n, sql in enumerate(queries)], mapping)
    assert not result.left
    for one in result.carried:
        assert examples.rows_of(old, one.before.sql) == examples.rows_of(new, one.after.sql)  # type: ignore[union-attr]


def test_values_that_changed_leave_the_queries(tmp_path: Path) -> None:
    rows = [(*row[:3], str(row[3]).upper().replace("OSLO", "BERGEN"), row[4]) for row in examples.customers()]
    new = {"tbl_client": rows, "tbl_purchase": [(*row, "crm") for row in examples.orders()]}
    path = examples.write(tmp_path / "changed.sqlite", examples.NEW_TABLES, new)
    with Database(examples.old_database(tmp_path)) as a, Database(path) as b:
        config = MappingConfig(min_confidence=0.5, min_margin=0.0)
        mapping = map_schemas(a.schema(), b.schema(), source_values=a, target_values=b, config=config)
    pairs = [Pair(city, f"SELECT COUNT(*) FROM customer WHERE city = '{city}'") for city in ("Oslo", "Graz")]
    result = migrate_entries(pairs, mapping)
    assert not result.carried
    assert "tbl_client.town holds other values in some rows" in result.left[0].reason


def merged(rows: list[tuple[object, ...]], folder: Path) -> SchemaMapping:
    """The parent's columns moved into the child: its rows come once for each order there."""
    tables = (
        "CREATE TABLE everything (order_id INTEGER PRIMARY KEY, customer_id INTEGER, amount REAL, order_date TEXT, "
        "first_name TEXT, last_name TEXT, city TEXT, status TEXT);"
    )
    path = examples.write(folder / "merged.sqlite", tables, {"everything": rows})
    with Database(examples.old_database(folder)) as a, Database(path) as b:
        return map_schemas(a.schema(), b.schema(), source_values=a, target_values=b)


def test_a_table_merged_into_its_child_is_not_counted_wrongly(tmp_path: Path) -> None:
    people = {row[0]: row for row in examples.customers()}
    mapping = merged([(*row, *people[row[1]][1:]) for row in examples.orders()], tmp_path)
    pairs = [Pair("how many?", "SELECT COUNT(*) FROM customer"), Pair("sum", "SELECT SUM(amount) FROM orders")]
    result = migrate_entries(pairs, mapping)
    assert pairs[0] in [one.entry for one in result.left]
    assert all(one.after.sql == "SELECT SUM(amount) FROM everything" for one in result.carried)  # type: ignore[union-attr]


def test_a_table_that_took_in_the_rows_of_another_is_not_counted_wrongly(tmp_path: Path) -> None:
    more = [(row[0] + 30, *row[1:]) for row in examples.customers()[:6]]
    new = {"tbl_client": examples.customers() + more, "tbl_purchase": [(*row, "crm") for row in examples.orders()]}
    path = examples.write(tmp_path / "united.sqlite", examples.NEW_TABLES, new)
    with Database(examples.old_database(tmp_path)) as a, Database(path) as b:
        given = {"source_values": a, "target_values": b}
        mapping = map_schemas(a.schema(), b.schema(), **given)  # type: ignore[arg-type]
        grown = map_schemas(a.schema(), b.schema(), config=MappingConfig(growth=3), **given)  # type: ignore[arg-type]
    pair = Pair("how many?", "SELECT COUNT(*) FROM customer")
    assert "holds 36 rows, the table customer has 30" in migrate_entries([pair], mapping).left[0].reason
    assert not migrate_entries([pair], grown).left


def test_a_copy_beside_an_unchanged_table_is_no_rival(tmp_path: Path) -> None:
    copy = "CREATE TABLE customer_backup AS SELECT * FROM customer; CREATE TABLE x_customer AS SELECT * FROM customer;"
    path = examples.old_database(tmp_path).rename(tmp_path / "copied.sqlite")
    examples.write(path, copy, {})
    with Database(examples.old_database(tmp_path)) as a, Database(path) as b:
        mapping = map_schemas(a.schema(), b.schema(), source_values=a, target_values=b)
    assert {ref: match.target for ref, match in mapping.columns.items()} == {ref: ref for ref in mapping.source.refs()}
    assert not mapping.is_identity


@pytest.mark.parametrize("change", [lambda amount: amount * 100, lambda amount: f"€ {amount}"])
def test_other_units_and_codes_are_not_carried(change: object, tmp_path: Path) -> None:
    rows = [(*row[:2], change(row[2]), row[3], "crm") for row in examples.orders()]  # type: ignore[operator]
    path = examples.write(
        tmp_path / "units.sqlite", examples.NEW_TABLES, {"tbl_client": examples.customers(), "tbl_purchase": rows}
    )
    with Database(examples.old_database(tmp_path)) as a, Database(path) as b:
        mapping = map_schemas(a.schema(), b.schema(), source_values=a, target_values=b)
    pairs = [Pair("sum", "SELECT SUM(amount) FROM orders"), Pair("first", "SELECT MIN(order_date) FROM orders")]
    result = migrate_entries(pairs, mapping)
    # "purchase" may be another thing than "order": where a column differs as well, nothing of the table is sure.
    assert [one.entry for one in result.left] == pairs
    assert all("not all columns hold the same" in one.reason for one in result.left)


def test_a_split_table_is_found_by_its_keys(tmp_path: Path) -> None:
    tables = (
        "CREATE TABLE client (client_key INTEGER PRIMARY KEY, given_name TEXT, family_name TEXT);"
        "CREATE TABLE client_details (client_key INTEGER PRIMARY KEY REFERENCES client(client_key), "
        "town TEXT, sts TEXT);"
        "CREATE TABLE orders (order_id INTEGER PRIMARY KEY, client_key INTEGER REFERENCES client(client_key), "
        "amount REAL, order_date TEXT);"
    )
    rows = examples.customers()
    new = {
        "client": [row[:3] for row in rows],
        "client_details": [(row[0], *row[3:]) for row in rows],
        "orders": examples.orders(),
    }
    old, path = examples.old_database(tmp_path), examples.write(tmp_path / "split.sqlite", tables, new)
    with Database(old) as a, Database(path) as b:
        mapping = map_schemas(a.schema(), b.schema(), source_values=a, target_values=b)
    sql = "SELECT first_name FROM customer WHERE city = 'Porto' AND status = 'A' ORDER BY customer_id"
    (found,) = migrate_entries([Pair("who?", sql)], mapping).carried
    assert examples.rows_of(old, sql) == examples.rows_of(path, found.after.sql)  # type: ignore[union-attr]
    assert "LEFT JOIN" in found.after.sql  # type: ignore[union-attr]


def calibration() -> Calibration:
    name = Identity("ranked.v1", "abc")
    return Calibration(
        0.5, 0.1, 0.09, "strict", "question", None, 0.05, None, 200, 0, 0.4, "cumulative.v1", name, name, "data"
    )  # fmt: skip


def test_a_calibration_holds_only_where_no_name_changed(mapping: SchemaMapping) -> None:
    assert "make it again" in migrate_calibration(calibration(), mapping)
    schema = examples.old_schema()
    same = examples.mapping_of(schema, schema, {tuple(ref): tuple(ref) for ref in schema.refs()})
    assert migrate_calibration(calibration(), same) == ""
    assert asdict(calibration())["data"] == "data"


def test_low_confidence_and_near_rivals_are_left() -> None:
    twins = (Column("temp_a", "REAL"), Column("temp_b", "REAL"))
    source = Schema("s", (Table("sensor", (Column("id", primary_key=True), Column("temp", "REAL"))),))
    target = Schema("s", (Table("sensor", (Column("id", primary_key=True), *twins)),))
    found = map_schemas(source, target)
    assert ColumnRef("sensor", "temp") in found.doubts
    assert ColumnRef("sensor", "id") in found.columns
    sure = map_schemas(source, target, config=MappingConfig(min_confidence=1.0))
    assert not sure.columns


def test_keys_and_their_references_are_no_rivals() -> None:
    def shop(mark: str) -> Schema:
        person = Table(f"person{mark}", (Column("person_id", primary_key=True), Column("name"), Column("city")))
        visit = Table(f"visit{mark}", (Column("visit_id", primary_key=True), Column("person_id"), Column("day")))
        key = ForeignKey(visit.name, ("person_id",), person.name, ("person_id",))
        return Schema("s", (person, visit), (key,))

    found = map_schemas(shop(""), shop("_app"), config=MappingConfig(min_confidence=0.8, names_alone=True))
    for table in ("person", "visit"):
        match = found.columns[ColumnRef(table, "person_id")]
        assert match.target == ColumnRef(f"{table}_app", "person_id")
    assert replace(found).is_identity is False


def _shop(path: Path, name: str, *, view: bool) -> Database:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE customer (id INTEGER PRIMARY KEY, {name} TEXT, city TEXT)")
        rows = [(n, f"P{n} Q{n * 7 % 50}", ("Paris", "Rome", "Oslo")[n % 3]) for n in range(200)]
        connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", rows)
        if view:
            connection.execute(f"CREATE VIEW v_customer AS SELECT id, {name}, city FROM customer")
    return Database(path)


IN_OSLO = Pair("Who is in Oslo?", "SELECT name FROM customer WHERE city = 'Oslo'")
IN_ROME = Pair("Who is in Rome?", "SELECT name FROM v_customer WHERE city = 'Rome'")


def test_a_view_beside_its_table_blocks_neither(tmp_path: Path) -> None:
    with _shop(tmp_path / "old", "name", view=True) as old, _shop(tmp_path / "new", "full_name", view=True) as new:
        mapping = map_schemas(old.schema(), new.schema(), source_values=old, target_values=new)
    found = migrate_entries((IN_OSLO, IN_ROME), mapping)
    assert [entry.sql for entry in found.entries] == [
        "SELECT full_name FROM customer WHERE city = 'Oslo'",
        "SELECT full_name FROM v_customer WHERE city = 'Rome'",
    ]


def test_a_view_that_is_gone_is_named_with_what_to_do(tmp_path: Path) -> None:
    with _shop(tmp_path / "old", "name", view=True) as old, _shop(tmp_path / "new", "full_name", view=False) as new:
        mapping = map_schemas(old.schema(), new.schema(), source_values=old, target_values=new)
    found = migrate_entries((IN_OSLO, IN_ROME), mapping)
    assert [entry.sql for entry in found.entries] == ["SELECT full_name FROM customer WHERE city = 'Oslo'"]
    (left,) = found.left
    assert "the table v_customer" in left.reason
    assert left.reason.endswith("it is a view: make it in the new schema, or write the query on its tables")


def test_a_near_match_names_the_other_pair(tmp_path: Path) -> None:
    """Two copies of a table are rivals, and a message says which columns they are."""
    with closing(sqlite3.connect(tmp_path / "new")) as connection, connection:
        for table in ("client", "client_copy"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, full_name TEXT, city TEXT)")
            rows = [(n, f"P{n} Q{n * 7 % 50}", ("Paris", "Rome", "Oslo")[n % 3]) for n in range(200)]
            connection.executemany(f"INSERT INTO {table} VALUES (?, ?, ?)", rows)
    with _shop(tmp_path / "old", "name", view=False) as old, Database(tmp_path / "new") as new:
        mapping = map_schemas(old.schema(), new.schema(), source_values=old, target_values=new)
    doubt = mapping.doubts[ColumnRef("customer", "name")]
    assert "ahead of customer.name and client" in doubt
    assert "view" not in doubt
