"""One test for each known defect of the CHESS value index (specification, section 2.4)."""

from __future__ import annotations

import ast
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import ctxprune.sql.values as package
from ctxprune.sql.database.database import Database
from ctxprune.sql.schema.schema import ColumnRef
from ctxprune.sql.values import ValueIndex


def values(hits, table=None):
    return {hit.value for hit in hits if table in (None, hit.ref.table)}


def test_1_short_strings_are_told_apart(index):
    found = index(
        "CREATE TABLE blood (code TEXT); INSERT INTO blood VALUES ('A'), ('B'), ('AB'), ('0'), ('+'), ('-'), ('xy');"
    )
    assert values(found.lookup('donors of group "AB"')) == {"AB"}
    assert values(found.lookup("donors of group xy")) == {"xy"}
    assert values(found.lookup("donors with rhesus factor +")) == {"+"}
    assert found.lookup("donors of group qz") == []


def test_2_case_and_accents_are_folded(towns):
    assert values(towns.lookup("payments in eur")) == {"EUR"}
    assert values(towns.lookup("people in sao paulo")) == {"São Paulo"}
    assert values(towns.lookup("streets of LODZ")) == {"Łódź"}


@pytest.mark.parametrize(
    "declared", ["TEXT", "VARCHAR(9)", "CHAR(9)", "NVARCHAR(9)", "CLOB", "text", "", "DATE", "INT"]
)
def test_3_the_declared_type_does_not_matter(index, declared):
    found = index(f"CREATE TABLE t (c {declared}); INSERT INTO t VALUES ('Zanzibar'), ('Quito');")
    assert values(found.lookup("flights to zanzibar")) == {"Zanzibar"}


def test_4_a_table_keyed_by_name_hides_no_name_column(towns):
    hits = towns.lookup("Does Bob Stone live in Springfield?")
    assert {(hit.ref, hit.value) for hit in hits} == {
        (ColumnRef("person", "name"), "Bob Stone"),
        (ColumnRef("town", "name"), "Springfield"),
    }


def test_5_names_with_underscores_do_not_collide(index):
    found = index(
        """CREATE TABLE a_b (c TEXT); CREATE TABLE a (b_c TEXT); CREATE TABLE a_b_c (d TEXT);
        INSERT INTO a_b VALUES ('Oslo'), ('Bergen'); INSERT INTO a VALUES ('Oslo'), ('Turku');
        INSERT INTO a_b_c VALUES ('Oslo'), ('Narvik');"""
    )
    assert {hit.ref for hit in found.lookup("boats from oslo")} == {("a_b", "c"), ("a", "b_c"), ("a_b_c", "d")}
    assert len(found) == 6


def test_6_near_duplicates_in_one_column_leave_room_for_others(index):
    crowd = [(f"Marlow Street {k}",) for k in range(300)] + [(f"Marlo{chr(97 + k)}",) for k in range(26)]
    found = index(
        "CREATE TABLE street (label TEXT); CREATE TABLE agent (surname TEXT); INSERT INTO agent VALUES ('Marlowe');",
        ("INSERT INTO street VALUES (?)", crowd),
    )
    hits = found.lookup("cases of Marlowe in Marlow Street")
    assert ("agent", "surname") in {hit.ref for hit in hits}
    assert sum(hit.ref.table == "street" for hit in hits) <= 6
    assert len(hits) <= 24


def test_7_nothing_is_pickled_and_changed_data_are_noticed(database, tmp_path):
    source = Path(package.__file__).parent
    imported = {
        name.name.partition(".")[0]
        for file in source.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (node.names if isinstance(node, ast.Import) else [ast.alias(node.module or "")])
    }
    assert not imported & {"pickle", "dill", "joblib", "shelve", "marshal"}
    store = tmp_path / "index"
    one = database("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('Quito');")
    assert values(ValueIndex.for_database(one, store).lookup("to quito or to lima")) == {"Quito"}
    with closing(sqlite3.connect(one.path)) as connection:
        connection.execute("INSERT INTO t VALUES ('Lima')")
        connection.commit()
    assert values(ValueIndex.for_database(one, store).lookup("to quito or to lima")) == {"Quito", "Lima"}


def test_8_the_database_is_only_read(shop, tmp_path):
    shop.chmod(0o444)
    before = hashlib.sha256(shop.read_bytes()).digest()
    with Database(shop) as source:
        ValueIndex.for_database(source, tmp_path / "index").lookup("eur")
    assert hashlib.sha256(shop.read_bytes()).digest() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index", shop.name]


def test_9_parentheses_and_order(index):
    found = index("CREATE TABLE t (c TEXT); INSERT INTO t VALUES ('NATO'), ('Alliance (old)'), ('alliances');")
    assert values(found.lookup("members of the treaty (NATO)")) == {"NATO"}
    asked = "members of the alliance (old), the alliances and NATO"
    runs = [[(hit.ref, hit.value) for hit in found.lookup(asked)] for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]
    likelihoods = [hit.likelihood for hit in found.lookup(asked)]
    assert likelihoods == sorted(likelihoods, reverse=True)


def test_10_excluded_columns_are_not_read_and_no_service_is_asked(database, monkeypatch):
    import socket

    monkeypatch.setattr(socket, "socket", lambda *_a, **_k: pytest.fail("a look-up opened a connection"))
    one = database("CREATE TABLE t (c TEXT, mail TEXT); INSERT INTO t VALUES ('Quito', 'ann@quito.example');")
    found = ValueIndex.build(one, exclude=[ColumnRef("T", "MAIL")])
    assert [hit.value for hit in found.lookup("ann@quito.example in Quito")] == ["Quito"]
    assert [column.skipped for column in found.columns] == ["", "excluded"]
