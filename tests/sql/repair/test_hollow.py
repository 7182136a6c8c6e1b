"""Hollow results: texts are compared loosely, then a chat model sees that nothing came back."""

from __future__ import annotations

import re
import runpy
import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.sql.database.database import Database, ResultSet
from ctxprune.sql.database.statements import expects_rows
from ctxprune.sql.repair.base import REPAIRERS, Failure
from ctxprune.sql.repair.refine import ChatRefine
from ctxprune.sql.repair.relax_text import RelaxText
from ctxprune.sql.repair.values import StoredValues
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
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
        ("name = 'paris'", "{name=paris}"),
        ("' paris ' = name", "{name=paris}"),
        ("name = 'paris' AND country = 'France'", "{name=paris} AND {country=France}"),
        ("T1.name = 'paris'", "{T1.name=paris}"),
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
    words = r"(\1 LIKE '\2' OR \1 LIKE '\2 %' OR \1 LIKE '% \2' OR \1 LIKE '% \2 %')"
    wanted = re.sub(r"\{([\w.]+)=(\w+)\}", words, expected)
    assert RelaxText().repair(_hollow(head + condition)) == (head + wanted if expected else "")


def test_another_name_is_not_taken_for_the_asked_one(tmp_path: Path) -> None:
    path = tmp_path / "staff.sqlite"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE person (name TEXT, salary INT)")
        made.executemany("INSERT INTO person VALUES (?, ?)", [("Joanna", 5), ("Susanna", 6), ("anna Berg ", 7)])
    with Database(path) as database:
        schema = database.schema()
        hollow = database.execute("SELECT salary FROM person WHERE name = 'Anna'")
        sql = "SELECT salary FROM person WHERE name = 'Anna'"
        hits = [ValueHit(ColumnRef("person", "name"), "Joanna", (22, 26), 0.8, "lsh")]
        failure = Failure(sql, "", "What is the salary of Anna?", schema, hits, result=hollow)
        assert StoredValues().repair(failure) == ""
        assert database.execute(RelaxText().repair(failure)).rows == ((7,),)


def test_loosening_knows_where_more_rows_give_fewer() -> None:
    sql = "SELECT name FROM city EXCEPT SELECT name FROM city WHERE country = 'france'"
    assert RelaxText().repair(_hollow(sql)) == ""


def test_loosening_only_what_ran() -> None:
    failed = Failure("SELECT name FROM city WHERE name = 'paris'", "no such column: x", "q", SCHEMA)
    assert RelaxText().repair(failed) == ""
    assert RelaxText().repair(_hollow("SELECT FROM WHERE (")) == ""


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
    assert (REPAIRERS.get("loose.v1"), REPAIRERS.get("refine.v1")) == (RelaxText, ChatRefine)
