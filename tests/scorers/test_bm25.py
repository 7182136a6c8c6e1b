"""The two BM25 scorers against a slow reference, and what they make of words."""

from __future__ import annotations

import io
import logging
import math
import pickle
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.context.base import Unit
from ctxprune.errors import UsageError
from ctxprune.scorers.lexical.chargram import ChargramScorer
from ctxprune.scorers.lexical.words import LexicalScorer

SCORERS = [LexicalScorer(), LexicalScorer(2.0, 0.0), ChargramScorer(), ChargramScorer(n=3, b=1.0)]
WORDS = st.sampled_from(
    ["red", "green", "blue", "reds", "Reddish", "São", "the", "of", "7", "x_y", "HTTPServer", "客户名", "!", ""]
)
TEXTS = st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=6)


class Texts:
    def __init__(self, *texts: str) -> None:
        self.units = tuple(Unit(text) for text in texts)

    def render(self, kept):
        return [self.units[index].text for index in kept]


def reference(scorer, query: str, texts: list[str]) -> list[float]:
    """BM25 as the scorer's docstring writes it, term by term."""
    documents = [scorer.analyse(text) for text in texts]
    n, mean = len(documents), sum(map(len, documents)) / max(len(documents), 1)
    asked = scorer.analyse(query)

    def idf(term: str) -> float:
        df = sum(term in document for document in documents)
        return math.log(1 + (n - df + 0.5) / (df + 0.5))

    def gain(term: str, document: list[str]) -> float:
        tf = document.count(term)
        return tf and idf(term) * tf / (tf + scorer.k1 * (1 - scorer.b + scorer.b * len(document) / mean))

    whole = sum(map(idf, asked))
    return [sum(gain(term, document) for term in asked) / whole if whole else 0.0 for document in documents]


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SCORERS), st.lists(WORDS, max_size=5).map(" ".join), TEXTS)
def test_scores_equal_the_reference(scorer, query: str, texts: list[str]) -> None:
    scores = scorer.score(query, Texts(*texts))
    assert scores.dtype == np.float32
    assert scores.shape == (len(texts),)
    np.testing.assert_allclose(scores, reference(scorer, query, texts), rtol=2e-5, atol=1e-7)
    assert ((scores >= 0) & (scores < 1)).all()


def test_words_meet_across_case_accents_number_and_identifiers() -> None:
    context = Texts("Cidade de São Paulo", "customerID of each order", "nothing here", "populations of cities")
    scorer = LexicalScorer()
    assert scorer.score("sao paulo", context).argmax() == 0
    assert scorer.score("Customer id?", context).argmax() == 1
    assert scorer.score("city population", context).argmax() == 3


def test_chargrams_forgive_inflection_and_misspelling() -> None:
    context = Texts("the electricity company", "an elephant", "nothing")
    assert LexicalScorer().score("electrical", context).max() == 0
    assert ChargramScorer().score("electrical", context).argmax() == 0
    assert ChargramScorer().score("elefant", context).argmax() == 1


@pytest.mark.parametrize("scorer", SCORERS)
def test_empty_inputs_score_zeros(scorer) -> None:
    assert scorer.score("", Texts("a b", "c")).tolist() == [0, 0]
    assert scorer.score("a", Texts("", "?!")).tolist() == [0, 0]
    assert scorer.score("zzz", Texts("apple", "pear")).tolist() == [0, 0]
    assert scorer.score("a", Texts()).shape == (0,)


@pytest.mark.parametrize("scorer", SCORERS)
def test_one_context_answers_many_questions_from_one_index(scorer, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Texts("red apple", "green pear", "blue plum")
    first = scorer.score("green", context)
    monkeypatch.setattr(type(scorer), "_index", lambda *_: pytest.fail("built twice"))
    assert scorer.score("green", context).tolist() == first.tolist()
    assert scorer.score("blue", context).argmax() == 2


def test_nothing_is_printed_logged_or_configured(caplog: pytest.LogCaptureFixture) -> None:
    out, root = io.StringIO(), logging.getLogger()
    before = (root.level, list(root.handlers))
    with redirect_stdout(out), redirect_stderr(out):
        LexicalScorer().score("apple", Texts(*["apple pie"] * 300))
    assert out.getvalue() == ""
    assert caplog.records == []
    assert (root.level, list(root.handlers)) == before


def test_scorers_pickle_compare_and_hash_by_their_parameters() -> None:
    used = LexicalScorer(1.5, 0.5)
    used.score("a", Texts("a b", "b"))
    again = pickle.loads(pickle.dumps(used))
    assert again == used == LexicalScorer(1.5, 0.5)
    assert hash(again) == hash(used)
    assert used != LexicalScorer()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LexicalScorer(k1=0), "k1 is 0"),
        (lambda: LexicalScorer(k1=float("nan")), "k1 is nan"),
        (lambda: LexicalScorer(b=1.5), "b is 1.5"),
        (lambda: ChargramScorer(n=1), "n is 1"),
        (lambda: ChargramScorer(n=3.0), "n is 3.0"),
    ],
)
def test_parameters_are_checked(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


@settings(deadline=None, max_examples=60)
@given(st.lists(WORDS, min_size=1, max_size=5).map(" ".join), TEXTS)
def test_scores_are_those_of_bm25s_to_the_last_bit(query: str, texts: list[str]) -> None:
    import bm25s

    scorer = LexicalScorer()
    documents = [scorer.analyse(text) for text in texts]
    ids: dict[str, int] = {}
    numbered = [[ids.setdefault(term, len(ids)) for term in document] for document in documents]
    known = [ids[term] for term in scorer.analyse(query) if term in ids]
    if not known:
        return
    peer = bm25s.BM25(method="lucene", k1=scorer.k1, b=scorer.b, backend="numpy")
    peer.scores = peer.build_index_from_ids(list(ids.values()), numbered, show_progress=False)
    frequencies = Counter(term for document in documents for term in {*document})
    n = len(texts)
    attainable = sum(
        math.log(1 + (n - frequencies[term] + 0.5) / (frequencies[term] + 0.5)) for term in scorer.analyse(query)
    )
    expected = np.asarray(peer.get_scores_from_ids(known) / attainable, dtype=np.float32)
    assert scorer.score(query, Texts(*texts)).tobytes() == expected.tobytes()


def test_an_index_is_built_of_all_units_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a library does for each unit took half of the time where units are short."""
    import bm25s

    monkeypatch.setattr(bm25s.BM25, "build_index_from_ids", lambda *_, **__: pytest.fail("unit by unit"))
    assert LexicalScorer().score("red", Texts("red apple", "green pear")).argmax() == 0
