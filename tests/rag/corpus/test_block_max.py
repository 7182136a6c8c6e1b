"""Block-max search is exhaustive search, to the last number and the last bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune.errors import UsageError
from ctxprune.rag import BlockMaxIndex, Postings, bm25_postings
from ctxprune.rag.corpus.block_max import rank_exhaustively
from ctxprune.rag.corpus.sparse import query_weights
from ctxprune.rag.passages.passages import Passages
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.text.words import terms

WORDS = ["river", "tower", "city", "bridge", "king", "queen", "war", "peace", "iron", "gold"]


def random_postings(rng: np.random.Generator, size: int, n_terms: int, levels: int) -> Postings:
    dense = rng.integers(0, levels, (n_terms, size)) * (rng.random((n_terms, size)) < 0.3)
    counts = (dense > 0).sum(axis=1)
    term, passage = np.nonzero(dense)
    weights = (dense[term, passage] / 7).astype(np.float32)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Postings(size, starts, passage.astype(np.int32), weights)


def slow_search(postings: Postings, query: dict[int, float], k: int) -> list[tuple[int, float]]:
    scores: dict[int, np.float32] = {}
    for number in sorted(query):
        for place in range(int(postings.starts[number]), int(postings.starts[number + 1])):
            passage = int(postings.passages[place])
            part = np.float32(query[number]) * postings.weights[place]
            scores[passage] = np.float32(scores.get(passage, np.float32(0)) + part)
    found = [(passage, float(score)) for passage, score in scores.items() if score > 0]
    return sorted(found, key=lambda pair: (-pair[1], pair[0]))[:k]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.integers(1, 300),
    block=st.sampled_from([1, 3, 32, 64, 500]),
    k=st.sampled_from([1, 2, 10, 50, 2000]),
    levels=st.sampled_from([2, 3, 1000]),  # of few levels many scores are equal
    reorder=st.booleans(),
)
def test_it_equals_the_slow_search(seed, size, block, k, levels, reorder) -> None:
    rng = np.random.default_rng(seed)
    postings = random_postings(rng, size, 12, levels)
    index = BlockMaxIndex(postings, block=block, reorder=reorder)
    for _ in range(3):
        asked = rng.choice(12, rng.integers(1, 7), replace=False)
        query = {int(term): float(weight) for term, weight in zip(asked, rng.random(len(asked)) * 3, strict=True)}
        found, all_of_them = index.search(query, k), rank_exhaustively(postings, query, k)
        assert list(zip(found.passages.tolist(), found.scores.tolist(), strict=True)) == slow_search(postings, query, k)
        assert np.array_equal(found.passages, all_of_them.passages)
        assert np.array_equal(found.scores, all_of_them.scores)


def test_a_large_pool_is_mostly_left_alone() -> None:
    rng = np.random.default_rng(0)
    probabilities = 1 / np.arange(1, 2001)
    drawn = rng.choice(2000, (8_000, 12), p=probabilities / probabilities.sum())
    texts = [" ".join(f"w{number}" for number in row) for row in drawn.tolist()]
    postings = bm25_postings(texts, analyse=str.split)
    index = BlockMaxIndex(postings)
    shares = []
    for query in (["w0", "w40", "w300"], ["w1", "w7"], ["w1500", "w2"], ["w0"]):
        found, all_of_them = index.search(query), rank_exhaustively(postings, query)
        assert np.array_equal(found.passages, all_of_them.passages)
        assert np.array_equal(found.scores, all_of_them.scores)
        shares.append(found.scored / index.size)
    assert np.mean(shares) < 0.4


def test_weights_are_those_of_the_scorer() -> None:
    texts = [f"The {a} by the {b} saw {a} and {c}." for a in WORDS[:4] for b in WORDS[3:7] for c in WORDS[6:]]
    postings = bm25_postings(texts, k1=1.2, b=0.6)
    query = "king of the river bridge"
    ours = postings.score(*query_weights(postings, terms(query)))
    theirs = LexicalScorer().score(query, Passages(texts))
    assert np.allclose(ours / ours.max(), theirs / theirs.max(), atol=1e-6)


def test_ties_go_by_number() -> None:
    index = BlockMaxIndex(bm25_postings(["river"] * 200), block=8)
    assert index.search(["river"], 5).passages.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("query", [[], {}, ["unknown"], {"river": 0.0}])
def test_nothing_asked_finds_nothing(query) -> None:
    found = BlockMaxIndex(bm25_postings(["river", "tower"])).search(query)
    assert (len(found.passages), len(found.scores), found.scored) == (0, 0, 0)


@pytest.mark.parametrize("texts", [[], [""], ["the"], ["", "", ""]])
def test_empty_corpora_are_searched(texts: list[str]) -> None:
    assert len(BlockMaxIndex(bm25_postings(texts)).search(["river"]).passages) == 0


def test_fewer_passages_than_asked_for() -> None:
    assert BlockMaxIndex(bm25_postings(["river", "tower", "river"])).search(["river"], 10).passages.tolist() == [0, 2]


@pytest.mark.parametrize(
    "query", ["river", {"river": -1.0}, {"river": float("nan")}, {"river": 1e30}, {99: 1.0}, {0.5: 1.0}, {-1: 1.0}]
)
def test_bad_queries_are_refused(query) -> None:
    with pytest.raises(UsageError):
        BlockMaxIndex(bm25_postings(["river"])).search(query)


@pytest.mark.parametrize("options", [{"block": 0}, {"block": 1.5}, {"reorder": 1}])
def test_bad_options_are_refused(options) -> None:
    with pytest.raises(UsageError):
        BlockMaxIndex(bm25_postings(["river"]), **options)
    with pytest.raises(UsageError):
        BlockMaxIndex("postings")
    with pytest.raises(UsageError, match="k is 0"):
        BlockMaxIndex(bm25_postings(["river"])).search(["river"], 0)


@pytest.mark.parametrize(
    ("starts", "passages", "weights"),
    [
        ([1, 2], [0, 1], [1, 1]),
        ([0, 3], [0, 1], [1, 1]),
        ([0, 2], [1, 0], [1, 1]),
        ([0, 2], [1, 1], [1, 1]),
        ([0, 2], [0, 5], [1, 1]),
        ([0, 2], [-1, 0], [1, 1]),
        ([0, 2], [0, 1], [1]),
        ([0, 2], [0, 1], [1, 0]),
        ([0, 2], [0, 1], [1, np.inf]),
        ([0, 2], [0, 1], [1, 1e30]),
        ([], [], []),
    ],
)
def test_broken_postings_are_refused(starts, passages, weights) -> None:
    arrays = np.asarray(starts, np.int64), np.asarray(passages, np.int32), np.asarray(weights, np.float32)
    with pytest.raises(UsageError):
        Postings(2, *arrays)


@pytest.mark.parametrize("texts", ["river", b"river", [1], [None]])
def test_bad_texts_are_refused(texts) -> None:
    with pytest.raises(UsageError):
        bm25_postings(texts)
