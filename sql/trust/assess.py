"""From the choice among candidates to an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..database.equality import is_hollow
from ..linking.doubts import Doubt
from .outcome import ANSWERED, TENTATIVE, Assessment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..select.base import Executed, Selection, SelectionContext

__all__ = ["ANSWER_ABOVE", "assess"]

ANSWER_ABOVE = 0.8  # share of the vote from which an answer without doubts counts as answered


def assess(
    context: SelectionContext,
    executed: Sequence[Executed],
    selection: Selection,
    *,
    answer_above: float = ANSWER_ABOVE,
) -> Assessment:
    """The assessment of the chosen candidate, which has a result.

    Args:
        context: The question and what is known about it.
        executed: The candidates.
        selection: The choice among them; its index is not None.
        answer_above: 0..1, least confidence of an answer that is "answered".

    Raises:
        ValueError: Nothing was chosen.
    """
    if selection.index is None:
        raise ValueError("an assessment needs a chosen candidate")
    chosen = executed[selection.index]
    unused = tuple(doubt.text for doubt in context.doubts)
    doubts = [*context.doubts]
    if chosen.result is not None and is_hollow(chosen.result):
        doubts.append(Doubt("", (0, 0), "the query finds nothing"))
    other = selection.representatives(executed, 2)[1:]
    sure = selection.confidence >= answer_above and not doubts
    return Assessment(
        ANSWERED if sure else TENTATIVE,
        selection.confidence,
        unused=unused,
        doubts=tuple(doubts),
        other_sql=executed[other[0]].sql if other else "",
    )
