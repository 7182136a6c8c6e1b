"""Checks on what scorers give, and batches."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from ctxprune.context import Unit, as_context
from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.rag import Passage, Passages, Table
from ctxprune.scorers import Scorer, as_scorer, score_batch
from ctxprune.scorers.base import score_documents


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


class Plain(Scorer):
    """A scorer with nothing but what each must have."""

    def score(self, query, context):
        return Lengths().score(query, context)


def test_optional_members_have_defaults() -> None:
    scorer, table = Plain(), Table([["a"], ["b"]])
    assert (scorer.reads_titles, scorer.gives_probabilities, scorer.dispatches, scorer.ranks_documents) == (False,) * 4
    assert scorer.cheap is scorer.for_context(table) is scorer.origin is as_scorer(scorer) is scorer
    assert scorer.find_required("q", table) is None
    units, documents = scorer.score_documents("q", Passages(["One.", "Three. Five."]))
    assert (units.tolist(), documents.tolist()) == ([4.0, 6.0, 5.0], [4.0, 5.5])
    assert scorer.score_documents("q", PASSAGES[0], rule=max)[1].tolist() == [11.0]
    assert asyncio.run(scorer.ascore("q", PASSAGES[0])).tolist() == [4.0, 11.0]
    assert [scores.tolist() for scores in asyncio.run(scorer.ascore_batch(["q"] * 2, PASSAGES[1:]))] == [[4.0], []]


def test_documents_are_scored_by_the_method_that_a_subclass_has() -> None:
    class OneByOne(Plain):
        def score_documents(self, query, context, *, rule=None):
            return self.score(query, context), np.asarray([7.0])

    class Together(Plain):
        def score_documents_batch(self, queries, contexts, *, rule=None):
            return [
                (self.score(query, context), np.asarray([8.0]))
                for query, context in zip(queries, contexts, strict=True)
            ]

    for scorer, relevance in ((OneByOne(), 7.0), (Together(), 8.0)):
        assert scorer.ranks_documents
        assert scorer.score_documents("q", PASSAGES[0])[1].tolist() == [relevance]
        assert score_documents(scorer, "q", PASSAGES[0])[1].tolist() == [relevance]


class Old(Lengths):
    """An object with every optional member under the names of earlier releases, and its own idea of contexts."""

    reads_titles = gives_probabilities = True

    def __init__(self) -> None:
        self.seen: list[object] = []

    def score(self, query, context):
        self.seen.append(context)
        return super().score(query, context)

    def unit_demand(self, query, context):
        self.seen.append(context)
        return np.asarray([True, False])

    def score_documents(self, query, context):
        self.seen.append(context)
        return self.score(query, context), np.asarray([3.0])

    async def ascore(self, query, context):
        return self.score(query, context)


class Duck:
    units = (Unit("one"), Unit("three"))

    def render(self, kept):
        return sorted(kept)


def test_an_object_of_the_user_is_adapted_and_gets_the_users_own_context() -> None:
    old, duck = Old(), Duck()
    scorer, context = as_scorer(old), as_context(duck)
    assert scorer.origin is old
    assert (scorer.reads_titles, scorer.gives_probabilities, scorer.ranks_documents, scorer.dispatches) == (
        (True,) * 3 + (False,)
    )
    assert scorer.cheap is old
    assert scorer.for_context(context) is scorer
    assert scorer.find_required("q", context).tolist() == [True, False]
    assert scorer.score_documents("q", context)[1].tolist() == [3.0]
    assert asyncio.run(scorer.ascore_batch(["q"], [context]))[0].tolist() == [3.0, 5.0]
    assert score_batch(old, ["q"], [duck])[0].tolist() == [3.0, 5.0]
    assert old.seen
    assert all(seen is duck for seen in old.seen)


@pytest.mark.parametrize(("value", "lacks"), [(3, "it has no `score`"), (Lengths, "it is a class")])
def test_what_is_no_scorer_is_refused_by_what_it_lacks(value, lacks: str) -> None:
    with pytest.raises(UsageError, match=lacks):
        as_scorer(value)


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
