"""`between A and B` as one range."""

from __future__ import annotations

import pytest

from ctxprune.sql.generate.sketch.analysis import analyse
from ctxprune.sql.generate.sketch.query import Condition, Item, Query
from ctxprune.sql.generate.sketch.ranges import between_pairs, with_ranges
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table

SCHEMA = Schema(
    "trade",
    (
        Table("orders", (Column("id", "INTEGER", primary_key=True), Column("placed", "DATE"), Column("price", "REAL"))),
        Table("shipment", (Column("order_id", "INTEGER"), Column("shipped", "DATE"))),
    ),
    (ForeignKey("shipment", ("order_id",), "orders", ("id",)),),
)
VIEW = SchemaView.of(SCHEMA)
PLACED, SHIPPED = ColumnRef("orders", "placed"), ColumnRef("shipment", "shipped")
A, B = "2023-03-01", "2023-05-31"
COUNT = (Item(None, "count"),)


def pairs(question: str):
    return between_pairs(analyse(question, VIEW, (), {}))


def where(op: str, value: object, ref: ColumnRef = PLACED) -> Condition:
    return Condition(Item(ref), op, value)


@pytest.mark.parametrize(
    ("question", "ends"),
    [
        (f"How many orders were placed between {A} and {B}?", [(A, B)]),
        ("orders with a price between 10 and 20.5", [(10, 20.5)]),
        ("price between 1 and 2 and placed between 2020-01-01 and 2020-02-01", [(1, 2), ("2020-01-01", "2020-02-01")]),
        (f"orders placed on {A} and {B}", []),
        ("placed from 2019 to 2021", [(2019, 2021)]),
        ("placed from March 2019 until May 2019", [("2019-03", "2019-05")]),
        ("a price from 10 to 20", []),
        ("the flight between 10 and Boston", []),
        (f"between 10 and {B}", []),
        ("between", []),
    ],
)
def test_pairs(question: str, ends: list[object]):
    assert [(low.value, high.value) for low, high in pairs(question)] == ends


@pytest.mark.parametrize(
    "conditions",
    [
        (where(">=", A), where(">=", B)),
        (where("=", A), where("=", B)),
        (where(">=", A),),
        (where("=", B),),
        (where("=", A), where("=", B, SHIPPED)),
    ],
)
def test_what_uses_an_end_becomes_one_range(conditions: tuple[Condition, ...]):
    tables = tuple(dict.fromkeys(condition.item.ref.table for condition in conditions))
    mended = with_ranges(Query(COUNT, tables, where=conditions), pairs(f"orders between {A} and {B}"))
    assert mended == Query(COUNT, ("orders",), where=(where("between", (A, B)),))


def test_an_intersection_over_both_ends_becomes_one_range():
    right = Query((Item(PLACED),), ("orders",), where=(where("=", B),))
    left = Query((Item(PLACED),), ("orders",), where=(where("=", A),), compound="intersect", right=right)
    expected = Query((Item(PLACED),), ("orders",), where=(where("between", (A, B)),))
    assert with_ranges(left, pairs(f"between {A} and {B}")) == expected


def test_what_uses_neither_end_stays():
    query = Query(COUNT, ("orders", "shipment"), where=(where("=", "2020-01-01"),))
    assert with_ranges(query, pairs(f"between {A} and {B}")) is query
    assert with_ranges(query, ()) is query
