"""Single weights: the error that the optimal brain surgeon expects when one goes."""

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

__all__ = ["Obs"]


@dataclass(frozen=True)
class Obs:
    """W_ij^2 / [H^-1]_jj with H = X X^T / tokens + damping: the squared output error after the best update of the rest.

    Hassibi and Stork, NeurIPS 1992; by rows of a matrix as in Frantar and Alistarh, SparseGPT, ICML 2023. One forward
    pass, no labels.

    Attributes:
        damping: Added to the diagonals, as a share of their means.
        kronecker: Whether it is divided by 2 [G^-1]_ii, G the mean of g g^T over the gradients of outputs: the Fisher
            matrix as H (x) G, in units of the loss, so comparable over matrices. van der Ouderaa and others, The LLM
            Surgeon, ICLR 2024. Needs labels.
    """

    damping: float = 0.01
    kronecker: bool = False

    def __post_init__(self) -> None:
        check_number("damping", self.damping, over=0)

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """float64 of the parameter's shape by its name, from 0 up, in units of the mean squared output."""
        inputs = weight_moments(subject, groups, products=True)
        outputs = output_gradients(subject, groups) if self.kronecker else {}
        scores = {}
        for name in groups:
            scores[name] = parameter_of(subject.model, name).detach().double().square()
            scores[name] = scores[name] / torch.linalg.inv(inputs[name].hessian(self.damping)).diagonal()
            if self.kronecker:
                down = torch.linalg.inv(damp(outputs[name], self.damping)).diagonal()
                scores[name] = 0.5 * scores[name] / down[:, None]
        return scores
