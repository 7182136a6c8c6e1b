"""Ranking in the shape of sentence-transformers, and pruning from the same pass."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import (
    Adaptive,
    CascadeScorer,
    DocumentFusion,
    Pruner,
    ReciprocalRankFusion,
    TitledScorer,
    TokenBudget,
    TopK,
)
from ctxprune.errors import UsageError
from ctxprune.rag import Distinct, Neighbours, PassageOptions, PassagePruner, Passages, TopMean
from ctxprune.scorers import as_scorer

TEXTS = ["Bananas are yellow.", "", "The tower is in Paris. The tower is tall.", "A tall man. He left."]


class Counting:
    """Scores the length of each unit, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def score(self, query, context):
        self.calls += 1
        return np.asarray([len(unit.text) for unit in context.units], dtype=np.float32)


class Knowing(Counting):
    def score_documents(self, query, context):
        scores = self.score(query, context)
        return scores, -np.arange(max(context.sources, default=-1) + 1, dtype=np.float32)


def test_the_account_says_how_long_scoring_took() -> None:
    class Slow:
        def score(self, query, context):
            time.sleep(0.02)
            return np.ones(len(context.units), dtype=np.float32)

    ranked = PassagePruner(Pruner(Slow())).prune("tower", TEXTS)
    assert ranked.pruned.seconds["score"] >= 0.02


def test_rank_has_the_shape_of_cross_encoders() -> None:
    ranked = PassagePruner().rank("how tall is the tower?", TEXTS, top_k=2, return_documents=True)
    assert [sorted(entry) for entry in ranked] == [["corpus_id", "score", "text"]] * 2
    assert ranked[0]["corpus_id"] == 2
    assert ranked[0]["text"] == TEXTS[2]
    assert ranked[0]["score"] >= ranked[1]["score"]
    whole = PassagePruner().rank("how tall is the tower?", TEXTS)
    assert [entry["corpus_id"] for entry in whole[:2]] == [entry["corpus_id"] for entry in ranked]
    assert sorted(entry["corpus_id"] for entry in whole) == [0, 1, 2, 3]
    assert all(type(entry["score"]) is float and set(entry) == {"corpus_id", "score"} for entry in whole)
    assert PassagePruner().rank("x", []) == []


def test_a_document_is_scored_by_its_sentences_or_by_the_scorer_itself() -> None:
    ranked = PassagePruner(Pruner(Counting()), rule=TopMean(1)).rank("x", TEXTS)
    assert [entry["corpus_id"] for entry in ranked] == [2, 0, 3, 1]
    assert as_scorer(Knowing()).ranks_documents
    assert not as_scorer(Counting()).ranks_documents
    assert [entry["corpus_id"] for entry in PassagePruner(Pruner(Knowing())).rank("x", TEXTS)] == [0, 1, 2, 3]
    last = PassagePruner(Pruner(Knowing())).rank("x", ["One.", "Two.", " "])  # says nothing of an empty last one
    assert [entry["corpus_id"] for entry in last] == [0, 1, 2]


def test_one_pass_ranks_and_prunes() -> None:
    scorer = Knowing()
    result = PassagePruner(Pruner(scorer, TopK(3)), documents=2).prune("x", TEXTS)
    assert scorer.calls == 1
    assert result.order == (0,)
    assert result.pruned.output == [TEXTS[0], "", "", ""]
    assert result.relevance[0] == 0
    assert {unit.reason for unit in result.pruned.dropped} == {"document"}


def test_documents_come_back_in_source_order_or_by_relevance() -> None:
    pruner = Pruner("lexical", TopK(3))
    texts = ["A tower.", *TEXTS]
    plain = PassagePruner(pruner).prune("tall tower paris", texts)
    assert plain.order == tuple(sorted(plain.order))
    best = PassagePruner(pruner, reorder=True).prune("tall tower paris", texts)
    assert set(best.order) == set(plain.order)
    assert best.order[0] == 3
    assert best.pruned == plain.pruned
    assert best.texts == [best.pruned.output[index] for index in best.order]
    assert [entry["corpus_id"] for entry in best.to_list()] == list(best.order)
    assert all(entry["text"] in texts[entry["corpus_id"]] for entry in best.to_list())


def test_one_budget_over_all_documents() -> None:
    result = PassagePruner(Pruner("lexical", TokenBudget(14))).prune("tall tower", TEXTS)
    assert result.pruned.tokens_after <= 14
    assert len(result.pruned.output) == len(TEXTS)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(["The tower.", "A pear. Tall.", "", " ", "漢字。"]), max_size=6))
def test_batch_equals_loop_and_async_equals_sync(texts) -> None:
    ranker = PassagePruner(Pruner(ReciprocalRankFusion(), Adaptive()))
    queries = ["tall tower", "pear"]
    alone = [ranker.rank(query, texts) for query in queries]
    assert ranker.rank_batch(queries, [texts, texts]) == alone
    assert asyncio.run(ranker.arank(queries[0], texts)) == alone[0]
    result = ranker.prune(queries[0], texts)
    assert ranker.prune_batch(queries, [texts, texts]) == [ranker.prune(query, texts) for query in queries]
    assert asyncio.run(ranker.aprune(queries[0], texts)) == result
    assert result.pruned == Pruner(ReciprocalRankFusion(), Adaptive()).prune(queries[0], Passages(texts))


def test_a_hundred_threads_equal_one() -> None:
    texts = [f"# Tower {i}\n\nThe tower {i} is tall. It is old. The tower is tall." for i in range(6)]
    passages = Passages(texts, options=PassageOptions(markdown=True, headings=True), titles=texts)
    policy = Distinct(Neighbours(TokenBudget(60)))
    questions = [f"which tower is number {i % 6}?" for i in range(100)]

    def make() -> PassagePruner:
        return PassagePruner(Pruner(CascadeScorer(TitledScorer(), DocumentFusion(), windows=3), policy), documents=3)

    alone = [make().prune(question, passages) for question in questions]
    shared = make()
    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(lambda question: shared.prune(question, passages), questions)) == alone


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PassagePruner().rank(" ", TEXTS), "the query is ' '"),
        (lambda: PassagePruner().rank(None, TEXTS), "the query is None"),
        (lambda: PassagePruner().rank("x", "one text"), "texts is a single text"),
        (lambda: PassagePruner().rank("x", TEXTS, top_k=0), "top_k is 0"),
        (lambda: PassagePruner(documents=0), "documents is 0"),
        (lambda: PassagePruner("lexical"), "pruner is a str"),
        (lambda: PassagePruner().rank_batch(["x"], []), "1 queries do not match 0"),
        (lambda: PassagePruner().prune_batch("x", [TEXTS]), "1 queries do not match 1"),
    ],
)
def test_arguments_are_checked(call, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()
