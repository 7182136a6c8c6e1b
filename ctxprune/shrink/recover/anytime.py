"""Anytime progressive pruning: more goes with each new lot of data."""

from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.recover.tune import Tune
from ctxprune.shrink.score.magnitude import Magnitude
from ctxprune.shrink.types import Budget, Subject
from ctxprune.utils.validation import check_whole, checked_field


@dataclass(frozen=True)
class Anytime(Training):
    """The data come in lots; at each the lowest weights go, the share growing evenly, and the rest is tuned on the lot.

    Misra and others, APP: Anytime Progressive Pruning, 2022. A model is there after each lot, with what it has seen so
    far. For `prepare`: its last masks are the subject's, and the stage after it takes what little is left to take.

    Attributes:
        lots: How many; each is one part of the calibration batches, in order.
        steps: Of the optimiser, on all lots together.
        rate: Peak learning rate, of each lot.
    """

    lots: int = checked_field(3, check_whole)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the masks of the last lot; its model trained in place."""
        batches = list(subject.needed_calibration())
        count = min(self.lots, len(batches))
        names, share = matrices(subject.model), subject.needed_budget().remove
        start = sum(int((subject.model.get_parameter(name) == 0).sum()) for name in names)
        start = start / sum(subject.model.get_parameter(name).numel() for name in names)
        tune = Tune(max(self.steps // count, 1), self.rate, self.towards)
        for lot in range(count):
            now = Budget((), {}, start + (share - start) * (lot + 1) / count, measure="weights")
            masks = PerMatrix()(subject, Magnitude()(subject, names), now)
            with torch.no_grad():
                for name, mask in masks.items():
                    subject.model.get_parameter(name).mul_(mask)
            part = batches[lot * len(batches) // count : (lot + 1) * len(batches) // count]
            tune(replace(subject, calibration=part, masks=masks))
            subject = replace(subject, masks=masks)
        return subject
