"""Choosing one of the executed candidates, and assessing the choice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ctxprune.utils.validation import check_range

from ...select.base import as_selector
from ...trust.assess import ANSWER_ABOVE, assess
from ...trust.outcome import UNANSWERED
from .base import Refusal, Step

if TYPE_CHECKING:
    from ...select.base import Selector
    from .base import State

__all__ = ["AssessAnswer", "SelectAnswer"]


@dataclass(frozen=True)
class SelectAnswer(Step):
    """Chooses one of the executed candidates; the reason says where it is not what a generator wrote."""

    selector: Selector
    name: str = "select"

    def __post_init__(self) -> None:
        object.__setattr__(self, "selector", as_selector(self.selector))

    def run(self, state: State) -> State:
        """Adds `selection`, or refuses when nothing could be run."""
        selection = self.selector.select_in(state.selection_context, state.executed)
        if selection.index is not None:
            repairs = state.executed[selection.index].repairs
            if repairs:
                reason = f"{selection.reason}; repaired, since as it was written it failed or gave nothing"
                selection = replace(selection, reason=reason)
            return replace(state, selection=selection)
        # An error without SQL is the generator's, which the trace has; here the database's is told.
        errors = [item.error for item in state.executed if item.error and item.candidate.sql]
        reason = "I found no query for this question that this database can run"
        detail = f" ({errors[0]})." if errors else "."
        return replace(state, selection=selection, refusal=Refusal("failed", reason + detail))


@dataclass(frozen=True)
class AssessAnswer(Step):
    """Estimates how likely the chosen candidate is right, and decides on the outcome.

    Attributes:
        answer_above: 0..1, least confidence of an answer that is "answered".

    Raises:
        UsageError: `answer_above` is out of its range.
    """

    answer_above: float = ANSWER_ABOVE
    name: str = "assess"

    def __post_init__(self) -> None:
        check_range("answer_above", self.answer_above)

    def run(self, state: State) -> State:
        """Adds `assessment`; an unanswered question is refused."""
        if state.selection is None or state.selection.index is None:
            return state
        found = assess(state.selection_context, state.executed, state.selection, answer_above=self.answer_above)
        refusal = Refusal("unanswerable", found.reason) if found.outcome == UNANSWERED else None
        return replace(state, assessment=found, refusal=refusal)
