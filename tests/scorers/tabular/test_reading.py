"""Cells read in bulk, against the slow way: each cell by itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ctxprune.context.grid import Grid
from ctxprune.scorers.structured.table_reading import reading as reading_module
from ctxprune.scorers.structured.table_reading.asked import ask
from ctxprune.scorers.structured.table_reading.cells import NOTHING, may_have_value, read_words
from ctxprune.scorers.structured.table_reading.notation import detect_notation
from ctxprune.scorers.structured.table_reading.reading import Column, TableReading
from ctxprune.scorers.structured.table_reading.values import read_value_once
from ctxprune.text.words import fold, terms, terms_of_words, word_spans

WORDS = st.sampled_from([
    "river12", "town", "Lisbon", "x", "1755", "2026", "0", "007", "None", "na", "-", "5k", "3.4m", "$800", "us$5",
    "USD9", "march", "may5", "Q1", "h2", "fy2019", "riverTown", "The", "the12", "里斯本123", "é5", "㈠5", "²",
    "McCoy7", "EU27", "a1b22", "studies9", "²5", "里1本1", "x" * 63 + "12",
])  # fmt: skip
CELLS = st.lists(WORDS | st.sampled_from(["", " ", "  a \t b", "9" * 70, "a\nb", "1,234", "9,5", "12 May 1999"]))


@settings(max_examples=300, deadline=None)
@example(["a\nb", "c"], False)
@example(["River12", "none", "x", "1755"], False)
@given(CELLS | st.lists(WORDS) | st.lists(st.text("aB1\n", max_size=3)), st.booleans())
def test_a_column_is_read_as_its_cells_one_by_one(texts: list[str], shared: bool) -> None:
    column = Column(texts, shared=shared)
    folded = [" ".join(fold(text).split()) for text in texts]
    folded = ["" if text in NOTHING else text for text in folded]
    notation = detect_notation(folded)
    assert [column.folded[place] for place in column.places] == folded
    assert column.counts.tolist() == [texts.count(text) for text in dict.fromkeys(texts)]
    for text, said, place in zip(texts, folded, column.places.tolist(), strict=True):
        assert column.terms[place] == (tuple(dict.fromkeys(terms(text))) if said else ())
        value = read_value_once(text, notation) if said else None
        assert column.kinds[place] == (value.kind if value else "")
        if value:
            assert (column.low[place], column.high[place]) == (value.low, value.high)
        else:
            assert math.isnan(column.low[place])


@settings(max_examples=300, deadline=None)
@given(st.lists(WORDS | st.from_regex(r"(the|a1|Tow|UN|é|里){1,3}[0-9]{0,3}", fullmatch=True)))
def test_terms_of_words_in_bulk_are_those_of_each_word(texts: list[str]) -> None:
    found = terms_of_words(texts)
    if found is None:
        assert any(len(word_spans(text)) != 1 or word_spans(text)[0] != (0, len(text)) for text in texts)
    else:
        assert found == [tuple(dict.fromkeys(terms(text))) for text in texts]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(2, 4), st.integers(1, 6))
def test_rows_that_say_one_thing_are_found_as_row_by_row(data: st.DataObject, width: int, size: int) -> None:
    row = st.lists(st.sampled_from(["", "-", "a", "A", "b"]), min_size=width, max_size=width).map(tuple)
    rows = tuple(data.draw(st.lists(row, min_size=size, max_size=size)))
    reading = TableReading(Grid(("b", "x", "y", "z")[:width], rows, tuple(range(size))))
    for place, texts in enumerate(rows):
        said = [fold(text) for text in texts if text not in NOTHING]
        first = texts[0] not in NOTHING
        assert reading.spanning[place] == float(first and len({*said}) == 1)
        assert reading.said[place] == len(said)
        assert reading.like_header[place] == said.count("b") / max(len(said), 1)


@settings(max_examples=500, deadline=None)
@given(st.text("abcdefhjmnoqrsuyz$€£1234 -.", min_size=1, max_size=6))
def test_what_may_have_no_value_has_none(text: str) -> None:
    folded = " ".join(fold(text).split())
    if folded and not may_have_value(text, folded):
        assert read_value_once(text) is None
        assert detect_notation([folded, "5 m"]) == detect_notation(["5 m"])


@settings(max_examples=100, deadline=None)
@given(st.data(), st.integers(1, 4), st.integers(1, 12))
def test_what_meets_a_question_is_what_a_search_cell_by_cell_finds(data: st.DataObject, width: int, size: int) -> None:
    row = st.lists(WORDS | st.just("river town"), min_size=width, max_size=width).map(tuple)
    rows = tuple(data.draw(st.lists(row, min_size=size, max_size=size)))
    question = "which river flows through Lisbon town in 1755 or 007?"
    for few in (0, 1 << 15):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reading_module, "_FEW", few)
            reading = TableReading(Grid(("a",) * width, rows, tuple(range(size))))
        asked = ask(question, reading)
        cell, phrase = slow_matches(asked.form.folded, [*dict.fromkeys(terms(question))], rows)
        assert np.array_equal(asked.matches.cell, cell)
        assert np.array_equal(asked.matches.phrase, phrase)


def slow_matches(question: str, asked: list[str], rows: tuple[tuple[str, ...], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Shares of each cell's information that are asked for, and of the question that each cell takes."""
    said = [[" ".join(fold(text).split()) for text in row] for row in rows]
    held = [
        [[] if text in NOTHING else list(dict.fromkeys(terms(cell))) for text, cell in zip(texts, row, strict=True)]
        for texts, row in zip(said, rows, strict=True)
    ]

    def idf(term: str) -> float:
        holders = sum(any(term in cell for cell in row) for row in held)
        return math.log(1 + (len(rows) - holders + 0.5) / (holders + 0.5))

    found = np.zeros((2, len(rows), len(rows[0])))
    for place in np.ndindex(found.shape[1:]):
        here, text = held[place[0]][place[1]], said[place[0]][place[1]]
        weight = sum(idf(term) for term in asked if term in here)
        if weight:
            found[0][place] = weight / sum(map(idf, here))
            named = len(text) >= 3 and text in f" {question} "
            found[1][place] = len(text) / len(f" {question} ") if named else 0.0
    return found[0], found[1]


@pytest.mark.parametrize(
    "text", ["the Harbour masterMind writes 1,234 naïve names; ", "the of and ", "日本語の 表 x_y "]
)
def test_a_long_cell_has_the_terms_of_its_words(text: str) -> None:
    long = text * 200
    assert read_words([long], shared=True)[1] == [tuple(dict.fromkeys(terms(long)))]
