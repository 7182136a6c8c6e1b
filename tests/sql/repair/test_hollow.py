"""Hollow results: texts are compared loosely, then a chat model sees that nothing came back."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.sql.database import ResultSet
from ctxprune.sql.repair.base import REPAIRERS, Failure
from ctxprune.sql.repair.loose import LooseText
from ctxprune.sql.repair.refine import ChatRefine, expects_rows
from ctxprune.sql.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values.base import ValueHit

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "generate" / "chat_fakes.py")))
CITY = Table("city", (Column("name", "VARCHAR(40)"), Column("country", "TEXT"), Column("population", "INTEGER")))
SCHEMA = Schema("geo", (CITY, Table("river", (Column("river_name", "TEXT"),))))
EMPTY, NULLS = ResultSet(("name",), ()), ResultSet(("name",), ((None,),))
HIT = ValueHit(ColumnRef("city", "name"), "São Paulo", (0, 1), 0.9, "folded")


def _hollow(sql: str, result: ResultSet = EMPTY, **options: object) -> Failure:
    return Failure(sql, "", "Which city?", SCHEMA, result=result, **options)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("name = 'paris'", "name LIKE '%paris%'"),
        ("' paris ' = name", "name LIKE '%paris%'"),
        ("name = 'paris' AND country = 'France'", "name LIKE '%paris%' AND country LIKE '%France%'"),
        ("T1.name = 'paris'", "T1.name LIKE '%paris%'"),
        ("name = '12 %'", ""),
        ("name = 'pa'", ""),
        ("name = '2010'", ""),
        ("name = '50% off'", ""),
        ("population = 'many'", ""),
        ("name <> 'paris'", ""),
        ("NOT name = 'paris'", ""),
        ("nowhere = 'paris'", ""),
        ("name = country", ""),
        ("name LIKE '%paris%'", ""),
    ],
)
def test_texts_are_compared_loosely(condition: str, expected: str) -> None:
    head = "SELECT population FROM city AS T1 WHERE "
    assert LooseText().repair(_hollow(head + condition)) == (head + expected if expected else "")


def test_loosening_knows_where_more_rows_give_fewer() -> None:
    sql = "SELECT name FROM city EXCEPT SELECT name FROM city WHERE country = 'france'"
    assert LooseText().repair(_hollow(sql)) == ""


def test_loosening_only_what_ran() -> None:
    failed = Failure("SELECT name FROM city WHERE name = 'paris'", "no such column: x", "q", SCHEMA)
    assert LooseText().repair(failed) == ""
    assert LooseText().repair(_hollow("SELECT FROM WHERE (")) == ""


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT name FROM city WHERE name = 'x'", True),
        ("SELECT MAX(population) FROM city WHERE name = 'x'", True),
        ("SELECT country FROM city GROUP BY country HAVING COUNT(*) > 3", True),
        ("SELECT name FROM city WHERE country IS NOT NULL AND name = 'x'", True),
        ("SELECT name FROM city", False),
        ("SELECT name FROM city WHERE country IS NULL", False),
        ("SELECT name FROM city WHERE name NOT IN (SELECT river_name FROM river)", False),
        ("SELECT name FROM city WHERE NOT EXISTS (SELECT 1 FROM river)", False),
        ("SELECT name FROM city EXCEPT SELECT river_name FROM river", False),
        ("SELECT (", False),
    ],
)
def test_when_an_empty_result_speaks_against_a_statement(sql: str, expected: bool) -> None:
    assert expects_rows(sql, "sqlite") is expected


@pytest.mark.parametrize(("result", "word"), [(EMPTY, "no row"), (NULLS, "only NULL")])
def test_the_model_sees_the_empty_result_and_stored_values(result: ResultSet, word: str) -> None:
    model = fakes.saying("```sql\nSELECT name FROM city WHERE name = 'São Paulo'\n```")
    failure = _hollow("SELECT name FROM city WHERE name = 'Sampa'", result, hits=(HIT,))
    assert ChatRefine(model).repair(failure) == "SELECT name FROM city WHERE name = 'São Paulo'"
    (prompt,) = model.prompts
    for part in ("CREATE TABLE city", "Which city?", "'Sampa'", f"It gave {word}", "city.name = 'São Paulo'"):
        assert part in prompt


def test_the_prompt_holds_the_linked_schema() -> None:
    model = fakes.saying("SELECT 1")
    linked = SCHEMA.subset([ColumnRef("city", "name")])
    ChatRefine(model).repair(_hollow("SELECT name FROM city WHERE name = 'x'", linked=linked))
    assert "river" not in model.prompts[0]


def test_no_refinement() -> None:
    hollow = _hollow("SELECT name FROM city WHERE name = 'x'")
    assert ChatRefine(fakes.raising(OSError("down"))).repair(hollow) == ""
    assert ChatRefine(fakes.hanging(2), seconds=0.05).repair(hollow) == ""
    assert ChatRefine(fakes.saying("SELECT  name FROM city WHERE name = 'x';")).repair(hollow) == ""
    model = fakes.saying("SELECT 1")
    for other in (
        Failure("SELECT nam FROM city WHERE name = 'x'", "no such column: nam", "q", SCHEMA),
        _hollow("SELECT name FROM city"),
    ):
        assert ChatRefine(model).repair(other) == ""
    assert model.prompts == []


def test_both_are_registered() -> None:
    assert (REPAIRERS.get("loose.v1"), REPAIRERS.get("refine.v1")) == (LooseText, ChatRefine)
