"""Chooses the group of equal results that most likely answers the question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..schema.schema import Schema
from ..select.base import SELECTORS, Selection, SelectionContext, Selector
from .model import TrustModel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..select.base import Executed

__all__ = ["TrustSelector"]


@SELECTORS.register("trust.v1")
@dataclass(frozen=True)
class TrustSelector(Selector):
    """Takes the group with the highest calibrated probability of being right.

    It weighs the account of the question, links, stored values, the candidates' scores and agreement, and what the
    results look like. Without a context (`select`) only what the texts and results say is known, so use it in a
    pipeline.

    Attributes:
        model: Judges the groups where the pipeline has not done so.
    """

    model: TrustModel = field(default_factory=TrustModel, repr=False)

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:
        """The choice without a schema; confidence is the probability that it is right."""
        return self.select_in(SelectionContext(question, Schema("", ())), executed)

    def select_in(self, context: SelectionContext, executed: Sequence[Executed]) -> Selection:
        """The choice; confidence is the probability that it is right.

        Raises:
            FormatError: The weights are damaged.
        """
        chances = context.chances or [one.as_chance for one in self.model.judge(context, executed)]
        if not chances:
            return Selection(None, 0.0, (), "no candidate could be run" if executed else "there is no candidate")
        best, ran = chances[0], sum(len(one.members) for one in chances)
        voted = f"{len(best.members)} of {ran} working candidates gave this result"
        groups = tuple((one.representative, *(i for i in one.members if i != one.representative)) for one in chances)
        reason = f"right with a probability of {best.chance:.2f}; {voted}"
        return Selection(best.representative, best.chance, groups, reason)
