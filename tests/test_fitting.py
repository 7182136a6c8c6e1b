"""Narrowing down how much less a policy may spend so that the rendered text fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.context.base import Unit
from ctxprune.policies.base import TokenBudget
from ctxprune.pruning.budget_search import Fitting
from ctxprune.pruning.pruner import prune


def rounds(budget: int, rendered) -> list[int]:
    """What is tried, from nothing on."""
    fitting, by, tried = Fitting(budget), 0, []
    while by is not None and len(tried) < 64:
        tried.append(by)
        by = fitting.following(by, rendered(max(budget - by, 0)))
    return tried


@given(st.integers(0, 5000), st.floats(1, 20), st.integers(0, 200))
def test_it_ends_within_the_budget_wherever_that_can_be(budget: int, factor: float, more: int) -> None:
    def rendered(spent: int) -> int:
        return round(spent * factor) + (more if spent else 0)

    tried = rounds(budget, rendered)
    fitting = [by for by in tried if rendered(max(budget - by, 0)) <= budget]
    assert fitting
    assert len(tried) < 40


def test_a_text_of_twice_the_tokens_fills_its_budget_in_a_few_rounds() -> None:
    tried = rounds(1000, lambda spent: 2 * spent + 30)
    best = min(by for by in tried if 2 * (1000 - by) + 30 <= 1000)
    assert 2 * (1000 - best) + 30 >= 970
    assert len(tried) <= 4


class Tagged:
    """Renders every unit between long tags."""

    units = tuple(Unit(f"word{number} word{number}") for number in range(60))

    def render(self, kept) -> str:
        return "\n".join(f"<section><p>{self.units[index].text}</p></section>" for index in sorted(kept))


@pytest.mark.parametrize("budget", [150, 400, 900])
def test_markup_is_counted_and_the_budget_filled(budget: int) -> None:
    result = prune("word7", Tagged(), scorer="lexical.v1", policy=TokenBudget(budget))
    assert 0.8 * budget <= result.tokens_after <= budget
    assert "word7" in result.output


def test_no_round_is_lost_on_what_no_tightening_changes() -> None:
    assert len(rounds(500, lambda spent: 25_000)) <= 3
    assert len(rounds(7500, lambda spent: 25_000)) <= 10


def test_large_units_do_not_take_a_round_for_each_token() -> None:
    """A unit of 1000 tokens takes no part less than the whole; what is over is a few tokens."""
    tried = rounds(10_000, lambda spent: spent // 1000 * 1000 + 4)
    assert tried[-1] is not None
    assert len(tried) < 15
