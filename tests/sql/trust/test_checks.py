"""Doubts that the result of a query gives."""

from __future__ import annotations

import pytest

from ctxprune.sql.account.accountant import account
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.schema.schema import Column, Schema, Table
from ctxprune.sql.trust.checks import find_repeats
from ctxprune.sql.trust.leftover import IMPORTANT

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
