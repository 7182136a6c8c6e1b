"""Doubts that the result of a query gives."""

from __future__ import annotations

import pytest

from ctxprune.sql.account.accountant import account
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.select.base import SelectionContext
from ctxprune.sql.trust.checks import find_repeats, find_spellings
from ctxprune.sql.trust.leftover import IMPORTANT
from ctxprune.sql.values import ValueHit

PORT = Schema(
    "port",
    (
        Table("parcel", (Column("id", "INTEGER", primary_key=True), Column("carrier", "TEXT"), Column("kind", "TEXT"))),
        Table("guest", (Column("id", "INTEGER", primary_key=True), Column("nationality", "TEXT"))),
    ),
)
REPEATED, ONCE = (("a",), ("b",), ("a",)), (("a",), ("b",))


@pytest.mark.parametrize(
    ("question", "sql", "rows", "doubted"),
    [
        ("What carriers do we use?", "SELECT carrier FROM parcel", REPEATED, ["carriers"]),
        ("What carriers do we use?", "SELECT carrier FROM parcel", ONCE, []),
        ("What carriers do we use?", "SELECT DISTINCT carrier FROM parcel", REPEATED, []),
        ("What carriers do we use?", "SELECT carrier FROM parcel GROUP BY carrier", REPEATED, []),
        ("Which nationalities do our guests have?", "SELECT nationality FROM guest", REPEATED, ["nationalities"]),
        ("kinds of parcels", "SELECT kind FROM parcel", REPEATED, ["kinds"]),
        ("What are the carriers of the parcels?", "SELECT carrier FROM parcel", REPEATED, []),
        ("What carriers do we use?", "SELECT carrier FROM parcel", (), []),
    ],
)
def test_rows_that_repeat(question: str, sql: str, rows: tuple[tuple[object, ...], ...], doubted: list[str]) -> None:
    found = find_repeats(account(question, sql, PORT), sql, ResultSet(("x",), rows), "sqlite")
    assert [one.text for one in found] == doubted
    assert all(one.kind in IMPORTANT and "repeats" in one.why for one in found)
    assert all(question[slice(*one.span)] == one.text for one in found)


ONE, TWO = "Zo\u00e9", "Zoe\u0301"  # one character for the last letter, and two


@pytest.mark.parametrize(
    ("values", "condition", "doubted"),
    [
        ((ONE, TWO), f"carrier = '{ONE}'", True),
        ((ONE, TWO), f"carrier = '{TWO}'", True),
        ((ONE, TWO), f"carrier IN ('{ONE}', '{TWO}')", False),
        ((ONE, TWO), f"LOWER(carrier) = '{ONE.lower()}'", True),
        ((ONE, "ZO\u00c9"), f"carrier = '{ONE}'", True),
        ((ONE, "ZO\u00c9"), f"LOWER(carrier) = '{ONE.lower()}'", False),
        ((ONE, "Zoe"), f"carrier = '{ONE}'", False),  # without the accent it is another name
        ((ONE,), f"carrier = '{ONE}'", False),
    ],
)
def test_values_that_are_stored_in_several_spellings(values: tuple[str, ...], condition: str, doubted: bool) -> None:
    question, sql = f"parcels of {ONE}", f"SELECT COUNT(*) FROM parcel WHERE {condition}"
    column = ColumnRef("parcel", "carrier")
    hits = tuple(ValueHit(column, value, (11, 14), 1.0, "exact", 0.6) for value in values)
    found = find_spellings(account(question, sql, PORT), sql, SelectionContext(question, PORT, hits=hits))
    assert [one.text for one in found] == [ONE] * doubted
    assert all(one.kind in IMPORTANT and "several spellings" in one.why for one in found)


def test_spellings_of_different_columns_are_no_doubt() -> None:
    question, sql = f"parcels of {ONE}", f"SELECT COUNT(*) FROM parcel WHERE carrier = '{ONE}'"
    hits = tuple(
        ValueHit(ColumnRef("parcel", column), value, (11, 14), 1.0, "exact", 0.6)
        for column, value in (("carrier", ONE), ("kind", TWO))
    )
    assert find_spellings(account(question, sql, PORT), sql, SelectionContext(question, PORT, hits=hits)) == ()
