"""Judging the executed candidates, choosing one of them, and assessing the choice."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.utils.validation import check_range

from ...select.base import as_selector
from ...trust.assess import Bars, assess
from ...trust.model import TrustModel, load_weights
from ...trust.outcome import UNANSWERED
from .base import Refusal, Step

if TYPE_CHECKING:
    from ...select.base import Selector
    from .base import State

__all__ = ["AssessAnswer", "JudgeCandidates", "SelectAnswer"]

# Confidence below which a question is refused where all that is left out are words that mean nothing in the schema. It
# is what the confidence says of itself (fewer than one in ten such answers are right), set by hand: no recorded run
# chose it. A trial with 0.15 saw too few such questions to tell, and withheld right answers of other sets.
_REFUSE_UNKNOWN = 0.1


@dataclass(frozen=True)
class JudgeCandidates(Step):
    """Estimates for every group of equal results how likely it answers the question.

    Attributes:
        model: Estimates it.
    """

    model: TrustModel = field(default_factory=TrustModel)
    name: str = "trust"

    def run(self, state: State) -> State:
        """Adds `judged`."""
        return replace(state, judged=self.model.judge(state.selection_context, state.executed))


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
    """Decides on the outcome of the chosen candidate, and collects what is to be doubted.

    Attributes:
        answer_above: 0..1, least confidence of an answer that is "answered"; None for the bar of the trust model.
        refuse_below: 0..1, confidence below which nothing is answered; None for the bar of the trust model.
        model: Judges the candidates where no step before has done so.

    Raises:
        UsageError: A number is out of its range.
    """

    answer_above: float | None = None
    refuse_below: float | None = None
    model: TrustModel = field(default_factory=TrustModel)
    name: str = "assess"

    def __post_init__(self) -> None:
        check_range("answer_above", self.answer_above, optional=True)
        check_range("refuse_below", self.refuse_below, optional=True)

    def run(self, state: State) -> State:
        """Adds `assessment`; an unanswered question is refused."""
        if state.selection is None or state.selection.index is None:
            return state
        judged = state.judged or self.model.judge(state.selection_context, state.executed)
        found = assess(state.selection_context, state.executed, state.selection.index, judged, self._bars())
        refusal = Refusal("unanswerable", found.reason) if found.outcome == UNANSWERED else None
        return replace(state, judged=judged, assessment=found, refusal=refusal)

    def _bars(self) -> Bars:
        weights = self.model.weights or load_weights()
        above = weights.answer_above if self.answer_above is None else self.answer_above
        below = weights.refuse_below if self.refuse_below is None else self.refuse_below
        unknown = _REFUSE_UNKNOWN if self.refuse_below is None else below
        # A caller who takes any answer is not refused one.
        return Bars(above, min(below, above), min(unknown, above))
