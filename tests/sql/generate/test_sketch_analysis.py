"""What the sketch generator reads in a question."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.sql.evaluation.sketch_training.examples import handmade
from ctxprune.sql.generate.sketch.analysis import MAX_TOKENS, Analysis, analyse, tokenize
from ctxprune.sql.generate.sketch.view import SchemaView
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table

_SCHEMAS = runpy.run_path(str(Path(__file__).parent / "sketch_schemas.py"))
hit = _SCHEMAS["hit"]
zoo = _SCHEMAS["zoo"]

VIEW = SchemaView.of(zoo())


def named(found: Analysis, view: SchemaView = VIEW, least: float = 0.55) -> set[str]:
    """Columns mentioned surely, as "table.column"."""
    refs = [view.columns[n].ref for n, mentions in found.columns.items() if mentions[0].score >= least]
    return {f"{ref.table}.{ref.column}" for ref in refs}


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("more than 1,250.5 or -3", [1250.5, -3]),
        ("the three largest", [3]),
        ("room 12b in 2014", [2014]),
        ("top-5", [5]),
        ("at 9999999999999999999999", []),
    ],
)
def test_numbers(text: str, numbers: list[float]) -> None:
    assert [token.number for token in tokenize(text)[0] if token.number is not None] == numbers


def test_dates_stay_whole() -> None:
    found = analyse("fed after 2024-03-01 09:30 or on 3/4/2024", VIEW, (), {})
    assert [(value.kind, value.value) for value in found.values] == [("date", "2024-03-01 09:30"), ("date", "3/4/2024")]


def test_columns_and_tables_are_found_by_their_words() -> None:
    found = analyse("What are the home towns of keepers, and the birth year of each animal?", VIEW, (), {})
    assert {"keeper.home_town", "animal.birth_year"} <= named(found)
    assert {VIEW.table_name(table) for table in found.tables} >= {"keeper", "animal"}


def test_related_words_count_less_than_the_word_itself() -> None:
    related = {"heaviest": {"weight": 0.7}}
    far = analyse("the heaviest animal", VIEW, (), related)
    near = analyse("the weight of the animal", VIEW, (), related)
    number = VIEW.index[ColumnRef("animal", "weight")]
    assert far.columns[number][0].score == pytest.approx(0.7)
    assert near.columns[number][0].score == 1.0


def test_run_together_and_shortened_names() -> None:
    view = SchemaView.of(Schema("s", (Table("stu", (Column("stuid"), Column("fname"), Column("dept"))),)))
    found = analyse("Show student ids, first names and departments", view, (), {})
    assert named(found, view) == {"stu.stuid", "stu.fname", "stu.dept"}


def test_stored_values_carry_their_columns() -> None:
    question = "Which keepers live in são paulo?"
    found = analyse(question, VIEW, [hit(question, "são paulo", "KEEPER", "Home_Town", "São Paulo")], {})
    (value,) = found.values
    assert (value.kind, value.value, value.written) == ("hit", "São Paulo", "são paulo")
    assert value.places[0][0] == ColumnRef("keeper", "home_town")


def test_hits_on_unknown_columns_and_small_words_are_left_out() -> None:
    question = "Is it in the zoo?"
    hits = [hit(question, "zoo", "gone", "x"), hit(question, "in", "keeper", "name")]
    assert analyse(question, VIEW, hits, {}).values == ()


def test_quoted_and_capitalised_texts_are_literals() -> None:
    assert [v.value for v in analyse('animals called "Old Tom"', VIEW, (), {}).values] == ["Old Tom"]
    assert [v.value for v in analyse("animals called Old Tom", VIEW, (), {}).values] == ["Old Tom"]


def test_long_questions_are_cut() -> None:
    tokens, cut = tokenize("word " * 30_000)
    assert len(tokens) == MAX_TOKENS
    assert cut
    assert not tokenize("a short one")[1]


def test_the_word_list_has_no_word_for_itself() -> None:
    words = handmade()
    assert words["heavy"]["weight"] > 0
    assert all(source not in targets for source, targets in words.items())


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    found = analyse(text, VIEW, (), {})
    for value in found.values:
        assert 0 <= value.start < value.end <= len(found.tokens)
    for token in found.tokens:
        assert text[token.start : token.end]
    for mentions in (*found.columns.values(), *found.tables.values()):
        assert all(0.0 < m.score <= 1.0 + 1e-9 and m.start < m.end <= len(found.tokens) for m in mentions)
