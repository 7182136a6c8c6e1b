"""Scores of the task mixed with those of a related, larger one.

Xu and others, Transfer Learning for Structured Pruning under Limited Task Data, 2023: with little data of the task,
masks that are found on both tasks generalise better than masks of the task alone.
"""

from dataclasses import dataclass, replace
from typing import Any

import torch

from ctxprune.shrink.registries import SCORES
from ctxprune.shrink.types import Score, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class Mixed(Checked):
    """Any score on the calibration data and on `Subject.related`, each group's brought to mean 1, and averaged.

    Attributes:
        score: The score's name; it is taken with its defaults.
        share: Of the task's own score, 0..1; the rest is the related task's.
    """

    score: str = "fluctuation.v1"
    share: float = checked_field(0.5, check_range)

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """As the score itself; alone where the subject has no related data, which is noted as `related`."""
        score: Score = SCORES.get(self.score)()
        own = score(subject, groups)
        subject.notes["related"] = sum(len(batch["input_ids"]) for batch in subject.related)
        if not subject.related:
            return {key: _normalise(value) for key, value in own.items()}
        other = score(replace(subject, calibration=subject.related), groups)
        return {key: self.share * _normalise(own[key]) + (1 - self.share) * _normalise(other[key]) for key in own}


def _normalise(values: Tensor) -> Tensor:
    values = values.double()
    mean = values.abs().mean()
    return values / mean if float(mean) else torch.zeros_like(values)
