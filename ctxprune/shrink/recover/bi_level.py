"""Bi-level pruning: masks above, weights below, by turns."""

from dataclasses import dataclass, replace
from typing import Any

import torch

from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.learning.training import loss_towards
from ctxprune.shrink.measure.substituted import Substituted
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Subject, Tensor
from ctxprune.utils.validation import check_number, checked_field


@dataclass(frozen=True)
class BiLevel(Training):
    """min over masks m of L(m * W*(m)), with W*(m) = argmin L(m * W) + gamma / 2 ||W||^2.

    Zhang and others, Advancing Model Pruning via Bi-level Optimization, NeurIPS 2022 (BiP). With g the gradient at m *
    W: the weights go down along m * g + gamma * W; then the masks' scores along (W - g / gamma) * g, the implicit
    gradient, which is a product because m and W come in as one. Scores start as sizes of weights over the largest; the
    highest are kept. Plain gradient steps on one batch each. For `prepare`; the scores go to `learned.v1`.

    Attributes:
        steps: Turns of both.
        rate: Of the weights.
        mask_rate: Of the scores, over the largest change of each matrix.
        gamma: Weight of the norm below.
    """

    rate: float = checked_field(1e-2, check_number, over=0)
    mask_rate: float = checked_field(0.05, check_number, over=0)
    gamma: float = checked_field(1.0, check_number, over=0)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the scores; its model's matrices trained in place."""
        weights = {name: subject.model.get_parameter(name) for name in matrices(subject.model)}
        scores = {name: entry.detach().abs() / entry.detach().abs().max() for name, entry in weights.items()}
        batches, order = list(subject.needed_calibration()), subject.generator(3)
        for _ in range(self.steps):
            # two batches: masks judged on the weights' own batch would favour what was just fitted
            lower, upper = torch.randint(len(batches), (2,), generator=order).tolist()
            masks = PerMatrix()(subject, scores, subject.needed_budget())
            for name, slope in self._slopes(subject, weights, masks, batches[lower]).items():
                entry = weights[name].data
                entry -= self.rate * (masks[name] * slope)
            for name, slope in self._slopes(subject, weights, masks, batches[upper]).items():
                change = (weights[name].detach() - slope / self.gamma) * slope
                # relative to the largest change: the implicit gradient differs by orders of magnitude between matrices
                scores[name] -= self.mask_rate * change / change.abs().max().clamp(min=1e-12)
        return replace(subject, learned=scores)

    def _slopes(
        self, subject: Subject, weights: dict[str, Any], masks: dict[str, Tensor], batch: Batch
    ) -> dict[str, Tensor]:
        """Gradients at the masked weights."""
        computed = loss_towards(subject, self.towards)
        values = {name: (entry.detach() * masks[name]).requires_grad_() for name, entry in weights.items()}
        with torch.enable_grad():
            loss = computed(Substituted(subject.model, values), batch)
            return dict(zip(values, torch.autograd.grad(loss, list(values.values())), strict=True))
