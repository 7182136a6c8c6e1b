"""Single weights: the error that the optimal brain surgeon expects when one goes."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class Obs(Checked):
    """W_ij^2 / [H^-1]_jj with H = X X^T / tokens + damping: the squared output error after the best update of the rest.

    Hassibi and Stork, NeurIPS 1992; by rows of a matrix as in Frantar and Alistarh, SparseGPT, ICML 2023. One forward
    pass, no labels.

    Attributes:
        damping: Added to H's diagonal, as a share of its mean.
    """

    damping: float = checked_field(0.01, check_number, over=0)

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """float64 of the parameter's shape by its name, from 0 up, in units of the mean squared output."""
        found = weight_moments(subject, groups, products=True)
        scores = {}
        for name in groups:
            inverse = torch.linalg.inv(found[name].hessian(self.damping)).diagonal()
            scores[name] = parameter_of(subject.model, name).detach().double().square() / inverse
        return scores
