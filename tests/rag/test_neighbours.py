"""Neighbours: they come along with a chosen unit, within the budget and the document."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ctxprune import Adaptive, LargestGap, Threshold, TokenBudget, TopK, Unit, prune
from ctxprune.errors import BudgetError, UsageError
from ctxprune.policies import Request
from ctxprune.rag import Distinct, Neighbours, Passage, Passages

TEXT = "Zero is here. One is here. The tower is two. Three is here. Four is here. The tower tower is five."


class Row:
    def __init__(self, size: int, sources=None, pinned=()) -> None:
        self.units = tuple(Unit(f"u{i}", pinned=i in pinned) for i in range(size))
        if sources is not None:
            self.sources = sources

    def render(self, kept):
        return tuple(sorted(kept))


def kept(policy, scores, row, tokens=None) -> list[int]:
    tokens = np.ones(len(row.units), dtype=np.int64) if tokens is None else np.asarray(tokens)
    return np.flatnonzero(policy.select(Request("q", row, np.asarray(scores, dtype=np.float32), tokens)).kept).tolist()


def test_each_chosen_unit_brings_its_neighbours() -> None:
    row = Row(7)
    scores = [0, 0, 0, 1, 0, 0, 0]
    assert kept(Neighbours(Threshold(0.5)), scores, row) == [2, 3, 4]
    assert kept(Neighbours(Threshold(0.5), 2), scores, row) == [1, 2, 3, 4, 5]
    assert kept(Neighbours(LargestGap(), 9), scores, row) == list(range(7))
    assert kept(Neighbours(Adaptive()), [1, 0, 0, 0, 0, 0, 0], row) == [0, 1]


def test_neighbours_are_of_the_same_document() -> None:
    assert kept(Neighbours(Threshold(0.5)), [0, 1, 0, 0], Row(4, (0, 0, 1, 1))) == [0, 1]


def test_a_budget_pays_for_neighbours_before_the_next_best_unit() -> None:
    row = Row(6)
    scores = [0, 0.9, 0, 0, 0.8, 0]
    assert kept(Neighbours(TokenBudget(4)), scores, row) == [0, 1, 2, 4]
    assert kept(Neighbours(TopK(3)), scores, row) == [0, 1, 2]
    assert kept(Neighbours(TokenBudget(4)), scores, row, [9, 1, 1, 1, 1, 1]) == [1, 2, 3, 4]


def test_reasons_name_and_rendering() -> None:
    result = prune("tower", Passage(TEXT), policy=Neighbours(TopK(3)))
    assert result.output == "Four is here. The tower tower is five." or "The tower" in result.output
    assert [unit.reason for unit in result.kept].count("neighbour") >= 1
    assert result.policy == "top_k.v1 + neighbours"
    nothing = prune("zebra", Passage(TEXT), policy=Neighbours(Threshold(0.5)))
    assert [unit.reason for unit in nothing.kept] == ["fallback", "neighbour"]


def test_any_policy_without_a_budget_can_be_wrapped() -> None:
    class Second:
        def select(self, request):
            return Threshold(0.5).select(request)

    assert kept(Neighbours(Second()), [0, 0, 1, 0], Row(4)) == [1, 2, 3]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=12), st.integers(0, 12), st.integers(1, 3), st.data())
def test_the_budget_holds(scores, budget: int, k: int, data) -> None:
    pinned = data.draw(st.sets(st.integers(0, len(scores) - 1), max_size=2))
    row = Row(len(scores), pinned=pinned)
    tokens = data.draw(st.lists(st.integers(0, 4), min_size=len(scores), max_size=len(scores)))
    try:
        plain = kept(TokenBudget(budget), scores, row, tokens)
    except BudgetError:
        with pytest.raises(BudgetError):
            kept(Neighbours(TokenBudget(budget), k), scores, row, tokens)
        return
    found = kept(Neighbours(TokenBudget(budget), k), scores, row, tokens)
    assert sum(tokens[i] for i in found) <= budget
    assert pinned <= set(found)
    assert bool(found) == bool(plain)


def test_separators_between_neighbours_are_paid_for() -> None:
    result = prune("tower", Passages([TEXT, TEXT]), policy=Neighbours(TokenBudget(24)))
    assert result.tokens_after <= 24
    assert result.policy == "token_budget.v1 + neighbours"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Neighbours(TopK(1), 0), "k is 0"),
        (lambda: Neighbours(TopK(1), True), "k is True"),
        (lambda: Neighbours("top_k"), "policy is 'top_k'"),
        (lambda: Neighbours(TopK), "policy is"),
        (lambda: Neighbours(Distinct(TokenBudget(3))), "wrap the neighbours instead"),
    ],
)
def test_arguments_are_checked(make, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
