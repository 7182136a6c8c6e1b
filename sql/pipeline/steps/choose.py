"""Choosing one of the executed candidates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...select.base import as_selector
from .base import Refusal, Step

if TYPE_CHECKING:
    from ...select.base import Selector
    from .base import State

__all__ = ["SelectAnswer"]


@dataclass(frozen=True)
class SelectAnswer(Step):
    """Chooses one of the executed candidates; the reason says where it is not what a generator wrote."""

    selector: Selector
    name: str = "select"

    def __post_init__(self) -> None:
        object.__setattr__(self, "selector", as_selector(self.selector))

    def run(self, state: State) -> State:
        """Adds `selection`, or refuses when nothing could be run."""
        selection = self.selector.select(state.question, state.executed)
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
