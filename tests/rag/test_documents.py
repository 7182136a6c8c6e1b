"""Whole documents: their scores, and dropping some before any sentence is looked at."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune import Adaptive, Threshold, TokenBudget, prune
from ctxprune.errors import UsageError
from ctxprune.policies import Request
from ctxprune.rag import BestDocuments, PassageOptions, Passages, TopMean, document_scores

TEXTS = ["The tower is tall. A pear.", "Towers fell. The tall tower tower.", "", "Bananas. Apples."]


def array(values) -> np.ndarray:
    return np.asarray(values, dtype=np.float32)


def test_a_document_is_as_relevant_as_its_best_sentences() -> None:
    scores = array([0.9, 0.1, 0.5, 0.5, 0.3])
    assert document_scores(scores, (0, 0, 1, 1, 3), 4, rule=TopMean(2))[[0, 1, 3]] == pytest.approx([0.5, 0.5, 0.3])
    assert document_scores(scores, (0, 0, 1, 1, 3), 4, rule=TopMean(1))[[0, 1, 3]] == pytest.approx([0.9, 0.5, 0.3])
    empty = document_scores(scores, (0, 0, 1, 1, 3), 4)[2]
    assert empty < 0.3
    assert document_scores(array([]), (), 2).tolist() == [0, 0]
    assert document_scores(array([]), (), 0).tolist() == []
    assert document_scores(array([1, 2]), (0, 0), 1, rule=lambda found: float(found.sum())).tolist() == [3]


def test_only_the_best_documents_are_chosen_from() -> None:
    result = prune("tall tower", Passages(TEXTS), policy=BestDocuments(Threshold(0.01), 1))
    assert [bool(part) for part in result.output].count(True) == 1
    assert {unit.reason for unit in result.dropped} <= {"document", "score"}
    assert result.policy == "threshold.v1 + documents"
    both = prune("tall tower", Passages(TEXTS), policy=BestDocuments(TokenBudget(100), relative=0.5))
    assert [bool(part) for part in both.output] == [True, True, False, False]
    known = prune("tall tower", Passages(TEXTS), policy=BestDocuments(TokenBudget(100), 1, relevance=(0, 0, 0, 1)))
    assert known.output == ["", "", "", TEXTS[3]]


def test_pinned_units_of_other_documents_stay() -> None:
    passages = Passages(
        ["# A\nKEEP this.", "# B\nThe tower."], options=PassageOptions(headings=True, protect=("KEEP",))
    )
    result = prune("tower", passages, policy=BestDocuments(Adaptive(), 1), scorer="lexical.v1")
    assert result.output == list(passages.texts)
    assert [unit.reason for unit in result.units] == ["required", "pinned", "required", "selected"]


def test_a_context_without_documents_is_one() -> None:
    from ctxprune.rag import Passage

    plain = prune("tower", Passage(TEXTS[0]), policy=Adaptive())
    assert prune("tower", Passage(TEXTS[0]), policy=BestDocuments(Adaptive(), 1)).output == plain.output


@given(st.lists(st.lists(st.floats(-5, 5, width=32), max_size=4), max_size=8), st.integers(1, 8))
def test_at_most_k_documents_and_always_the_best(documents, k: int) -> None:
    class Many:
        units = Passages(["x."] * sum(map(len, documents))).units
        sources = tuple(number for number, found in enumerate(documents) for _ in found)

        def render(self, kept):
            return tuple(kept)

    scores = array([value for found in documents for value in found])
    selection = BestDocuments(Threshold(-9), k).select(
        Request("q", Many(), scores, np.ones(len(scores), dtype=np.int64))
    )
    kept = {Many.sources[index] for index in np.flatnonzero(selection.kept)}
    assert len(kept) <= k
    if len(scores):
        relevance = document_scores(scores, Many.sources, max(Many.sources) + 1)
        assert int(np.argmax(relevance)) in kept


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: BestDocuments(Threshold(), 0), "k is 0"),
        (lambda: BestDocuments(Threshold(), relative=2), "relative is 2"),
        (lambda: BestDocuments(None), "policy is None"),
        (lambda: TopMean(0), "k is 0"),
        (
            lambda: prune("x", Passages(TEXTS), policy=BestDocuments(Adaptive(), 1, relevance=(1.0,))),
            "1 relevance scores for",
        ),
    ],
)
def test_arguments_are_checked(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
