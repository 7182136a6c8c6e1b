from __future__ import annotations

import pickle
from dataclasses import replace

import pytest
import sqlglot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from ctxprune.errors import UsageError
from ctxprune.sql.generate.base import GENERATORS, Request
from ctxprune.sql.generate.phrases import PhraseGenerator
from ctxprune.sql.schema.schema import Column, Schema, Table

QUESTIONS = (
    "What is the total revenue per category in 2022?",
    "What are the top 3 customers by total amount of orders? Return the name, number of orders and total amount.",
    "What is the average visit duration in seconds for each customer?",
    "What is the cheapest product in each category?",
    "What percentage of orders have an amount above 100?",
    "Show the number of orders per month, from highest to lowest.",
    "Which customers have never placed an order?",
    "Rank the customers by number of orders.",
    "How many customers have placed more than 2 orders?",
    "List employees whose salary is above the average.",
)
HOSTILE = (
    "",
    "   \n\t ",
    "?" * 500,
    "HOW MANY CUSTOMERS ARE THERE",
    "howmanycustomersarethere",
    "Combien de clients y a-t-il ?",
    "customers 🙂 per city 🏙️",
    "customers; DROP TABLE customers; -- '",
    "top 99999999999999999999 customers by number of orders",
    "ratio of to",
    "ratio of ratio of ratio of orders to orders to orders",
    "the the the the of of of by by by each each each",
    "order by order by order by",
    "Return . Return , and and , .",
    "average average average maximum of minimum of",
    "AA = BB\nBB = AA\nHow many AA are there?",
    "customers " * 5000,
    "most least top 5 bottom 3 oldest newest cheapest",
    "\ud800 customers \x00 per city",
    "between 2030 and 2020, in 31 February, orders per",
)


@pytest.mark.parametrize("question", HOSTILE)
def test_hostile_questions_give_selects_or_nothing(shop, question):
    check(shop, shop.generator.generate(Request(question, shop.schema, n=8)))


WORDS = (
    "how many what is the top 3 by each per of and , . ? ( ) orders customers amount name id city price average total "
    "ratio to share rank most latest month order ordered from highest lowest return = 'x' 2022 more than 2 or not "
    "number count their respective never between above"
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(WORDS.split(" ")), max_size=30))
def test_shuffled_words_give_selects_or_nothing(shop, words):
    check(shop, shop.generator.generate(Request(" ".join(words), shop.schema, n=4)))


def check(shop, candidates):
    assert len({candidate.sql for candidate in candidates}) == len(candidates)
    assert sum(candidate.score for candidate in candidates) <= 1 + 1e-9
    assert all(0 <= candidate.score <= 1 for candidate in candidates)
    for candidate in candidates:
        tree = sqlglot.parse_one(candidate.sql, read="sqlite")
        assert isinstance(tree, exp.Select)
        assert tree.expressions
        assert {table.name for table in tree.find_all(exp.Table)} <= {t.name for t in shop.schema.tables} | {"grouped"}


@pytest.mark.parametrize("dialect", ["sqlite", "postgres", "mysql", "duckdb"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_every_dialect_parses(shop, dialect, question):
    schema = replace(shop.schema, dialect=dialect)
    candidates = PhraseGenerator().generate(Request(question, schema, n=8))
    assert candidates
    for candidate in candidates:
        assert isinstance(sqlglot.parse_one(candidate.sql, read=dialect), exp.Select)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_candidate_runs(shop, question):
    for candidate in shop.ask(question):
        shop.rows(candidate.sql)


def test_same_question_same_answer(shop):
    request = shop.request(QUESTIONS[1])
    fresh = PhraseGenerator().generate(request)
    assert [(one.sql, one.score) for one in shop.generator.generate(request)] == [(one.sql, one.score) for one in fresh]


def test_best_first_and_no_more_than_asked_for(shop):
    for n in (1, 3, 8):
        scores = [candidate.score for candidate in shop.ask(QUESTIONS[0], n=n)]
        assert len(scores) <= n
        assert scores == sorted(scores, reverse=True)


def test_unrelated_question_gives_nothing(shop):
    assert shop.ask("Why is the sky blue?") == []


def test_a_request_to_write_gives_nothing(shop):
    assert shop.ask("Delete all customers") == ()


def test_wrong_number_is_an_error(shop):
    with pytest.raises(UsageError, match="at least 1"):
        shop.generator.generate(Request("How many customers?", shop.schema, n=0))


def test_long_questions_are_cut_with_a_note(shop):
    found = shop.ask("How many customers are there? " + "x " * 2000)
    assert found
    assert "only the first 1200 characters were read" in found[0].notes


def test_notes_say_what_is_done(shop):
    notes = shop.ask("What is the average salary in the Sales department?")[0].notes
    assert notes == ("show: AVG(employees.salary)", "filter: employees.department = 'Sales'")


def test_is_registered_and_pickles():
    assert GENERATORS.get("phrases.v1") is PhraseGenerator
    assert isinstance(pickle.loads(pickle.dumps(PhraseGenerator())), PhraseGenerator)


def test_names_that_need_quotes_are_quoted():
    columns = (Column("id", "INTEGER", primary_key=True), Column("select", "TEXT"), Column("unit price", "REAL"))
    schema = Schema("odd", (Table("order", columns),))
    sql = PhraseGenerator().generate(Request("What is the average unit price of the orders?", schema, n=1))[0].sql
    assert sql == 'SELECT AVG("order"."unit price") FROM "order"'


@pytest.mark.parametrize(
    ("question", "evidence", "expected"),
    [
        ("How many DC are there?", "DC = distinct cities of customers", [(3,)]),
        ("What is the COR?", "COR (cancelled order ratio) = number of cancelled orders / number of orders", [(2 / 6,)]),
    ],
)
def test_definitions_are_spelt_out(shop, question, evidence, expected):
    assert shop.rows(shop.ask(question, evidence=evidence)[0].sql) == expected


def test_duplicates_are_left_out_where_the_evidence_says_so(shop):
    question = "Return the city of customers."
    assert "DISTINCT" not in shop.ask(question)[0].sql
    assert "DISTINCT" in shop.ask(question, evidence="Do not return duplicates.")[0].sql


def test_a_share_of_which_no_condition_is_known_is_not_composed(shop):
    # Without the stored values nothing tells "refunded" from the rest, and a thing by itself is always 1.
    candidates = PhraseGenerator().generate(Request("What percentage of orders are refunded?", shop.schema, n=8))
    assert not [one.sql for one in candidates if "COUNT(*) AS REAL) / NULLIF(COUNT(*)" in one.sql]
