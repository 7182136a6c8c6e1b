"""The loss that curvature in Kronecker factors expects when a weight, or a unit's rows and columns, go."""

from dataclasses import dataclass
from typing import Any

import torch

from ctxprune.shrink.measure.activations import damp, weight_moments
from ctxprune.shrink.measure.gradients import output_gradients
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Group, Sequence, Slice, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_number, checked_field

CUTS = ("both", "columns", "rows")


@dataclass(frozen=True)
class Kronecker(Checked):
    """1/2 tr([F^-1]_KK^-1 w_K w_K^T) with the Fisher matrix of each layer as F = A (x) G, K what goes.

    van der Ouderaa and others, The LLM Surgeon, ICLR 2024: A = mean of x x^T over inputs, G = mean of g g^T over
    gradients of outputs. Of a weight that is W_ij^2 / (2 [G^-1]_ii [A^-1]_jj), of rows R tr([G^-1]_RR^-1 W_R A W_R^T) /
    2, of columns C tr([A^-1]_CC^-1 W_C^T G W_C) / 2; a unit's are summed over its matrices. In units of the loss, so
    comparable over matrices. Needs labels or a language model's loss.

    Attributes:
        damping: Added to both diagonals, as a share of their means.
        cut: Which parts of a unit count: "columns", "rows" or "both". Without its columns nothing reads its rows.
    """

    damping: float = checked_field(0.01, check_number, over=0)
    cut: str = checked_field("columns", check_choice, CUTS)

    def __call__(self, subject: Subject, groups: Sequence[Any]) -> dict[Any, Tensor]:
        """Of the parameter's shape by its name, or (count,) by group; from 0 up."""
        names = [group for group in groups if isinstance(group, str)]
        units = [group for group in groups if not isinstance(group, str)]
        parts = {group.key: cut_matrices(subject, group, self.cut) for group in units}
        read = names + [part.parameter for own in parts.values() for part in own]
        factors = curvature(subject, sorted(set(read)), self.damping)
        scores: dict[Any, Tensor] = {}
        for name in names:
            down, across = (torch.linalg.inv(factor).diagonal() for factor in factors[name])
            squares = parameter_of(subject.model, name).detach().double().square()
            scores[name] = (0.5 * squares / torch.outer(down, across)).float()
        for group in units:
            total = torch.zeros(group.count, dtype=torch.float64)
            for part in parts[group.key]:
                own, other = factors[part.parameter][part.axis], factors[part.parameter][1 - part.axis]
                weight = parameter_of(subject.model, part.parameter).detach().double().movedim(part.axis, 0)
                total += _losses(weight, own, other, part, group.count)
            scores[group.key] = total
        return scores


def curvature(subject: Subject, names: Sequence[str], damping: float) -> dict[str, tuple[Tensor, Tensor]]:
    """By matrix the factors of its outputs and of its inputs, damped: float64 (rows, rows) and (columns, columns)."""
    inputs, outputs = weight_moments(subject, names, products=True), output_gradients(subject, names)
    return {name: (damp(outputs[name], damping), inputs[name].hessian(damping)) for name in names}


def cut_matrices(subject: Subject, group: Group, cut: str) -> list[Slice]:
    """Where a group's units are rows or columns of matrices."""
    axes = {"both": (0, 1), "columns": (1,), "rows": (0,)}[cut]
    found = [part for part in group.slices if parameter_of(subject.model, part.parameter).ndim == 2]
    return [part for part in found if part.axis in axes]


def _losses(weight: Tensor, own: Tensor, other: Tensor, part: Slice, count: int) -> Tensor:
    """tr([own^-1]_UU^-1 W_U other W_U^T) / 2 of each unit's block U: float64 (count,); the units first in `weight`."""
    span = slice(part.start, part.start + count * part.size)
    blocks = weight[span].reshape(count, part.size, -1)
    inverse = torch.linalg.inv(own)[span, span].view(count, part.size, count, part.size)
    inverse = inverse.diagonal(dim1=0, dim2=2).movedim(-1, 0)
    spent = blocks @ other @ blocks.transpose(1, 2)
    return 0.5 * torch.linalg.solve(inverse, spent).diagonal(dim1=1, dim2=2).sum(1)
