"""Telling a caller who sees a part of the database that what the question means may be withheld."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ...trust.outcome import ANSWERED, TENTATIVE
from .base import Step

if TYPE_CHECKING:
    from .base import State
    from .context import RetrieveValues

__all__ = ["NoteWithheld"]


@dataclass(frozen=True)
class NoteWithheld(Step):
    """Makes an answer tentative whose question has words that are no names which the caller may see.

    The assessment takes such a word for explained where the query has a column that resembles it. For a caller from
    whom nothing is withheld that is the best reading; here a hidden column may be meant. Hidden columns have no part in
    it, so that a caller cannot find out their names by guessing.

    Attributes:
        retrieve: Knows the words of what the caller may see.
    """

    retrieve: RetrieveValues
    name: str = "withheld"

    def run(self, state: State) -> State:
        """Adds doubts to `assessment`."""
        found = state.assessment
        if found is None:
            return state
        added = tuple(doubt for doubt in self.retrieve.find_resemblances(state) if doubt not in found.doubts)
        if not added:
            return state
        outcome = TENTATIVE if found.outcome == ANSWERED else found.outcome
        return replace(state, assessment=replace(found, outcome=outcome, doubts=(*added, *found.doubts)))
