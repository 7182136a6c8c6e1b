"""Tokens of units and of what they render to, and what a context says of those that are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.policies.selection import Selection
    from ctxprune.tokens import TokenCounter

__all__ = ["count_rendered", "count_units", "omission_note"]


def count_units(counter: TokenCounter, context: Context[Any]) -> NDArray[np.int64]:
    """Tokens of what each unit adds to the rendered context, int64 (n_units,)."""
    return np.asarray(counter.count_many(context.cost_texts()), dtype=np.int64)


def count_rendered(
    counter: TokenCounter, context: Context[Any], output: object, kept: Sequence[int], tokens: NDArray[np.int64]
) -> int:
    """Tokens of what the units `kept` rendered to: of `output` where that is text, else of what the context's `to_text`
    gives for it, else the sum of the units' own `tokens`, (n_units,)."""
    # An empty list is no text yet: a list of rows that lost all of them is still counted as a table.
    if not isinstance(output, str) and not (_is_texts(output) and output):
        text = context.to_text(kept)
        output = output if text is None else text
    if isinstance(output, str):
        return counter.count(output)
    return sum(counter.count_many(output)) if _is_texts(output) else int(tokens[list(kept)].sum())


def omission_note(context: Context[Any], selection: Selection) -> str:
    """What the context says about what a selection leaves out; "" where it says nothing."""
    return context.omission_note([int(index) for index in np.flatnonzero(selection.kept)])


def _is_texts(output: object) -> TypeGuard[Sequence[str]]:
    return isinstance(output, (list, tuple)) and all(isinstance(item, str) for item in output)
