"""Recovery on a subset of the data that a selector chooses, once or again every few steps.

Attendu and Corbeil, NLU on Data Diets: Dynamic Data Subset Selection for NLP Classification Tasks, 2023: train on
everything first, then score all rows again every few steps and train on the share of the highest scores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.shrink.recipes.recipe import build_piece, piece_of
from ctxprune.shrink.registries import RECOVERIES, SELECTORS
from ctxprune.shrink.select.base import check_share, rebatch

if TYPE_CHECKING:
    from ctxprune.shrink.model.subject import Subject

__all__ = ["OnSubset"]


@dataclass(frozen=True)
class OnSubset:
    """Another recovery, on rows that a selector chooses.

    Attributes:
        recover: The recovery: a piece with its parameters, as in a recipe; its `steps` are set by this one.
        select: The selector, in the same way.
        steps: Of the optimiser, all rounds together.
        share: Of the rows that are trained on, above 0 and up to 1.
        rounds: How often rows are chosen, by the model as it is then; the steps are divided among the rounds.
        whole: Whether the first round is on all rows.
    """

    recover: Mapping[str, Any] = field(default_factory=lambda: {"piece": "tune.v1"})
    select: Mapping[str, Any] = field(default_factory=lambda: {"piece": "random.v1"})
    steps: int = 100
    share: float = 0.5
    rounds: int = 1
    whole: bool = False

    def __post_init__(self) -> None:
        check_share(self.share)
        if self.rounds < 1 or self.steps < 1:
            raise UsageError(f"rounds is {self.rounds} and steps {self.steps}", hint="give 1 or more of each")
        if self.whole and self.rounds == 1:
            raise UsageError("one round on all rows chooses nothing", hint="give 2 rounds or more")
        for entry in (self.recover, self.select):
            if "piece" not in entry:
                raise UsageError(f"{dict(entry)} names no piece", where="on_subset.v1")

    def __call__(self, subject: Subject) -> Subject:
        """The subject as the recovery leaves it, with all of its data; rows of each round are noted as "subset"."""
        everything = subject.calibration
        sizes = []
        for number in range(min(self.rounds, self.steps)):
            steps = self.steps // self.rounds + (number < self.steps % self.rounds)
            batches = everything
            if not (self.whole and number == 0):
                kept = build_piece(SELECTORS, piece_of(self.select))(
                    replace(subject, calibration=everything), self.share
                )
                batches = rebatch(everything, kept)
            sizes.append(sum(len(batch["input_ids"]) for batch in batches))
            piece = piece_of(dict(self.recover) | {"steps": max(steps, 1)})
            subject = build_piece(RECOVERIES, piece)(replace(subject, calibration=batches))
        subject.notes["subset"] = sizes
        return replace(subject, calibration=everything)
