"""The surface of passages as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.rag.corpus.features import FEATURES, LONGEST, describe_passages

PROSE = "The tower is 330 metres tall. It was built in 1889 by Gustave Eiffel."


def row(text: str) -> dict[str, float]:
    return dict(zip(FEATURES, describe_passages([text])[0].tolist(), strict=True))


def test_golden_values() -> None:
    found = row(PROSE)
    assert found["length"] == pytest.approx(np.log1p(14))
    assert found["stop words"] == pytest.approx(6 / 14)  # the, is, it, was, in, by
    assert found["digits"] == pytest.approx(7 / 56)
    assert found["capitals"] == pytest.approx(4 / 14)
    assert found["sentence length"] == pytest.approx(np.log1p(7))
    assert (found["sentence end"], found["links"], found["short lines"], found["repetition"]) == (1, 0, 0, 0)


def test_the_most_frequent_word_is_no_stop_word() -> None:
    assert row("The cat and the dog and the cow saw the moon.")["most frequent word"] == pytest.approx(1 / 11)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Home\nAbout us\nContact", "short lines"),
        ("see https://a.example and www.b.example", "links"),
        ("spam spam spam eggs", "repetition"),
        ("a - b - c ... d !!!", "punctuation"),
    ],
)
def test_junk_shows(text: str, name: str) -> None:
    assert row(text)[name] > row(PROSE)[name]


@pytest.mark.parametrize("text", ["", " \n\t", "!!! ---", "\x00\ud800"])
def test_texts_without_words_are_zeros(text: str) -> None:
    assert not describe_passages([text]).any()


def test_nothing_gives_no_rows() -> None:
    assert describe_passages([]).shape == (0, len(FEATURES))


def test_the_rest_of_a_huge_text_is_not_read() -> None:
    long = "word " * 2000
    assert len(long) == LONGEST
    assert np.array_equal(describe_passages([long]), describe_passages([long + "x" * 10**6]))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=80), max_size=6))
def test_rows_are_finite_and_do_not_depend_on_each_other(texts: list[str]) -> None:
    rows = describe_passages(texts)
    assert np.isfinite(rows).all()
    assert (rows >= 0).all()
    for text, own in zip(texts, rows, strict=True):
        assert np.array_equal(describe_passages([text])[0], own)
