"""The search for the most room whose rendering fits a budget."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.context import Unit
from ctxprune.errors import BudgetError
from ctxprune.policies import TokenBudget
from ctxprune.pruning.budget_search import Attempt, BudgetSearch, SharedBudgetSearch
from ctxprune.pruning.pruner import prune


def rooms(budget: int, rendered) -> list[int]:
    """What is tried, from the whole budget on."""
    search, room, tried = BudgetSearch(budget), budget, []
    while room is not None and len(tried) < 64:
        tried.append(room)
        room = search.next_room(room, Attempt(None, rendered(max(room, 0))))
    return tried


@given(st.integers(0, 5000), st.floats(1, 20), st.integers(0, 200))
def test_it_ends_within_the_budget_wherever_that_can_be(budget: int, factor: float, more: int) -> None:
    def rendered(spent: int) -> int:
        return round(spent * factor) + (more if spent else 0)

    tried = rooms(budget, rendered)
    fitting = [room for room in tried if rendered(max(room, 0)) <= budget]
    assert fitting
    assert len(tried) < 40
    found = BudgetSearch(budget).find(budget, lambda room: Attempt(room, rendered(max(room, 0))))
    assert found == fitting[-1] == max(fitting)


def test_a_text_of_twice_the_tokens_fills_its_budget_in_a_few_rooms() -> None:
    tried = rooms(1000, lambda spent: 2 * spent + 30)
    best = max(room for room in tried if 2 * room + 30 <= 1000)
    assert 2 * best + 30 >= 970
    assert len(tried) <= 4


def test_a_search_in_which_nothing_fits_is_an_error() -> None:
    with pytest.raises(BudgetError, match="a page renders to 9 tokens, over the budget of 5"):
        BudgetSearch(5).find(5, lambda room: Attempt(room, 9), what="a page")


def test_units_that_take_less_in_the_text_get_more_room() -> None:
    found = BudgetSearch(100, loosens=True).find(100, lambda room: Attempt(room, room // 2))
    assert 190 <= found <= 201
    assert BudgetSearch(100).find(100, lambda room: Attempt(room, room // 2)) == 100


def test_several_contexts_end_with_the_first_rendering_that_fits() -> None:
    tried: list[int] = []

    def attempt(room: int) -> Attempt[int]:
        tried.append(room)
        return Attempt(room, 2 * room + 10, spent=room)

    assert SharedBudgetSearch(100, least=5).find(100, attempt) == tried[-1]
    assert [2 * room + 10 <= 100 for room in tried] == [False] * (len(tried) - 1) + [True]
    with pytest.raises(BudgetError, match="over the budget of 100"):
        SharedBudgetSearch(100, least=60).find(100, attempt)
    assert tried[-1] == 60  # never below what is pinned


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


def test_no_round_is_lost_on_what_no_room_changes() -> None:
    assert len(rooms(500, lambda spent: 25_000)) <= 3
    assert len(rooms(7500, lambda spent: 25_000)) <= 10


def test_large_units_do_not_take_a_round_for_each_token() -> None:
    """A unit of 1000 tokens takes no part less than the whole; what is over is a few tokens."""
    tried = rooms(10_000, lambda spent: spent // 1000 * 1000 + 4)
    assert tried[-1] is not None
    assert len(tried) < 15
