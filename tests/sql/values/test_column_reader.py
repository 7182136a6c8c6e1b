"""Which columns are indexed, and awkward cells."""

from __future__ import annotations

import uuid

import pytest

from ctxprune.errors import DatabaseError, QueryTimeoutError
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.eligibility import measure


def test_columns_are_chosen_by_their_cells(database):
    rows = [
        (
            k,
            f"Person {k}",
            str(uuid.UUID(int=k * 7919 + 1)),
            f"{k} long words of free text, " * 8,
            bytes([k % 256]),
            None,
        )
        for k in range(150)
    ]
    one = database(
        """CREATE TABLE t (id INTEGER, name, key TEXT, note TEXT, photo BLOB, empty TEXT);
        CREATE VIEW v AS SELECT name FROM t;""",
        ("INSERT INTO t VALUES (?, ?, ?, ?, ?, ?)", rows),
    )
    skipped = {column.ref: column.skipped for column in ValueIndex.build(one).columns}
    assert skipped == {
        ("t", "id"): "no text",
        ("t", "name"): "",
        ("t", "key"): "UUIDs or tokens",
        ("t", "note"): "free text",
        ("t", "photo"): "no text",
        ("t", "empty"): "no text",
        ("v", "name"): "view",
    }


def test_values_are_exactly_those_stored(index):
    values = sorted(["a\0b", "\0", "", " padded ", "x" * 200, "é" * 200, "\ufeffmark", "line\nline"])
    made = index("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [(value,) for value in values]))
    assert [value for _ref, value in made] == values


@pytest.mark.parametrize(
    ("texts", "skipped", "fuzzy"),
    [
        ([], "no text", True),
        (["x" * 150] * 3, "", True),
        ([f"{k:064x}" for k in range(200)], "UUIDs or tokens", True),
        ([f"word{k} of a name" for k in range(200)], "", True),
        ([f"2024-01-{k:02d}" for k in range(1, 29)], "", False),
        ([f"{k}.5" for k in range(200)], "", False),
        ([f"AB-{k}" for k in range(200)], "", True),
    ],
)
def test_measures(texts, skipped, fuzzy):
    profile = measure(texts)
    assert profile.skipped == skipped
    assert profile.fuzzy is fuzzy


def test_one_odd_cell_does_not_hide_a_column(index):
    found = index(
        """CREATE TABLE t (c INTEGER);
        INSERT INTO t VALUES (1), (2), ('Quito'), (x'00ff'), (NULL), (1e999), (-1e999);"""
    )
    assert [hit.value for hit in found.lookup("to quito")] == ["Quito"]


def test_very_long_values_are_left_out_and_counted(index):
    found = index("CREATE TABLE t (c TEXT)", ("INSERT INTO t VALUES (?)", [("Quito",), ("Lima " * 200_000,)]))
    assert (found.columns[0].values, found.columns[0].too_long) == (1, 1)
    assert [hit.value for hit in found.lookup("Quito and Lima")] == ["Quito"]


def test_cells_that_are_not_utf8_do_no_harm(index):
    found = index(
        "CREATE TABLE t (c TEXT); INSERT INTO t VALUES (CAST(x'4fff' AS TEXT)), ('Quito'), ('a' || char(0) || 'b');"
    )
    assert [hit.value for hit in found.lookup("to quito")] == ["Quito"]
    assert found.columns[0].values == 3


def test_awkward_names(index):
    found = index(
        """CREATE TABLE "my.table" ("a.b" TEXT, "select" TEXT, "q""uote" TEXT);
        INSERT INTO "my.table" VALUES ('Quito', 'Lima', 'Cusco');"""
    )
    hits = {(hit.ref, hit.value) for hit in found.lookup("Quito, Lima, Cusco")}
    assert hits == {
        (ColumnRef("my.table", "a.b"), "Quito"),
        (ColumnRef("my.table", "select"), "Lima"),
        (ColumnRef("my.table", 'q"uote'), "Cusco"),
    }


def test_only_the_given_schema_is_read(database):
    one = database(
        """CREATE TABLE a (c TEXT); CREATE TABLE b (c TEXT);
        INSERT INTO a VALUES ('Quito'); INSERT INTO b VALUES ('Quito');"""
    )
    part = one.schema().subset([ColumnRef("b", "c")])
    found = ValueIndex.build(one, schema=part)
    assert {hit.ref.table for hit in found.lookup("Quito")} == {"b"}


def test_progress_counts_every_column(database):
    one = database("CREATE TABLE a (c TEXT, d TEXT); CREATE TABLE b (c TEXT);")
    steps = []
    ValueIndex.build(one, progress=lambda done, total, name: steps.append((done, total, name)))
    assert steps == [(0, 3, "a.c"), (1, 3, "a.d"), (2, 3, "b.c"), (3, 3, "")]


def test_an_unreadable_column_is_skipped_with_the_reason(database, monkeypatch):
    one = database("CREATE TABLE t (c TEXT, d TEXT); INSERT INTO t VALUES ('Quito', 'Lima');")
    read = one.distinct_values

    def fail(ref, **options):
        if ref.column == "d":
            raise QueryTimeoutError("the query ran past its deadline")
        return read(ref, **options)

    monkeypatch.setattr(one, "distinct_values", fail)
    found = ValueIndex.build(one)
    assert [column.skipped for column in found.columns] == ["", "unreadable: the query ran past its deadline"]
    assert [hit.value for hit in found.lookup("Quito or Lima")] == ["Quito"]


def test_a_database_that_breaks_raises(database, monkeypatch):
    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")

    def fail(_ref, **_options):
        raise DatabaseError("database disk image is malformed")

    monkeypatch.setattr(one, "distinct_values", fail)
    with pytest.raises(DatabaseError, match="malformed"):
        ValueIndex.build(one)
