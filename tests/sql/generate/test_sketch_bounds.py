"""Words that say on which side of a year or day something lies."""

from __future__ import annotations

import pytest

from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.sketch.analysis import analyse
from ctxprune.sql.generate.sketch.bounds import read_bounds, with_bounds
from ctxprune.sql.generate.sketch.generator import SketchGenerator
from ctxprune.sql.generate.sketch.query import Condition, Item, Query
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values import RangeHit

COLUMNS = (
    Column("id", "INTEGER", primary_key=True), Column("name", "TEXT"), Column("salary", "INTEGER"),
    Column("hired_on", "DATE"),
)  # fmt: skip
SCHEMA = Schema("firm", (Table("employee", COLUMNS),))
VIEW = SchemaView.of(SCHEMA)
HIRED = Item(ColumnRef("employee", "hired_on"))
COUNT = (Item(None, "count"),)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("since 2020", {2020: ">="}),
        ("since the beginning of 2020", {2020: ">="}),
        ("in or after 2020", {2020: ">="}),
        ("from 2020 on", {2020: ">="}),
        ("from the year 2020", {}),
        ("in 2020 or later", {2020: ">="}),
        ("until 2020", {2020: "<="}),
        ("up to the end of 2020", {2020: "<="}),
        ("in 2020 or earlier", {2020: "<="}),
        ("after 2020", {2020: ">"}),
        ("before the year 2020", {2020: "<"}),
        ("since March 2020 and before 2021-05-01", {"2020-03": ">=", "2021-05-01": "<"}),
        ("in 2020", {}),
        ("since 20", {}),
        ("not since 2020", {}),
    ],
)
def test_what_the_words_say(words: str, said: dict[object, str]):
    assert read_bounds(analyse(f"employees hired {words}", VIEW, (), {})) == said


def test_comparisons_follow_the_words_in_queries_inside_too():
    def query(op: str) -> Query:
        inner = Query((Item(ColumnRef("employee", "id")),), ("employee",), where=(Condition(HIRED, op, 2020),))
        outer = Condition(Item(ColumnRef("employee", "id")), "in", inner)
        return Query(COUNT, ("employee",), where=(Condition(HIRED, op, 2020), outer), compound="union", right=inner)

    assert with_bounds(query("="), {2020: ">="}) == query(">=")
    assert with_bounds(query("="), {}) == with_bounds(query("="), {2019: ">="}) == query("=")


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("since 2020", "hired_on >= '2020-01-01'"),
        ("from 2020 on", "hired_on >= '2020-01-01'"),
        ("after 2020", "hired_on >= '2021-01-01'"),
        ("before 2020", "hired_on < '2020-01-01'"),
        ("until 2020", "hired_on < '2021-01-01'"),
        ("from 2019 to 2020", "hired_on >= '2019-01-01' AND hired_on < '2021-01-01'"),
        ("in March 2020", "hired_on >= '2020-03-01' AND hired_on < '2020-04-01'"),
        ("in December 2020", "hired_on >= '2020-12-01' AND hired_on < '2021-01-01'"),
        ("since March 2020", "hired_on >= '2020-03-01'"),
        ("between March 2020 and May 2020", "hired_on >= '2020-03-01' AND hired_on < '2020-06-01'"),
        ("on March 5, 2020", "hired_on = '2020-03-05'"),
    ],
)
def test_the_days_that_are_asked_for(words: str, condition: str):
    question = f"How many employees were hired {words}?"
    first = SketchGenerator().generate(Request(question, SCHEMA))[0]
    assert first.sql == f"SELECT COUNT(*) FROM employee WHERE {condition}"


def test_a_year_that_is_a_bound_is_no_limit():
    found = SketchGenerator().generate(Request("List employees hired since 2020.", SCHEMA))
    assert found
    assert not any("LIMIT" in candidate.sql for candidate in found)


@pytest.mark.parametrize(
    ("inside", "likelier", "meant"),
    [(False, False, set()), (True, False, {"salary"}), (False, True, {"salary"})],
)
def test_a_year_that_days_fit_is_no_number_that_is_not_stored(inside: bool, likelier: bool, meant: set[str]):
    question = "How many employees in 2020?"
    days, salary = (
        RangeHit(ColumnRef("employee", name), (22, 26), "year", "", "", inside=fits)
        for name, fits in (("hired_on", True), ("salary", inside))
    )
    (year,) = analyse(question, VIEW, (), {}, (salary, days) if likelier else (days, salary)).values
    assert year.numbers is not None
    assert {ref.column for ref in year.numbers} - {"hired_on"} == meant
    (alone,) = analyse(question, VIEW, (), {}, (salary,)).values
    assert alone.numbers is None
