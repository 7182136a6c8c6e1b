"""The budget of a reply: what is counted, what is refused, and how it is filled."""

from __future__ import annotations

import pytest

from ctxprune.errors import BudgetError, UsageError
from ctxprune.integrations.mcp.budget import ReplyBudget
from ctxprune.integrations.sql_tools.budget import ContentBudget, RoomSearch, fill_budget


@pytest.mark.parametrize("kind", [ContentBudget, ReplyBudget])
def test_the_budget_itself(kind: type[ContentBudget]) -> None:
    with pytest.raises(UsageError):
        kind(599)
    replies = kind(600)
    with pytest.raises(BudgetError, match="of 600"):
        replies.require({"text": "word " * 1_000})
    with pytest.raises(BudgetError):
        replies.fill(3, lambda _: {"text": "word " * 1_000})


@pytest.mark.parametrize("most", [0, 1, 2, 3, 7, 8, 9, 100])
def test_filling_finds_the_largest_part(most: int) -> None:
    for limit in range(most + 3):
        asked = []

        def build(count: int, asked: list = asked) -> int:
            asked.append(count)
            return count

        assert fill_budget(most, build, lambda count, limit=limit: count <= limit) == (min(most, limit),) * 2
        assert max(asked) <= max(2 * limit + 1, 1)


def test_a_reply_that_carries_its_content_twice_has_half_the_room() -> None:
    content = {"text": "word " * 100}
    assert ReplyBudget(600).count(content) == 2 * ContentBudget(600).count(content)
    assert ReplyBudget(600).left(content) < ContentBudget(600).left(content) // 2
    with pytest.raises(BudgetError, match="--budget"):
        ReplyBudget(600).require({"text": "word " * 1_000})
    with pytest.raises(BudgetError, match="raise the tool's budget"):
        ContentBudget(600).require({"text": "word " * 1_000})


@pytest.mark.parametrize("text", ["word " * 1_000, "🦀🧨" * 1_000, "漢字" * 1_000, "\ud800" * 1_000, ""])
def test_an_error_keeps_to_the_budget(text: str) -> None:
    cut = ContentBudget(600).cut_error(text)
    assert len(cut) <= 801
    assert ContentBudget(600).count_text(cut) <= 600
    assert cut.encode() or not text


def test_a_search_for_room_ends_and_shrinks() -> None:
    budget = ContentBudget(600)
    search = RoomSearch(budget, {"text": ""})
    rooms = []
    for room in search:
        rooms.append(room)
        assert not search.accepts({"text": '"\n' * 2_000})
    assert rooms == sorted(set(rooms), reverse=True)
    assert 600 > rooms[0] > rooms[-1] > 0
    assert 1 < len(rooms) <= 6
    assert search.accepts({"text": "x"})
