"""The step that recalls entries of the team's knowledge."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...linking.doubts import without_told
from .base import Step

if TYPE_CHECKING:
    from ...knowledge.recall import BoundKnowledge
    from . import State
    from .context import RetrieveValues

__all__ = ["RecallKnowledge"]


@dataclass(frozen=True)
class RecallKnowledge(Step):
    """Selects the entries that the question needs.

    Attributes:
        knowledge: The entries that may be used with the caller's schema.
        values: Where the numbers and days of recalled terms are looked up; None leaves the state's ranges as they are.
    """

    knowledge: BoundKnowledge
    values: RetrieveValues | None = None
    name: str = "knowledge"

    def run(self, state: State) -> State:
        """Adds `known`, and before the hits of the state the values that its terms stand for; drops doubts about words
        that known terms and notes speak of.
        """
        known = self.knowledge.recall(state.question, state.hits)
        # A term says which value is meant; the same hit found by its letters would stand twice.
        stood_for = {(hit.ref, hit.value) for hit in known.hits}
        others = (hit for hit in state.hits if (hit.ref, hit.value) not in stood_for)
        doubts = without_told(state.doubts, " ".join(known.hints))
        recalled = replace(state, known=known, hits=(*known.hits, *others), doubts=doubts)
        if self.values is None or not known.hints:
            return recalled
        # "over 1000000" in the meaning of a term is a condition, as it would be in the evidence of the question.
        return replace(recalled, ranges=self.values.find_ranges(recalled))
