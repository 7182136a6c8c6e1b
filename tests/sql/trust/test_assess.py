"""Outcomes: what is doubted, when rows are shown, and what is asked back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ctxprune.errors import UsageError
from ctxprune.sql.account.accountant import account
from ctxprune.sql.database.database import ResultSet
from ctxprune.sql.generate.base import Candidate
from ctxprune.sql.linking.doubts import SchemaWords, find_doubts
from ctxprune.sql.schema.hits import ValueHit
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.select.base import Executed, SelectionContext
from ctxprune.sql.trust.assess import Bars, assess
from ctxprune.sql.trust.explain import find_nearest, question_back
from ctxprune.sql.trust.features import GroupFacts
from ctxprune.sql.trust.leftover import find_leftovers
from ctxprune.sql.trust.model import JudgedGroup
from ctxprune.sql.trust.outcome import ANSWERED, TENTATIVE, UNANSWERED, Assessment

CLINIC = Schema(
    "clinic",
    (
        Table(
            "patient",
            (
                Column("id", "INTEGER", primary_key=True),
                Column("first_name", "TEXT"),
                Column("city", "TEXT"),
                Column("birth_date", "DATE"),
            ),
        ),
        Table(
            "visit", (Column("id", "INTEGER", primary_key=True), Column("patient_id", "INTEGER"), Column("day", "DATE"))
        ),
    ),
    (ForeignKey("visit", ("patient_id",), "patient", ("id",)),),
)
BARS = Bars(0.8, 0.2)
BY_CITY = "SELECT COUNT(*) FROM patient WHERE city = 'Florence'"
BY_NAME = "SELECT COUNT(*) FROM patient WHERE first_name = 'Florence'"
HITS = (
    ValueHit(ColumnRef("patient", "city"), "Florence", (27, 35), 1.0, "exact"),
    ValueHit(ColumnRef("patient", "first_name"), "Florence", (27, 35), 1.0, "exact"),
)
AMBIGUOUS = "How many patients are there Florence?"


def judged(context: SelectionContext, *parts: tuple[str, float, tuple[tuple[object, ...], ...]]):
    """Executed candidates, and the groups that a model would make of them with the given chances."""
    executed = [Executed(Candidate(sql, "sketch.v1"), sql, ResultSet(("a",), rows)) for sql, _, rows in parts]
    words = SchemaWords.of(context.schema)
    groups = []
    for index, (sql, chance, rows) in enumerate(parts):
        reading = account(context.question, sql, context.schema, hits=context.hits)
        left = find_leftovers(reading, context, words)
        groups.append(JudgedGroup(GroupFacts((index,), index, reading, left, not rows), chance))
    return executed, groups


def result(question: str, *parts: tuple[str, float, tuple[tuple[object, ...], ...]], hits=()) -> Assessment:
    doubts = find_doubts(question, SchemaWords.of(CLINIC), hits=hits)
    context = SelectionContext(question, CLINIC, hits=hits, doubts=doubts)
    executed, groups = judged(context, *parts)
    return assess(context, executed, 0, groups, BARS)


def test_a_likely_answer_that_leaves_nothing_out_is_answered() -> None:
    found = result("How many patients are there?", ("SELECT COUNT(*) FROM patient", 0.95, ((4,),)))
    assert (found.outcome, found.doubts, found.unused, found.other_sql) == (ANSWERED, (), (), "")


def test_below_the_bar_it_is_tentative() -> None:
    found = result("How many patients are there?", ("SELECT COUNT(*) FROM patient", 0.79, ((4,),)))
    assert (found.outcome, found.confidence) == (TENTATIVE, 0.79)


@pytest.mark.parametrize(
    ("question", "left"),
    [
        ("How many patients are there in the cardiology ward?", "cardiology"),
        ("How many patients were born in 1984?", "1984"),
        ("How many patients have a visit?", "visit"),
        ("How many patients are there who are vegetarian?", "vegetarian"),
    ],
)
def test_a_word_that_the_query_leaves_out_keeps_it_from_being_answered(question: str, left: str) -> None:
    found = result(question, ("SELECT COUNT(*) FROM patient", 0.99, ((4,),)))
    assert found.outcome == TENTATIVE
    assert any(left in doubt.text for doubt in found.doubts)


def test_a_stored_value_that_is_left_out_is_named() -> None:
    found = result("How many patients live in Florence?", ("SELECT COUNT(*) FROM patient", 0.99, ((4,),)),
                   hits=(ValueHit(ColumnRef("patient", "city"), "Florence", (26, 34), 1.0, "exact"),))  # fmt: skip
    assert found.unused == ("Florence",)
    assert [str(doubt) for doubt in found.doubts] == ["not used: 'Florence', a stored value"]


def test_two_close_readings_are_told_and_asked_back() -> None:
    found = result(AMBIGUOUS, (BY_NAME, 0.5, ((1,),)), (BY_CITY, 0.4, ((7,),)), hits=HITS)
    assert (found.outcome, found.other_sql) == (TENTATIVE, BY_CITY)
    assert found.question_back == "Do you mean first name or city?"
    assert f"other reading: {BY_CITY} -> 1 row" in [doubt.why for doubt in found.doubts]
    far = result(AMBIGUOUS, (BY_NAME, 0.5, ((1,),)), (BY_CITY, 0.1, ((7,),)), hits=HITS)
    assert (far.other_sql, far.question_back) == ("", "")


def test_the_reading_of_the_phrases_is_told_once_shortened_and_is_the_other_query() -> None:
    context = SelectionContext(AMBIGUOUS, CLINIC, hits=HITS)
    executed, groups = judged(context, (BY_NAME, 0.9, ((1,),)))
    long = f"{BY_CITY} AND city <> '{'x' * 400}'"
    executed.append(Executed(Candidate(long, "phrases.v1"), long, ResultSet(("a",), ((7,), (8,)))))
    found = assess(context, executed, 0, groups, BARS)
    (doubt,) = found.doubts
    assert doubt.why.startswith(f"other reading, phrase by phrase: {BY_CITY}")
    assert doubt.why.endswith("x … -> 2 rows")
    assert len(doubt.why) < 400
    assert found.other_sql == long


def test_two_ways_to_one_other_reading_are_one_doubt() -> None:
    context = SelectionContext(AMBIGUOUS, CLINIC, hits=HITS)
    executed, groups = judged(context, (BY_NAME, 0.5, ((1,),)), (BY_CITY, 0.4, ((7,),)))
    executed[1] = replace(executed[1], candidate=Candidate(BY_CITY, "phrases.v1"))
    told = [doubt.why for doubt in assess(context, executed, 0, groups, BARS).doubts if "reading" in doubt.why]
    assert told == [f"other reading, phrase by phrase: {BY_CITY} -> 1 row"]


def test_a_question_for_what_is_unknown_is_refused_below_its_own_bar() -> None:
    question, query = "What is the salary of each patient?", ("SELECT first_name FROM patient", 0.25, (("1",),))
    assert result(question, query).outcome == TENTATIVE
    context = SelectionContext(question, CLINIC, doubts=tuple(find_doubts(question, SchemaWords.of(CLINIC))))
    executed, groups = judged(context, query)
    found = assess(context, executed, 0, groups, Bars(0.8, 0.2, 0.3))
    assert found.outcome == UNANSWERED
    assert "nothing that you may see in it stands for 'salary'" in found.reason


def test_every_doubt_says_why() -> None:
    found = result("What is the salary of each patient?", ("SELECT first_name FROM patient", 0.5, (("1",),)))
    assert [doubt.text for doubt in found.doubts] == ["salary"]
    assert found.doubts[0].why == str(found.doubts[0])
    assert "'salary', which is no table, column or value" in found.doubts[0].why


def test_an_unlikely_answer_is_refused_with_what_is_missing_and_what_is_near() -> None:
    found = result("What is the birthday of each robot?", ("SELECT first_name FROM patient", 0.1, (("1",),)))
    assert found.outcome == UNANSWERED
    assert "robot" in found.reason
    assert "birthday" in found.reason
    assert "patient.birth_date" in found.reason


def test_an_empty_result_is_doubted() -> None:
    found = result(
        "Which patients have the city Rome?", ("SELECT first_name FROM patient WHERE city = 'Rome'", 0.9, ())
    )
    assert "finds nothing" in " ".join(map(str, found.doubts))


def test_a_value_that_nobody_asked_for_is_doubted() -> None:
    sql = "SELECT COUNT(*) FROM patient WHERE city = 'Oslo'"
    found = result("How many patients are there?", (sql, 0.9, ((1,),)))
    assert any("does not ask for" in str(doubt) and "Oslo" in str(doubt) for doubt in found.doubts)


def test_a_stored_answer_needs_no_account() -> None:
    question = "How many patients are vegetarian?"
    context = SelectionContext(question, CLINIC)
    executed, (group,) = judged(context, ("SELECT COUNT(*) FROM patient", 0.97, ((4,),)))
    stored = JudgedGroup(group.facts, group.chance, stored=True)
    assert assess(context, executed, 0, [stored], BARS).outcome == ANSWERED
    assert assess(context, executed, 0, [group], BARS).outcome == TENTATIVE


def test_a_choice_that_was_not_judged_is_an_error() -> None:
    context = SelectionContext("How many patients are there?", CLINIC)
    executed, groups = judged(context, ("SELECT COUNT(*) FROM patient", 0.97, ((4,),)))
    with pytest.raises(ValueError, match="not judged"):
        assess(context, executed, 1, groups, BARS)


def test_a_confidence_below_the_bar_is_a_doubt_where_there_is_no_other() -> None:
    low = result("How many patients are there?", ("SELECT COUNT(*) FROM patient", 0.79, ((4,),)))
    assert [doubt.why for doubt in low.doubts] == ["the confidence, 79 %, is below the bar for sure answers, 80 %"]
    near = result("How many patients are there?", ("SELECT COUNT(*) FROM patient", 0.7996, ((4,),)))
    assert [doubt.why for doubt in near.doubts] == [
        "the confidence, 79.96 %, is below the bar for sure answers, 80.00 %"
    ]
    other = result("How many patients are there?", ("SELECT COUNT(*) FROM patient", 0.5, ()))
    assert [doubt.why for doubt in other.doubts] == ["the query finds nothing"]


def test_a_condition_that_cannot_hold_keeps_any_query_from_being_answered() -> None:
    context = SelectionContext("How many patients are there?", CLINIC)
    executed, groups = judged(context, ("SELECT COUNT(*) FROM patient", 0.95, ((4,),)))
    said = Candidate("SELECT 1", "sketch.v1", doubts=("there is no day 2023-02-31",))
    executed += [Executed(said, "SELECT 1", None, "failed"), Executed(said, "SELECT 1", None, "failed")]
    found = assess(context, executed, 0, groups, BARS)
    assert (found.outcome, [doubt.why for doubt in found.doubts]) == (TENTATIVE, ["there is no day 2023-02-31"])


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_bars_are_checked(value: float) -> None:
    with pytest.raises(UsageError, match="answer_above"):
        Bars(value, 0.0)
    with pytest.raises(UsageError, match="refuse_below"):
        Bars(0.5, value)


def test_the_nearest_columns() -> None:
    assert find_nearest(["birthday"], CLINIC)[0] == "patient.birth_date"
    assert find_nearest([], CLINIC) == ()
    assert find_nearest(["town"], Schema("none", ())) == ()


def test_queries_that_differ_in_more_than_a_column_are_not_asked_back() -> None:
    assert question_back(BY_NAME, "SELECT day FROM visit", CLINIC) == ""
    assert question_back(BY_NAME, BY_NAME, CLINIC) == ""
    assert question_back("not sql (", BY_NAME, CLINIC) == ""
