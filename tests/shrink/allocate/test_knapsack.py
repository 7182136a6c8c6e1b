"""Against every choice that there is, and never over the budget."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from itertools import product  # noqa: E402

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.knapsack import Knapsack  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402

SCORE = st.floats(0, 10, allow_nan=False).map(lambda value: round(value, 3))
SHARE = st.integers(0, 1000).map(lambda number: number / 1000)
SUBJECT = models.encoder()


def case(heads, neurons, remove, costs=(5.0, 2.0)):
    scores = {("head", 0): torch.tensor(heads), ("neuron", 0): torch.tensor(neurons)}
    prices = {
        key: torch.full((len(score),), cost, dtype=torch.float64)
        for (key, score), cost in zip(scores.items(), costs, strict=True)
    }
    return scores, Budget((), prices, remove)


def value(scores, kept) -> float:
    return float(sum(score.double()[kept[key]].sum() for key, score in scores.items()))


@settings(max_examples=60, deadline=None)
@given(st.lists(SCORE, min_size=1, max_size=4), st.lists(SCORE, min_size=1, max_size=5), SHARE)
def test_no_choice_within_the_budget_keeps_more(heads, neurons, share):
    scores, budget = case(heads, neurons, 0.0)
    budget = Budget((), budget.costs, share * budget.total)
    best = -1.0
    for bits in product([False, True], repeat=len(heads) + len(neurons)):
        kept = {("head", 0): torch.tensor(bits[: len(heads)]), ("neuron", 0): torch.tensor(bits[len(heads) :])}
        if budget.gone(kept) >= budget.remove * (1 - 1e-9):
            best = max(best, value(scores, kept))
    found = Knapsack(least=0)(SUBJECT, scores, budget)
    assert budget.gone(found) >= budget.remove * (1 - 1e-6)
    assert value(scores, found) == pytest.approx(best, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(SCORE, min_size=2, max_size=9), min_size=1, max_size=5),
    st.lists(st.sampled_from([1.0, 3.0, 7.5]), min_size=5, max_size=5),
    SHARE.map(lambda share: share / 2),
)
def test_the_budget_is_always_met_and_one_of_each_stays(groups, costs, share):
    scores = {("neuron", place): torch.tensor(group) for place, group in enumerate(groups)}
    prices = {
        key: torch.full((len(score),), costs[place], dtype=torch.float64)
        for place, (key, score) in enumerate(scores.items())
    }
    budget = Budget((), prices, share * float(sum(cost.sum() for cost in prices.values())))
    found = Knapsack(least=1)(SUBJECT, scores, budget)
    assert budget.gone(found) >= budget.remove * (1 - 1e-6)
    assert all(int(mask.sum()) >= 1 for mask in found.values())


def test_a_dear_head_goes_before_many_neurons_and_stays_before_few():
    scores, budget = case([3.0, 9.0], [1.0, 1.0, 1.0, 1.0], 4.0)
    assert Knapsack(least=0)(SUBJECT, scores, budget)["neuron", 0].tolist() == [True, True, False, False]
    scores, budget = case([1.0, 9.0], [1.0, 1.0, 1.0, 1.0], 4.0)
    found = Knapsack(least=0)(SUBJECT, scores, budget)
    assert found["head", 0].tolist() == [False, True]
    assert bool(found["neuron", 0].all())


def test_what_cannot_go_is_refused():
    scores, budget = case([1.0, 2.0], [1.0, 1.0], 13.0)
    with pytest.raises(UsageError, match="cannot go"):
        Knapsack(least=1)(SUBJECT, scores, budget)
