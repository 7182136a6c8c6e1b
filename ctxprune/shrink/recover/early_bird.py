"""Early-bird tickets: training goes on only until the choice of what is kept no longer changes."""

from dataclasses import dataclass, field
from typing import Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.recipes.recipe import build_piece, piece_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.recover.tune import Tune
from ctxprune.shrink.registries import ALLOCATORS, SCORES
from ctxprune.shrink.types import Allocator, Mapping, Score, Subject, Tensor
from ctxprune.utils.validation import check_range, check_whole, checked_field


@dataclass(frozen=True)
class EarlyBird(Training):
    """Trains epoch by epoch, chooses after each, and stops where the choices of the last epochs are nearly the same.

    You and others, Drawing Early-Bird Tickets: Toward More Efficient Training of Deep Networks, ICLR 2020, for the
    spline criterion in You, Balestriero and others, TMLR 2022. The distance of two choices is the share of units (or
    weights) that only one of them keeps. An epoch is each calibration batch once. For `prepare`, with the stage's own
    score and allocator.

    Attributes:
        score, allocate: Pieces with their parameters, as in a recipe.
        steps: Most steps of the optimiser, over all epochs.
        rate: Peak learning rate, of each epoch.
        window: Distances between following epochs that have to be small.
        threshold: Under which a distance is small, above 0 and up to 1.
    """

    score: Mapping[str, Any] = field(default_factory=lambda: {"piece": "spline.v1"})
    allocate: Mapping[str, Any] = field(default_factory=lambda: {"piece": "uniform.v1"})
    steps: int = checked_field(500, check_whole)
    window: int = checked_field(5, check_whole)
    threshold: float = checked_field(0.1, check_range, open_low=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not {"piece"} <= self.score.keys() & self.allocate.keys():
            raise UsageError("score and allocate name a piece each", where="early_bird.v1")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, trained in place; steps and distances are noted as "early_bird"."""
        epoch, steps = len(subject.needed_calibration()), 0
        distances: list[float] = []
        before = self._choice(subject)
        while steps < self.steps and (len(distances) < self.window or max(distances[-self.window :]) >= self.threshold):
            now = min(epoch, self.steps - steps)
            Tune(now, self.rate, self.towards)(subject)
            steps += now
            after = self._choice(subject)
            distances.append(float((before != after).double().mean()))
            before = after
        subject.notes["early_bird"] = {"steps": steps, "distances": distances}
        return subject

    def _choice(self, subject: Subject) -> Tensor:
        """What would be kept now, over all units: bool (units,)."""
        budget = subject.needed_budget()
        score: Score = build_piece(SCORES, piece_of(self.score))
        allocate: Allocator = build_piece(ALLOCATORS, piece_of(self.allocate))
        kept = allocate(subject, score(subject, budget.groups or matrices(subject.model)), budget)
        return torch.cat([mask.flatten() for _, mask in sorted(kept.items())])
