"""Least squares on the matrix that reads the units: what stays makes up for what goes.

Wang and others, Reconstruct the Pruned Model without Any Retraining (LIAR), 2024: with B the least-squares map from
kept to removed inputs, W' = W_K + W_R B. Park and others, Accurate Retraining-free Pruning (K-prune), ICLR 2024: each
pruned sublayer's weights are solved for the teacher's output, given the inputs that the pruned model has there.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ctxprune.shrink.measure.activations import moments
from ctxprune.shrink.measure.reconstruction import Fit, ridge_solve, wanted_in_order
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_number, checked_field


@dataclass(frozen=True)
class LeastSquares(Checked):
    """min over D of sum over tokens ||y - (W_K + D) x_K||^2 + r ||D||^2, and W_K + D stays: few tokens change little.

    Attributes:
        towards: "own": x and y are those of the model before removal, each matrix alone. "teacher": x are the inputs in
            the pruned model, y what makes the sublayer's sum with the residual the teacher's, from the bottom up.
        ridge: r as a share of the mean of the diagonal of sum x_K x_K^T, from 0 up.
        bias: Whether the bias is solved for, too (one is made where there is none).
    """

    towards: str = checked_field("own", check_choice, ("own", "teacher"))
    ridge: float = checked_field(1e-3, check_number, minimum=0)
    bias: bool = True

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice; passes forward without labels."""
        if self.towards == "teacher":
            for group, fit in wanted_in_order(subject, kept):
                stays = kept[group.key].repeat_interleave(group.block)
                self._solve(module_of(subject.model, group.consumer), stays, fit)
            return kept
        groups = [
            subject.anatomy.groups[key] for key, mask in kept.items() if bool(mask.any()) and not bool(mask.all())
        ]
        found = moments(subject, [group.consumer for group in groups if group.consumer], products=True)
        for group in groups:
            if group.consumer:
                seen, linear = found[group.consumer], module_of(subject.model, group.consumer)
                weight = linear.weight.detach().double()
                fit = Fit(seen.count, seen.second, seen.second @ weight.T, seen.total, weight @ seen.total)
                self._solve(linear, kept[group.key].repeat_interleave(group.block), fit)
        return kept

    def _solve(self, linear: Any, stays: Tensor, fit: Fit) -> None:
        products, cross, total = fit.products[stays][:, stays], fit.cross[stays], fit.total[stays]
        # with a bias the fit is of what is left after the means
        if self.bias:
            products = products - torch.outer(total, total) / fit.count
            cross = cross - torch.outer(total, fit.wanted) / fit.count
        weight = linear.weight.detach()[:, stays].double()
        # a change to the weights and not new ones: the ridge then holds on to what they are
        solved = weight + ridge_solve(products, cross - products @ weight.T, self.ridge).T
        with torch.no_grad():
            linear.weight[:, stays] = solved.to(linear.weight.dtype)
            if self.bias:
                shift = ((fit.wanted - solved @ total) / fit.count).to(linear.weight.dtype)
                if linear.bias is None:
                    linear.bias = nn.Parameter(torch.zeros_like(shift))
                linear.bias += shift
