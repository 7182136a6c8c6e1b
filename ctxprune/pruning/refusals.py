"""What an error says where a budget holds no unit at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ctxprune.context.grid import column_units
from ctxprune.errors import BudgetError
from ctxprune.pruning.counting import count_rendered

if TYPE_CHECKING:
    from ctxprune.context.closure import Closure
    from ctxprune.policies.selection import Request
    from ctxprune.tokens import TokenCounter

__all__ = ["NO_ROOM_HINT", "refuse_room"]

NO_ROOM_HINT = 'raise the limit, or let on_empty be "drop" to get nothing'
"""Ends the hint where nothing fits; callers that have no `on_empty` put another end in its place."""

_SEARCHED = 100  # units among which the one is sought that needs the least


def refuse_room(request: Request, closure: Closure, budget: int | None, counter: TokenCounter) -> BudgetError:
    """The error for a budget that holds no unit: it names the budgets for the best unit and for the smallest one."""
    context, least = request.context, ""
    if budget is None:
        return BudgetError("no unit fits into what the policy leaves room for", hint=NO_ROOM_HINT)
    if not column_units(context.grids):  # a row costs nothing by itself

        def price(needed: list[int]) -> tuple[int, int]:
            tokens = int(request.tokens[needed].sum())
            return tokens, max(count_rendered(counter, context, context.render(needed), needed, request.tokens), tokens)

        frame = counter.count(context.frame)
        beside = f" beside the {frame} that are always there" if frame else ""
        (tokens, holds), (_, best) = price(_find_smallest(request, closure)), price(_find_best(request, closure))
        # The smallest unit is mostly not the one that answers: a caller wants to know what that one takes.
        more = f", one of {best} holds the best unit" if best > holds else ""
        least = f"the smallest takes {tokens} with all it needs{beside}; a budget of {holds} holds it{more}; "
    return BudgetError(f"no unit fits into the {budget} tokens", hint=least + NO_ROOM_HINT)


def _find_smallest(request: Request, closure: Closure) -> list[int]:
    """The unit that takes the fewest tokens with all that it needs and what is pinned, and these, rising."""
    # A header or a fence alone is never kept.
    passed = {*closure.pinned, *request.context.enclosing}
    by_size = [index for index in np.argsort(request.tokens, kind="stable").tolist() if index not in passed]
    # What a unit needs is mostly small beside the differences between units: the first hundred are enough.
    needs: list[list[int]] = [closure.needed(index).tolist() for index in by_size[:_SEARCHED]]
    return min(needs, key=lambda needed: int(request.tokens[needed].sum()), default=list(closure.pinned))


def _find_best(request: Request, closure: Closure) -> list[int]:
    """The unit of the highest score that is not pinned, with all that it needs and what is pinned, rising."""
    scores = request.scores.copy()
    scores[list(closure.pinned)] = -np.inf
    return [int(place) for place in closure.needed(int(np.argmax(scores)))]
