"""The run of layers without which the loss before any training is least: at the top, or anywhere.

Thennal D K and others, Large Language Models Are Overparameterized Text Encoders (2024): the initial loss of the
model cut after each layer has one low in the upper half (the large variant) and one in the lower half (the small
variant). Sreenivas and others, LLM Pruning and Distillation in Practice: The Minitron Approach (2024): of all runs of
layers the one without which the model does best.
"""

from dataclasses import dataclass

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.best_run import run_lengths
from ctxprune.shrink.measure.depth import depth_group
from ctxprune.shrink.measure.removal import losses_without
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class LossCut(Checked):
    """Keeps the first units, as many as give the least loss among the cuts that meet the budget.

    Attributes:
        variant: "run" compares all runs that are just long enough, wherever they begin. Of cuts "large" looks in the
            upper half, "small" in the lower half, "any" everywhere. Where the half has no cut that meets the budget,
            the cut that just meets it is taken.
    """

    variant: str = checked_field("large", check_choice, ("any", "large", "run", "small"))

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:  # noqa: ARG002
        """bool (count,) by group; losses go to the subject's notes as "cuts" (first unit that goes, loss).

        Raises:
            UsageError: No cut that leaves a unit meets the budget.
        """
        group = depth_group(budget.groups)
        runs = run_lengths(budget, group.key)
        last = max((start for start, _ in runs), default=-1)
        if last < (self.variant != "run"):
            raise UsageError("no cut is deep enough", where=group.kind, hint="raise the target")
        half = group.count // 2
        wanted = {"large": range(half + 1, last + 1), "small": range(1, min(half, last) + 1), "any": range(1, last + 1)}
        if self.variant != "run":
            runs = [(cut, group.count) for cut in list(wanted[self.variant]) or [last]]
        places = torch.arange(group.count)
        masks = [(places < start) | (places >= end) for start, end in runs]
        losses = losses_without(subject, [{group.key: mask.float()} for mask in masks]).tolist()
        subject.notes["cuts"] = [(start, loss) for (start, _), loss in zip(runs, losses, strict=True)]
        return {group.key: masks[losses.index(min(losses))]}
