"""Every registered scorer with every registered policy: the invariants that hold for all of them."""

from __future__ import annotations

import itertools
import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ctxprune import POLICIES, SCORERS, Pruner, TokenBudget, TopK, Unit
from ctxprune.context.closure import Closure
from ctxprune.context.subset import ContextSubset
from ctxprune.errors import BudgetError
from ctxprune.policies import CellShare, TableBudget
from ctxprune.rag import Passage, Passages
from ctxprune.scorers.neural.cross_encoder import CrossEncoderScorer
from ctxprune.scorers.neural.embedding import EmbeddingScorer
from ctxprune.scorers.neural.provence import ProvenceScorer

PAIRS = list(itertools.product(SCORERS.names(), POLICIES.names()))
# each scorer and each policy once: a policy reads scores that are there, and shares nothing with the scorer
DIAGONAL = {
    (SCORERS.names()[at % len(SCORERS.names())], POLICIES.names()[at % len(POLICIES.names())])
    for at in range(max(len(SCORERS.names()), len(POLICIES.names())))
}
VOCABULARY = ["tower", "city", "river", "name", "count", "order", "item", "price", "São", "Łódź", "客户"]


def overlap(pairs):
    return [len(set(query.split()) & set(text.split())) / len(query.split()) for query, text in pairs]


def counts(texts):
    return [[float(text.count(word)) for word in VOCABULARY] for text in texts]


class Tokens:
    """Letters are tokens; one is kept where the question has it."""

    limit, first, between, last = 64, (1,), (2,), (2,)

    def encode(self, texts):
        return [[ord(char) for char in text] for text in texts]

    def run(self, windows):
        kept = [
            np.asarray([number in window.ids[: window.question] for number in window.ids], dtype=np.float32)
            for window in windows
        ]
        return [(keep, float(keep.mean())) for keep in kept]


MODELS = {
    "cross_encoder.v1": CrossEncoderScorer(overlap),
    "embedding.v1": EmbeddingScorer(counts),
    "provence.v1": ProvenceScorer(Tokens()),
}
BUDGETS = {
    "cell_share.v1": CellShare(0.5),
    "table_budget.v1": TableBudget(12),
    "token_budget.v1": TokenBudget(12),
    "top_k.v1": TopK(3),
}


class Tree:
    """Any tree of units; renders as the sorted indices it was given."""

    def __init__(self, units) -> None:
        self.units = tuple(units)

    def render(self, kept):
        return tuple(sorted(kept))


def words(text: str) -> int:
    return len(text.split())


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    size = draw(st.integers(0, 9))
    index = st.integers(0, max(size - 1, 0))
    text = st.lists(st.sampled_from(VOCABULARY), max_size=6).map(" ".join)
    return Tree(
        Unit(
            draw(text),
            parent=draw(st.none() | index),
            requires=tuple(draw(st.lists(index, max_size=2))),
            pinned=draw(st.integers(0, 5)) == 0,
        )
        for _ in range(size)
    )


def make(scorer: str, policy: str, on_empty: str = "keep_best") -> Pruner:
    return Pruner(MODELS.get(scorer, scorer), BUDGETS.get(policy, policy), words, on_empty)


@pytest.mark.parametrize("scorer", SCORERS.names())
def test_a_subset_is_scored_as_any_context(scorer: str) -> None:
    passages = Passages([f"The tower of {number} is tall. Bread is baked in {number}." for number in range(6)])
    read = MODELS.get(scorer) or SCORERS.get(scorer)()
    part = ContextSubset(passages, np.asarray([3, 4, 7, 8, 11]))
    scores = read.score("How tall is the tower?", part)
    assert scores.shape == (5,)
    assert np.isfinite(scores).all()
    nested = ContextSubset(part, np.asarray([1, 3]))
    assert read.score_documents("How tall is the tower?", nested)[0].shape == (2,)


@pytest.mark.parametrize(("scorer", "policy"), PAIRS)
@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(tree=trees(), on_empty=st.sampled_from(["keep_best", "keep_all", "drop"]))
def test_invariants(scorer: str, policy: str, tree: Tree, on_empty: str) -> None:
    pruner = make(scorer, policy, on_empty)
    try:
        result = pruner.prune("river city 客户", tree)
    except BudgetError:
        assert policy in BUDGETS
        return
    kept = np.asarray([unit.kept for unit in result.units], dtype=np.bool_)
    assert result.output == tuple(np.flatnonzero(kept))
    assert [unit.text for unit in result.units] == [unit.text for unit in tree.units]
    assert Closure(tree.units).gaps(kept) == []
    assert result.tokens_after == sum(unit.tokens for unit in result.kept) <= result.tokens_before
    assert {unit.reason for unit in result.kept} <= {"selected", "pinned", "required", "fallback"}
    dropped = {unit.reason for unit in result.dropped}
    copies = {reason for reason in dropped if policy == "top_k.v1" and reason.startswith("duplicate of unit ")}
    assert dropped - copies <= {"score", "rank", "budget"}
    assert np.isfinite(result.scores).all()
    if policy in ("table_budget.v1", "token_budget.v1"):
        assert result.tokens_after <= 12
    if policy == "top_k.v1" and on_empty != "keep_all":
        assert len(result.kept) <= 3
    if tree.units and on_empty != "drop":
        assert result.kept
    assert make(scorer, policy, on_empty).prune("river city 客户", tree) == result
    assert pruner.prune_batch(["river city 客户"] * 2, [tree] * 2) == [result] * 2


@pytest.mark.parametrize(
    ("scorer", "policy"), [pytest.param(*pair, marks=() if pair in DIAGONAL else pytest.mark.long) for pair in PAIRS]
)
def test_a_hundred_threads_with_one_pruner_equal_one_thread(scorer: str, policy: str) -> None:
    rng = random.Random(0)
    texts = [" ".join(f"The {rng.choice(VOCABULARY)} of {rng.choice(VOCABULARY)}." for _ in range(8)) for _ in range(5)]
    contexts = [Passage(text) for text in texts]
    size = 20 if scorer == "pruner.v1" else 200  # a model takes its time
    work = [(f"which {rng.choice(VOCABULARY)}?", contexts[i % len(contexts)]) for i in range(size)]
    alone = [make(scorer, policy).prune(*item) for item in work]
    shared = make(scorer, policy)
    with ThreadPoolExecutor(100) as pool:
        together = list(pool.map(lambda item: shared.prune(*item), work))
    assert together == alone


@pytest.mark.parametrize("names", [SCORERS.names(), POLICIES.names()])
def test_every_name_has_a_version(names: list[str]) -> None:
    assert names
    assert all(name.rpartition(".v")[2].isdigit() for name in names)
