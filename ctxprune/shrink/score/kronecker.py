"""Single weights: the loss that curvature in Kronecker factors expects when one goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.measure.activations import damp, weight_moments
from ctxprune.shrink.measure.gradients import output_gradients
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Kronecker"]


@dataclass(frozen=True)
class Kronecker:
    """1/2 W_ij^2 / ([G^-1]_ii [A^-1]_jj): A = mean of x x^T over inputs, G = mean of g g^T over gradients of outputs.

    van der Ouderaa and others, The LLM Surgeon, ICLR 2024: the Fisher matrix of a layer as A (x) G. In units of the
    loss, so comparable over matrices. Needs labels or a language model's loss.

    Attributes:
        damping: Added to both diagonals, as a share of their means.
    """

    damping: float = 0.01

    def __post_init__(self) -> None:
        check_number("damping", self.damping, over=0)

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name, from 0 up."""
        inputs, outputs = weight_moments(subject, groups, products=True), output_gradients(subject, groups)
        scores = {}
        for name in groups:
            across = torch.linalg.inv(inputs[name].hessian(self.damping)).diagonal()
            down = torch.linalg.inv(damp(outputs[name], self.damping)).diagonal()
            squares = parameter_of(subject.model, name).detach().double().square()
            scores[name] = (0.5 * squares / torch.outer(down, across)).float()
        return scores
