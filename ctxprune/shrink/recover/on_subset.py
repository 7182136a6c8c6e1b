"""Recovery on a subset of the data that a selector chooses, once or again every few steps.

Attendu and Corbeil, NLU on Data Diets: Dynamic Data Subset Selection for NLP Classification Tasks, 2023: train on
everything first, then score all rows again every few steps and train on the share of the highest scores. Liang and
Larson, WFPP, 2024: everything comes last instead.

Ayed and Hayou, Data Pruning and Neural Scaling Laws: Fundamental Limitations of Score-Based Algorithms, 2023: where
30 % or less is kept, chosen rows do worse than random ones, since they are not distributed as the data are; a part of
the share that is drawn at random from all other rows mends that. Differs: all rows weigh the same in the loss.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.recipes.recipe import build_piece, piece_of
from ctxprune.shrink.recover.base import check_inner, run_inner
from ctxprune.shrink.registries import SELECTORS
from ctxprune.shrink.select.base import best_share, group_numbers, rebatch
from ctxprune.shrink.types import Mapping, Selector, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_range, check_whole, checked_field


@dataclass(frozen=True)
class OnSubset(Checked):
    """Another recovery, on rows that a selector chooses.

    Attributes:
        recover: The recovery: a piece with its parameters, as in a recipe; its `steps` are set by this one.
        select: The selector, in the same way.
        steps: Of the optimiser, all rounds together.
        share: Of the rows that are trained on, above 0 and up to 1.
        rounds: How often rows are chosen, by the model as it is then; the steps are divided among the rounds.
        whole: Which round is on all rows: "first", "last" or "none".
        explore: Part of the share that is drawn at random from the rows that the selector left, from 0 to under 1.
    """

    recover: Mapping[str, Any] = field(default_factory=lambda: {"piece": "tune.v1"})
    select: Mapping[str, Any] = field(default_factory=lambda: {"piece": "random.v1"})
    steps: int = checked_field(100, check_whole)
    share: float = checked_field(0.5, check_range, open_low=True)
    rounds: int = checked_field(1, check_whole)
    whole: str = checked_field("none", check_choice, ("first", "last", "none"))
    explore: float = checked_field(0.0, check_range, open_high=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.whole != "none" and self.rounds == 1:
            raise UsageError(f"whole is {self.whole!r}", hint="give 2 rounds or more")
        check_inner(self.recover, divided=self.rounds > 1)
        check_inner(self.select, divided=False)

    def __call__(self, subject: Subject) -> Subject:
        """The subject as the recovery leaves it, with all of its data; rows of each round are noted as "subset"."""
        everything, rounds = subject.calibration, min(self.rounds, self.steps)
        whole, sizes = {"first": 0, "last": rounds - 1}.get(self.whole), []
        for number in range(rounds):
            steps = self.steps // rounds + (number < self.steps % rounds)
            subject = replace(subject, calibration=everything)
            batches = everything if number == whole else rebatch(everything, self._choose(subject))
            sizes.append(sum(len(batch["input_ids"]) for batch in batches))
            subject = run_inner(self.recover, replace(subject, calibration=batches), steps)
        subject.notes["subset"] = sizes
        return replace(subject, calibration=everything)

    def _choose(self, subject: Subject) -> Tensor:
        selector: Selector = build_piece(SELECTORS, piece_of(self.select))
        kept = selector(subject, self.share * (1 - self.explore))
        if not self.explore:
            return kept
        groups = group_numbers(subject)
        drawn = torch.rand(int(groups.max()) + 1, generator=subject.generator(8))[groups]
        return best_share(subject, drawn.masked_fill(kept, 2.0), self.share)  # those that are chosen stay chosen
