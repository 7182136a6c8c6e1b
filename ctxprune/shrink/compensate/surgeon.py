"""The optimal update of the weights that stay, for all that go together."""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.shrink.compensate._layerwise import layerwise
from ctxprune.shrink.measure.activations import Moments
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.score.kronecker import CUTS, curvature, cut_matrices
from ctxprune.shrink.types import Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_number, checked_field


@dataclass(frozen=True)
class Surgeon(Checked):
    """Single weights: each row's kept ones K become H_KK^-1 (H w)_K, the least squares of the row's outputs.

    Rows and columns: the kept ones of a matrix become G_RR^-1 (G W A)_RC A_CC^-1.

    van der Ouderaa and others, The LLM Surgeon, ICLR 2024: with curvature A (x) G the update for all weights that go of
    a row together does not depend on G, and is the first; correlations between rows are left out there (they need a
    system as large as the matrix). Where whole rows and columns go, the Kronecker structure stays, and the second is
    exact with all correlations. One pass of data, unlabelled for single weights, all layers from the model as it is.

    Attributes:
        damping: Added to the diagonals of both factors, as a share of their means.
        cut: Of units: matrices that lose "columns", "rows" or "both". One side is enough, and both make up for one
            removal twice: on the tests' models the divergence is then four times that of the columns alone.
    """

    damping: float = checked_field(0.01, check_number, over=0)
    cut: str = checked_field("columns", check_choice, CUTS)

    def __call__(self, subject: Subject, kept: Mapping[Any, Tensor]) -> Mapping[Any, Tensor]:
        """The same choice."""
        if not all(isinstance(key, str) for key in kept):
            self._structures(subject, kept)
            return kept

        def update(name: str, weight: Tensor, found: Moments, mask: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG001
            return self.solve(weight, found.hessian(self.damping), mask), mask

        return layerwise(subject, kept, update, sequential=False)

    def _structures(self, subject: Subject, kept: Mapping[Any, Tensor]) -> None:
        stays: dict[str, list[Tensor]] = {}
        groups = subject.anatomy.groups
        for key, mask in kept.items():
            group = groups[key]
            if bool(mask.all()) or not bool(mask.any()):  # of a sublayer that goes nothing is left to update
                continue
            for part in cut_matrices(subject, group, self.cut):
                shape = parameter_of(subject.model, part.parameter).shape
                own = stays.setdefault(part.parameter, [torch.ones(size, dtype=torch.bool) for size in shape])
                own[part.axis][part.start : part.start + group.count * part.size] &= mask.repeat_interleave(part.size)
        factors = curvature(subject, sorted(stays), self.damping)
        with torch.no_grad():
            for name, (rows, columns) in stays.items():
                entry = parameter_of(subject.model, name)
                entry.copy_(restrict(entry.double(), factors[name], rows, columns).to(entry.dtype))
                bias, outputs = module_of(subject.model, name.removesuffix(".weight")).bias, factors[name][0]
                if bias is not None:  # the column of an input that is always 1
                    moved = torch.linalg.solve(outputs[rows][:, rows], (outputs @ bias.double())[rows])
                    bias[rows] = moved.to(bias.dtype)

    def solve(self, weight: Tensor, hessian: Tensor, mask: Tensor) -> Tensor:
        """One matrix (rows, columns), float64."""
        wanted, new = weight.double() @ hessian, torch.zeros_like(weight, dtype=torch.float64)
        for row, stays in enumerate(mask):
            places = stays.nonzero().flatten()
            if len(places):
                inner = torch.linalg.cholesky(hessian[places][:, places])
                new[row, places] = torch.cholesky_solve(wanted[row, places, None], inner)[:, 0]
        return new


def restrict(weight: Tensor, factors: tuple[Tensor, Tensor], rows: Tensor, columns: Tensor) -> Tensor:
    """The matrix nearest to a weight in the norm of its curvature that is zero outside of some rows and columns.

    Args:
        weight: float64 (rows, columns).
        factors: G and A, positive definite.
        rows, columns: bool, True = stays.
    """
    outputs, inputs = factors
    wanted = (outputs @ weight @ inputs)[rows][:, columns]
    solved = torch.linalg.solve(outputs[rows][:, rows], wanted)
    solved = torch.linalg.solve(inputs[columns][:, columns], solved, left=False)
    found = torch.zeros_like(weight)
    found[rows.nonzero(), columns.nonzero().T] = solved
    return found
