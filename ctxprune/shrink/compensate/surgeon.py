"""The optimal update of a row's kept weights for all of its removed ones together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.compensate._layerwise import layerwise
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.measure.activations import Moments
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Surgeon"]


@dataclass(frozen=True)
class Surgeon:
    """Each row's kept weights K become H_KK^-1 (H w)_K: the least squares of its outputs, for a choice that is given.

    van der Ouderaa and others, The LLM Surgeon, ICLR 2024: with curvature A (x) G the update for all weights that go of
    a row together does not depend on G, and is this. Correlations between rows are left out (they need a system as
    large as the matrix). One pass of unlabelled data, all layers from the model as it is.

    Attributes:
        damping: Added to H's diagonal, as a share of its mean.
    """

    damping: float = 0.01

    def __post_init__(self) -> None:
        check_number("damping", self.damping, over=0)

    def __call__(self, subject: Subject, kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The same choice."""

        def update(name: str, weight: Tensor, found: Moments, mask: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
            return self.solve(weight, found.hessian(self.damping), mask), mask

        return layerwise(subject, kept, update, sequential=False)

    def solve(self, weight: Tensor, hessian: Tensor, mask: Tensor) -> Tensor:
        """One matrix (rows, columns), float64."""
        wanted, new = weight.double() @ hessian, torch.zeros_like(weight, dtype=torch.float64)
        for row, stays in enumerate(mask):
            places = stays.nonzero().flatten()
            if len(places):
                inner = torch.linalg.cholesky(hessian[places][:, places])
                new[row, places] = torch.cholesky_solve(wanted[row, places, None], inner)[:, 0]
        return new
