"""Answered questions as examples: masked, ranked by form, never the question itself, never beyond the schema."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.errors import InputError
from ctxprune.sql.generate.embedded import EmbeddedForms
from ctxprune.sql.generate.examples import Example, ExampleStore, read_examples
from ctxprune.sql.generate.masking import mask_question, mask_question_by_sql, read_sql_names
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.sql.values.base import ValueHit

if TYPE_CHECKING:
    from collections.abc import Sequence

ZOO = Schema(
    "zoo",
    (
        Table("animal", (Column("animal_id", "INTEGER"), Column("species", "TEXT"), Column("weightKg", "REAL"))),
        Table("keeper", (Column("full_name", "TEXT"), Column("home_town", "TEXT"))),
    ),
)
PAIRS = (
    Example("How many ships are from Norway?", "SELECT count(*) FROM ship WHERE flag = 'Norway'", "harbour"),
    Example("List the names of ships by length.", "SELECT name FROM ship ORDER BY length", "harbour"),
    Example("Which cities have no hotel?", "SELECT name FROM city WHERE id NOT IN (SELECT city FROM hotel)", "trips"),
)


def _hit(question: str, value: str) -> ValueHit:
    start = question.index(value)
    return ValueHit(ColumnRef("keeper", "home_town"), value, (start, start + len(value)), 1.0, "exact")


@pytest.mark.parametrize(
    ("question", "masked"),
    [
        ("How many animals are there?", "how many <name> are there"),
        ("Which species weigh more than 20.5?", "which <name> weigh more than <value>"),
        ("Keepers named 'Ann Lee' or \"Bo\"", "<name> named <value> or <value>"),
        ("The weight in kg of each animal species", "the <name> in <name> of each <name>"),
        ("", ""),
    ],
)
def test_names_quoted_texts_and_numbers_are_masked(question: str, masked: str) -> None:
    assert mask_question(question, ZOO) == masked


def test_what_a_hit_matched_is_a_value() -> None:
    question = "Which keepers live in New Bedford now?"
    assert mask_question(question, ZOO, [_hit(question, "New Bedford")]) == "which <name> live in <value> now"
    beyond = ValueHit(ColumnRef("keeper", "home_town"), "x", (5, 500), 1.0, "exact")
    assert "<value>" not in mask_question(question, ZOO, [beyond])


def test_a_pair_is_masked_by_its_own_query() -> None:
    assert mask_question_by_sql(PAIRS[0].question, PAIRS[0].sql) == "how many <name> are from <value>"
    assert mask_question_by_sql("Zoos like Żoo?", "SELECT a FROM t WHERE b LIKE '%Żoo%'") == "zoos like <value>"


def test_names_and_values_of_a_statement() -> None:
    sql = """SELECT T1."Full Name", count(*) AS n FROM `my ship` AS T1 JOIN [dock] AS d ON T1.id = d.ship -- not this
             WHERE d.town = 'O''Hare' AND length > 20"""
    names, values = read_sql_names(sql)
    assert names == {"full name", "my ship", "dock", "id", "ship", "town", "length"}
    assert values == {"Full Name", "O'Hare", "20"}


def test_the_same_form_comes_first() -> None:
    found = ExampleStore(PAIRS).similar("How many keepers are from Rome?", ZOO, 2)
    assert found[0] is PAIRS[0]
    assert ExampleStore(PAIRS).similar("Which keepers have no animal?", ZOO, 1) == [PAIRS[2]]


def test_never_the_question_itself_and_each_query_once() -> None:
    twin = Example("How  many SHIPS are from norway", PAIRS[0].sql, "harbour")
    store = ExampleStore((*PAIRS, twin))
    assert PAIRS[0] not in store.similar("how many ships are from Norway", ZOO, 9)
    assert twin not in store.similar("how many ships are from Norway", ZOO, 9)
    other = store.similar("How many boats are from Norway?", ZOO, 9)
    assert [example.sql for example in other].count(PAIRS[0].sql) == 1


def test_queries_that_differ_in_a_sign_are_two() -> None:
    older = Example("Who is older than 5?", "SELECT a FROM t WHERE x > 5")
    younger = Example("Who is younger than 5?", "SELECT a FROM t WHERE x < 5")
    again = Example("Whose age is over 5?", "select a  from t where x > 5")
    found = ExampleStore((older, younger, again)).similar("Who is taller than 5, whose age?", ZOO, 9)
    assert younger in found
    assert len(found) == 2


def test_an_example_of_the_same_database_keeps_to_the_schema() -> None:
    inside = Example("How many animals?", "SELECT count(*) FROM animal AS a WHERE a.species = 'owl'", "ZOO")
    outside = Example("How many visitors?", "SELECT count(*) FROM visitor", "zoo")
    question = "How many keepers are there?"
    assert ExampleStore((inside, outside)).similar(question, ZOO, 5) == [inside]
    assert ExampleStore((inside, outside), same_database=False).similar(question, ZOO, 5) == []


def test_nothing_asked_nothing_stored_nothing_in_common() -> None:
    assert ExampleStore(PAIRS).similar("How many?", ZOO, 0) == ()
    assert ExampleStore(()).similar("How many?", ZOO, 3) == ()
    assert ExampleStore(PAIRS).similar("zzz", ZOO, 3) == []


def test_another_scorer_may_rank() -> None:
    class Last:
        def score(self, _query: str, context: object) -> np.ndarray:
            return np.arange(1, len(context.units) + 1, dtype=np.float32)

    assert ExampleStore(PAIRS, scorer=Last()).similar("How many?", ZOO, 1) == [PAIRS[2]]


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_text_can_be_masked(question: str, sql: str) -> None:
    for masked in (mask_question(question, ZOO), mask_question_by_sql(question, sql)):
        assert "\n" not in masked
        assert masked == masked.strip()


@pytest.mark.parametrize(
    "text",
    [
        '[{"question": "q?", "query": "SELECT 1", "db_id": "zoo"}, {"question": "r?", "SQL": "SELECT 2"}]',
        '\ufeff{"question": "q?", "sql": "SELECT 1", "db_id": "zoo"}\n\n{"question": "r?", "sql": "SELECT 2"}\n',
    ],
)
def test_files_of_pairs(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(text, encoding="utf-8")
    assert read_examples(path) == (Example("q?", "SELECT 1", "zoo"), Example("r?", "SELECT 2"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[1]", "example 1 has no question"),
        ('{"question": "q?", "sql": ""}', "no query"),
        ('{"question": "q?"', "not JSON"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_file_of_something_else_is_an_error(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "pairs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_examples(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(tmp_path / "absent.json")


def test_an_embedder_may_rank_and_reads_the_store_once() -> None:
    read: list[str] = []

    def embed(texts: Sequence[str]) -> np.ndarray:
        read.extend(texts)
        return np.array([[text.count("how many"), text.count("no"), 0.1] for text in texts])

    store = ExampleStore(PAIRS, scorer=EmbeddedForms(embed))
    assert store.similar("Which keepers have no animal?", ZOO, 1) == [PAIRS[2]]
    assert store.similar("How many keepers are from Rome?", ZOO, 1) == [PAIRS[0]]
    assert len(read) == len(PAIRS) + 2
    assert "which <name> have no <name>" in read


def test_a_path_with_a_nul_character() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_examples(Path("a\0.json"))
