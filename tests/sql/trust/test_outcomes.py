"""Outcomes of whole questions: what is left out is told, small talk and foreign words are never answered for sure."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.database.database import Database
from ctxprune.sql.pipeline.pipeline import Pipeline
from ctxprune.sql.select.base import Executed, SelectionContext
from ctxprune.sql.select.vote import VoteSelector
from ctxprune.sql.trust.outcome import ANSWERED, OUTCOMES, TENTATIVE, UNANSWERED

SCRIPT = """
    CREATE TABLE ward (id INTEGER PRIMARY KEY, title TEXT, floor INTEGER);
    CREATE TABLE nurse (id INTEGER PRIMARY KEY, full_name TEXT, ward_id INTEGER REFERENCES ward(id), salary INTEGER,
        hired DATE);
    CREATE TABLE empty_shelf (id INTEGER PRIMARY KEY, label TEXT);
    INSERT INTO ward VALUES (1, 'Surgery', 1), (2, 'Radiology', 2), (3, 'Oncology', 2);
    INSERT INTO nurse VALUES (1, 'Ann Lee', 1, 3000, '2020-02-01'), (2, 'Bo Chan', 1, 3500, '2021-07-15'),
        (3, 'Cem Oz', 2, 2800, '2019-01-20'), (4, 'Dora Hill', 3, 4100, '2023-03-03');
    """


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    path = tmp_path_factory.mktemp("hospital") / "hospital.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(SCRIPT)
    with Database(path, isolated=False) as database:
        yield Pipeline(database)


def test_a_plain_question_is_answered(pipeline: Pipeline) -> None:
    answer = pipeline.ask("How many nurses are there?")
    assert (answer.outcome, answer.rows, answer.unused) == (ANSWERED, ((4,),), ())
    assert answer.reading is not None
    assert answer.reading.coverage == 1.0


@pytest.mark.parametrize(
    "question",
    [
        "How many left-handed nurses are there?",
        "What is the average salary of nurses in the cafeteria?",
        "What is the shoe size of each nurse?",
        "How many nurses have a helicopter licence?",
        "Write a poem about the sea.",
        "Who won the world cup in 1998?",
        "Combien d'infirmières travaillent ici le dimanche ?",
        "xkcd qwerty zzz",
    ],
)
def test_what_the_database_knows_nothing_of_is_never_answered_for_sure(pipeline: Pipeline, question: str) -> None:
    answer = pipeline.ask(question)
    assert answer.outcome in (TENTATIVE, UNANSWERED)
    if answer.outcome == TENTATIVE:
        assert answer.doubts
        assert answer.unused
    else:
        assert answer.reason


def test_a_tentative_answer_names_what_it_left_out(pipeline: Pipeline) -> None:
    answer = with_bar(pipeline, 0.0).ask("How many left-handed nurses are there?")
    assert answer.outcome == TENTATIVE
    assert any("left" in text or "handed" in text for text in answer.unused)
    document = json.loads(json.dumps(answer.to_dict(trace=True), default=str))
    assert document["outcome"] == TENTATIVE
    assert document["unused"] == list(answer.unused)
    assert document["doubts"]
    assert set(document["reading"]["unused"]) <= set(answer.unused)
    assert document["trace"]["assessment"]["outcome"] == TENTATIVE


def with_bar(pipeline: Pipeline, bar: float) -> Pipeline:
    """A pipeline on the same database with another bar."""
    return Pipeline(pipeline._database, answer_above=bar)


def test_the_bar_decides_between_answered_and_tentative(pipeline: Pipeline) -> None:
    question = "How many nurses are there?"
    assert with_bar(pipeline, 1.0).ask(question).outcome == TENTATIVE
    assert with_bar(pipeline, 0.0).ask(question).outcome == ANSWERED
    with pytest.raises(UsageError, match="answer_above"):
        with_bar(pipeline, 1.5)


def test_a_table_without_rows_is_no_reason_to_refuse(pipeline: Pipeline) -> None:
    answer = pipeline.ask("List the label of every empty shelf.")
    assert answer.outcome != UNANSWERED
    assert answer.rows == ()


def test_every_answer_has_an_outcome(pipeline: Pipeline) -> None:
    assert pipeline.ask("Delete all nurses.").outcome == UNANSWERED
    assert {pipeline.ask(text).outcome for text in ("?", "nurse", "SELECT 1; DROP TABLE nurse")} <= set(OUTCOMES)


def test_the_same_confidence_whoever_chooses(pipeline: Pipeline) -> None:
    """The confidence is that of the rows; a selector of one's own only chooses."""
    question = "Show the names of all nurses."
    usual = pipeline.ask(question)
    voted = Pipeline(pipeline._database, selector=VoteSelector()).ask(question)
    if usual.sql == voted.sql:
        assert usual.confidence == pytest.approx(voted.confidence)
    assert 0 <= voted.confidence <= 1


def test_a_selector_sees_the_whole_context(pipeline: Pipeline) -> None:
    seen: list[tuple[SelectionContext, int]] = []

    class Own(VoteSelector):
        def select_in(self, context: SelectionContext, executed: list[Executed]):  # type: ignore[override]
            seen.append((context, len(executed)))
            return self.select(context.question, executed)

    Pipeline(pipeline._database, selector=Own()).ask("What is the salary of Ann Lee?")
    ((context, number),) = seen
    assert number > 0
    assert context.schema.n_columns == 10
    assert any(hit.value == "Ann Lee" for hit in context.hits)
    assert [one.chance for one in context.chances] == sorted((one.chance for one in context.chances), reverse=True)


def test_rows_that_repeat_are_doubted_and_no_word_is_called_unused(tmp_path: Path) -> None:
    path = tmp_path / "port.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript("""
            CREATE TABLE parcel (id INTEGER PRIMARY KEY, carrier TEXT, weight REAL);
            INSERT INTO parcel VALUES (1, 'Road', 2), (2, 'Rail', 3), (3, 'Road', 4);
        """)
    with Database(path, isolated=False) as database:
        answer = Pipeline(database, answer_above=0.0).ask("What carriers do we use?")
    if len(answer.rows) > len(set(answer.rows)):
        assert answer.outcome != ANSWERED
        assert any("repeats" in str(doubt) for doubt in answer.doubts)
        assert "carriers" not in answer.unused
    else:
        assert set(answer.rows) == {("Road",), ("Rail",)}


@pytest.mark.parametrize(
    ("question", "why"),
    [
        ("Which nurses were hired on 31 February 2023?", "there is no day 2023-02-31"),
        ("How many nurses were hired between 2030 and 2020?", "'between 2030 and 2020' ends before it begins"),
    ],
)
def test_days_that_do_not_exist_and_periods_that_end_before_they_begin_are_doubted(
    pipeline: Pipeline, question: str, why: str
) -> None:
    answer = pipeline.ask(question)
    assert answer.outcome != ANSWERED
    assert why in [doubt.why for doubt in answer.doubts]
