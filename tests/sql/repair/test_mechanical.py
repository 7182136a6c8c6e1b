"""Repair without a model: every kind is a case in repair_cases.txt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.repair import mechanical_repairers
from ctxprune.sql.repair.base import REPAIRERS, Failure
from ctxprune.sql.repair.functions import TranslateFunctions
from ctxprune.sql.repair.names import NearestNames
from ctxprune.sql.repair.values import StoredValues
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit

TEXT = (Path(__file__).parent / "repair_cases.txt").read_text(encoding="utf-8")
CASES = [block.split("\n")[:4] for block in TEXT.split("=== ")[1:]]


def _table(name: str, *columns: str) -> Table:
    return Table(name, tuple(Column(column, "TEXT", primary_key=i == 0) for i, column in enumerate(columns)))


SCHEMA = Schema(
    "music",
    (
        _table("singer", "singer_id", "name", "country"),
        _table("song", "song_id", "song_name", "singer_id"),
        _table("concert", "concert_id", "song_id", "stadium_id", "held_on"),
        _table("stadium", "stadium_id", "stadium_name"),
        _table("order items", "item no", "the price"),
    ),
    (
        ForeignKey("song", ("singer_id",), "singer", ("singer_id",)),
        ForeignKey("concert", ("song_id",), "song", ("song_id",)),
        ForeignKey("concert", ("stadium_id",), "stadium", ("stadium_id",)),
    ),
)


def _repair(sql: str, error: str) -> str:
    failure = Failure(sql, error, "q", SCHEMA)
    return next((text for repairer in mechanical_repairers() if (text := repairer.repair(failure))), "")


@pytest.mark.parametrize(("sql", "error", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_case(sql: str, error: str, expected: str) -> None:
    assert _repair(sql, error.removeprefix("! ")) == expected


@pytest.mark.parametrize(
    ("dialect", "written"),
    [
        ("postgres", "TO_CHAR(CAST(held_on AS TIMESTAMP), 'YYYY')"),
        ("mysql", "DATE_FORMAT(held_on, '%Y')"),
        ("duckdb", "STRFTIME(CAST(held_on AS TIMESTAMP), '%Y')"),
    ],
)
def test_functions_of_sqlite_are_written_for_other_databases(dialect: str, written: str) -> None:
    sql = "SELECT song_id FROM concert WHERE STRFTIME('%Y', held_on) = '2024'"
    failure = Failure(sql, "function strftime does not exist", "q", replace(SCHEMA, dialect=dialect))
    assert TranslateFunctions().repair(failure) == f"SELECT song_id FROM concert WHERE {written} = '2024'"
    assert TranslateFunctions().repair(replace(failure, error="division by zero")) == ""


def test_names_with_blanks_are_quoted() -> None:
    assert _repair('SELECT "the prce" FROM "order items"', "no such column: the prce") == (
        'SELECT "order items"."the price" FROM "order items"'
    )


def test_a_repair_never_names_what_the_caller_may_not_see() -> None:
    small = SCHEMA.subset([ref for ref in SCHEMA.refs() if ref.table == "song"])
    failure = Failure("SELECT country FROM song", "no such column: country", "q", small)
    assert all("singer." not in repairer.repair(failure) for repairer in mechanical_repairers())


def _hit(table: str, column: str, value: str) -> ValueHit:
    return ValueHit(ColumnRef(table, column), value, (0, 1), 1.0, "folded")


@pytest.mark.parametrize(
    ("sql", "hits", "expected"),
    [
        (
            "SELECT name FROM singer WHERE country = 'france'",
            [_hit("singer", "country", "France")],
            "SELECT name FROM singer WHERE country = 'France'",
        ),
        (
            "SELECT name FROM singer WHERE country IN ('Frnace', 'Spain')",
            [_hit("singer", "country", "France"), _hit("singer", "country", "Spain")],
            "SELECT name FROM singer WHERE country IN ('France', 'Spain')",
        ),
        (
            "SELECT T1.name FROM singer AS T1 WHERE T1.country LIKE '%france%'",
            [_hit("singer", "country", "France")],
            "SELECT T1.name FROM singer AS T1 WHERE T1.country LIKE 'France'",
        ),
        (
            "SELECT country FROM singer WHERE country = 'o''hara'",
            [_hit("singer", "name", "O'Hara")],
            "SELECT country FROM singer WHERE singer.name = 'O''Hara'",
        ),
        ("SELECT name FROM singer WHERE country = 'France'", [_hit("singer", "country", "France")], ""),
        ("SELECT name FROM singer WHERE country = 'Peru'", [_hit("singer", "country", "Luxembourg")], ""),
        ("SELECT name FROM singer WHERE name = 'x'", [], ""),
    ],
)
def test_stored_values(sql: str, hits: list[ValueHit], expected: str) -> None:
    failure = Failure(sql, "", "q", SCHEMA, hits, result=ResultSet(("name",), ()))
    assert StoredValues().repair(failure) == expected
    assert StoredValues().repair(Failure(sql, "no such column", "q", SCHEMA, hits)) == ""


@given(st.text(max_size=80), st.text(max_size=40))
def test_no_text_raises(sql: str, error: str) -> None:
    for text in (sql, f"SELECT {sql} FROM singer", f"SELECT name FROM singer WHERE {sql}"):
        assert isinstance(_repair(text, error), str)


def test_likeness_bounds_what_is_near() -> None:
    failure = Failure("SELECT nam FROM singer", "no such column: nam", "q", SCHEMA)
    assert NearestNames(likeness=99).repair(failure) == ""


def test_all_are_registered() -> None:
    assert {type(repairer) for repairer in mechanical_repairers()} < {REPAIRERS.get(name) for name in REPAIRERS.names()}
