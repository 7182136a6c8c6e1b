"""Checks on what scorers give, and batches."""

from __future__ import annotations

import numpy as np
import pytest

from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.rag import Passage
from ctxprune.scorers import BatchScorer, Scorer, score_batch


class Lengths:
    def score(self, query, context):
        return np.asarray([len(unit.text) for unit in context.units], dtype=np.float64)


class Whole(Lengths):
    def __init__(self, extra: int = 0) -> None:
        self.sizes: list[int] = []
        self.extra = extra

    def score_batch(self, queries, contexts):
        self.sizes.append(len(queries))
        return [self.score(q, c) for q, c in zip(queries, contexts, strict=True)] * (1 + self.extra)


PASSAGES = [Passage("One. Three four."), Passage("Two."), Passage("")]


def test_protocols_are_recognised() -> None:
    assert isinstance(Lengths(), Scorer)
    assert not isinstance(Lengths(), BatchScorer)
    assert isinstance(Whole(), BatchScorer)


def test_scores_become_float32() -> None:
    assert as_scores([1, 2], 2).dtype == np.float32
    assert as_scores(np.asarray([0.5]), 1).tolist() == [0.5]
    assert as_scores([], 0).shape == (0,)


def test_a_batch_is_a_loop_and_goes_to_the_scorer_at_once() -> None:
    loop = score_batch(Lengths(), ["q"] * 3, PASSAGES)
    scorer = Whole()
    batch = score_batch(scorer, ["q"] * 3, PASSAGES)
    assert [scores.tolist() for scores in batch] == [scores.tolist() for scores in loop] == [[4.0, 11.0], [4.0], []]
    assert scorer.sizes == [3]


def test_batches_that_do_not_match_are_refused() -> None:
    with pytest.raises(UsageError, match="2 queries do not match 3 contexts"):
        score_batch(Lengths(), ["q"] * 2, PASSAGES)
    with pytest.raises(UsageError, match=r"6 results for a batch of 3 \[Whole\]"):
        score_batch(Whole(extra=1), ["q"] * 3, PASSAGES)


def test_the_message_names_the_scorer() -> None:
    class Broken(Lengths):
        def score(self, query, context):
            return [float("nan")] * len(context.units)

    with pytest.raises(UsageError, match=r"score of unit 0 is nan \[Broken\]"):
        score_batch(Broken(), ["q"], PASSAGES[:1])
