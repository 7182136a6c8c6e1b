"""Names as words, word similarity, the lexicon and the n-gram vectors."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.sql.linking.ngrams import NgramIndex, ngrams
from ctxprune.sql.linking.words import load_cues, name_stems, natural, similarity


@pytest.mark.parametrize(
    ("name", "words"),
    [("customerID", "customer id"), ("GDP_per-capita10", "gdp per capita 10"), ("%", ""), ("São", "sao")],
)
def test_natural(name: str, words: str):
    assert natural(name) == words


def test_a_name_without_words_still_has_a_stem():
    assert name_stems("%") == ("%",)
    assert name_stems("") == ("?",)


@pytest.mark.parametrize(
    ("named", "asked", "least", "most"),
    [
        ("citi", "citi", 1.0, 1.0),
        ("dept", "department", 0.5, 0.8),
        ("num", "number", 0.5, 0.8),
        ("mgr", "manager", 0.5, 0.5),
        ("populat", "population", 0.7, 0.8),
        ("nation", "nationality", 0.7, 0.8),
        ("accomodat", "accommodat", 0.7, 0.8),
        ("city", "citizen", 0.0, 0.0),
        ("id", "identity", 0.0, 0.0),
        ("name", "game", 0.0, 0.0),
        ("", "x", 0.0, 0.0),
        ("", "", 1.0, 1.0),
    ],
)
def test_similarity(named: str, asked: str, least: float, most: float):
    assert least <= similarity(named, asked) <= most


@given(st.text(max_size=12), st.text(max_size=12))
def test_similarity_is_a_share_and_1_only_for_equal_stems(named: str, asked: str):
    value = similarity(named, asked)
    assert 0 <= value <= 1
    assert (value == 1) == (named == asked)


def test_the_lexicon_is_consistent():
    cues = load_cues()
    assert cues.columns.keys() == cues.questions.keys()
    assert all(words for words in (*cues.columns.values(), *cues.questions.values()))
    assert cues.related["singer"]["vocalist"] == cues.related["vocalist"]["singer"] == 0.7
    assert cues.related["dept"]["department"] == 0.9
    assert all(0 < value < 1 for near in cues.related.values() for value in near.values())


def test_ngrams_of_short_and_long_words():
    assert list(ngrams("a")) == [" a "]
    assert list(ngrams("ab")) == [" ab", "ab ", " ab "]
    assert list(ngrams("abc")) == [" ab", "abc", "bc ", " abc", "abc ", " abc "]


def test_cosine_against_the_definition():
    texts = ["price", "price list", "unit"]
    counts = [_counts(text) for text in texts]
    df = {gram: sum(gram in count for count in counts) for count in counts for gram in count}

    def vector(count: dict[str, int]) -> dict[str, float]:
        idf = {gram: math.log((1 + len(texts)) / (1 + df[gram])) + 1 for gram in count if gram in df}
        raw = {gram: (1 + math.log(count[gram])) * idf[gram] for gram in idf}
        norm = math.sqrt(sum(value**2 for value in raw.values())) or 1
        return {gram: value / norm for gram, value in raw.items()}

    asked = vector(_counts("prices and price"))
    expected = [sum(asked.get(g, 0) * v for g, v in vector(count).items()) for count in counts]
    assert NgramIndex(texts).score("prices and price") == pytest.approx(expected)
    assert expected[0] > expected[1] > expected[2] == 0


def _counts(text: str) -> dict[str, int]:
    grams = [gram for word in text.split() for gram in ngrams(word)]
    return {gram: grams.count(gram) for gram in grams}


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=40))
def test_cosines_are_shares(texts: list[str], query: str):
    scores = NgramIndex(texts).score(query)
    assert scores.shape == (len(texts),)
    assert np.all((scores >= 0) & (scores <= 1 + 1e-9))
