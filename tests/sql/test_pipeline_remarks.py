"""Questions that are SQL, in another language or broken, and arguments of another type: each is told."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.knowledge import Term
from ctxprune.sql.pipeline.answer import format_confidence
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.pipeline.remarks import is_other_language, is_query
from ctxprune.sql.trust.outcome import ANSWERED, TENTATIVE

SCRIPT = """
    CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, population INTEGER);
    INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000), ('Łódź', 'Poland', 670000);
    """


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("shop") / "shop.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCRIPT)
    with Database(path, isolated=False) as database:
        yield database


@pytest.fixture(scope="module")
def pipeline(shop: Database) -> Pipeline:
    return Pipeline(shop)


@pytest.mark.parametrize("size", ["big", "small", "large", "tiny"])
def test_a_size_that_no_condition_says_is_not_used(pipeline: Pipeline, size: str) -> None:
    answer = pipeline.ask(f"How many {size} cities are in Poland?")
    assert (answer.outcome, answer.unused) == (TENTATIVE, (size,))
    assert "COUNT(*)" in answer.sql


def test_a_taught_size_is_a_condition(shop: Database) -> None:
    taught = Pipeline(shop, knowledge=[Term("big city", "population over 1000000", ("city.population",))])
    assert taught.ask("How many big cities are in Poland?").rows == ((0,),)
    assert taught.ask("How many big cities are in Brazil?").rows == ((1,),)


def test_a_day_without_quotes_in_a_term_is_no_difference(shop: Database) -> None:
    taught = Pipeline(shop, knowledge=[Term("late city", "name > 2016-01-01", ("city.name",))])
    assert "2016 - 01" not in taught.ask("How many late cities are there?").sql


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("SELECT COUNT(*) FROM city", "SQL already"),
        ("How many cities\x00 are there?", "no text"),
        ("How many cities \udcff are there?", "no text"),
        ("Wie viele Städte gibt es in Polen?", "only questions in English"),
        ("ポーランドの都市はいくつですか", "only questions in English"),
        ("Combien de cities?", "only questions in English"),
    ],
)
def test_what_is_odd_about_a_question_is_told(pipeline: Pipeline, question: str, told: str) -> None:
    answer = pipeline.ask(question)
    assert answer.outcome != ANSWERED
    assert told in " ".join([answer.reason.replace("Only", "only"), *map(str, answer.doubts)])


def test_plain_english_is_neither_sql_nor_another_language(pipeline: Pipeline) -> None:
    for question in ("Select the names of cities from the list", "How many cities are in São Paulo?", "", "?"):
        assert not is_query(question, pipeline.schema)
        assert not is_other_language(question)


def test_arguments_of_another_type_are_told_shortly(shop: Database, tmp_path: Path) -> None:
    for make, told in (
        (lambda: Pipeline("shop.sqlite"), "not a Database"),
        (lambda: Pipeline(shop, config=5), "config is a int"),
        (lambda: Database(tmp_path / "x.sqlite", limits=5), "not a Limits"),
        (lambda: Database(b"x" * 100_000), "of type bytes"),
        (lambda: Database("x" * 5_000), "5,000 characters"),
    ):
        with pytest.raises(UsageError, match=told) as caught:
            make()
        assert len(str(caught.value)) < 200


def test_an_answer_prints_in_a_few_lines(pipeline: Pipeline) -> None:
    answer = pipeline.ask("How many cities are in France?")
    assert repr(answer).startswith("Answer('answered', confidence=0.9")
    assert str(answer).splitlines()[0].startswith("ANSWERED 9")
    assert len(repr(answer)) < 300
    refused = pipeline.ask("Delete all cities")
    assert str(refused).startswith("NO ANSWER: I can only read")
    assert (format_confidence(0.7999), format_confidence(1.0), format_confidence(0.0)) == ("79 %", "100 %", "0 %")
