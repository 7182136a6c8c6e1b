"""ReplaceMe: a removed run of layers becomes a linear map, merged into the matrix before it.

Shopkhoev and others, ReplaceMe: Network Simplification via Layer Pruning and Linear Transformations (NeurIPS 2025).
With M the output of the last sublayer before the run, Y the residual there and L the input of the layer after it, T =
argmin ||M T + Y - L||^2 in closed form, and W becomes T^T W: no new weights.

Post-norm (BERT): between M and L stands a norm, norm(M + Y), and T cannot pass through it. Every token of L is the
output of the run's last norm, so that norm's scale and shift are taken over and T is fitted to the states that it
norms, each token with the size and the mean that suit it best (both of which a norm takes out): alternating least
squares. Then scale and shift are refitted.
"""

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from ctxprune.shrink.measure.activations import module_inputs, module_outputs
from ctxprune.shrink.measure.depth import runs_of
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.norms import fit_norm, normalise
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Key, Mapping, Subject, Sublayer, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class LinearMap(Checked):
    """Merges the best linear map for each removed run of layers into the output matrix before it; unlabelled data.

    A run at the very bottom has no matrix before it and is left without a map.

    Attributes:
        ridge: How strongly the map is drawn to "change nothing", in parts of the mean square of M.
        turns: Of alternating least squares with post-norm.
    """

    ridge: float = checked_field(1e-3, check_number, minimum=0)
    turns: int = checked_field(5, check_whole)

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice."""
        mask = kept.get(("layer", -1))
        if mask is None:
            return kept
        whole, anatomy = copy.deepcopy(subject.model), subject.anatomy
        # runs are closed from the bottom up: a later map is fitted to what the earlier ones made of the states
        gate = torch.ones(len(mask))
        for start, end in runs_of(~mask):
            gate[start:end] = 0
            before = [sublayer for sublayer in anatomy.sublayers if sublayer.layer < start and mask[sublayer.layer]]
            inside = [sublayer for sublayer in anatomy.sublayers if start <= sublayer.layer < end]
            if before and inside and isinstance(module_of(subject.model, before[-1].output), nn.Linear):
                gates = {("layer", -1): gate.clone()}
                fit = self._post_norm if anatomy.post_norm else self._pre_norm
                fit(
                    subject,
                    whole,
                    before[-1],
                    anatomy.layers[end - 1].path if not anatomy.post_norm else inside[-1].norm,
                    gates,
                )
        return kept

    def _pre_norm(
        self, subject: Subject, whole: nn.Module, last: Sublayer, goal: str, gates: Mapping[Key, Tensor]
    ) -> None:
        added = _outputs(subject, last.output, subject.model, gates)
        left = _outputs(subject, subject.anatomy.layers[last.layer].path, subject.model, gates)
        wanted = _outputs(subject, goal, whole, {})
        _merge(module_of(subject.model, last.output), fit_map(added, wanted - (left - added), self.ridge))

    def _post_norm(
        self, subject: Subject, whole: nn.Module, last: Sublayer, goal: str, gates: Mapping[Key, Tensor]
    ) -> None:
        linear, norm = module_of(subject.model, last.output), module_of(subject.model, last.norm)
        added = _outputs(subject, last.output, subject.model, gates)
        entered = _inputs(subject, last.norm, subject.model, gates)
        residual = entered - added
        states, wanted = _inputs(subject, goal, whole, {}).to(linear.weight), module_outputs(subject, goal, model=whole)
        direction = normalise(norm, states)
        found, sums = (
            (torch.eye(added.shape[1], dtype=torch.float64), added.new_zeros(added.shape[1])),
            entered,
        )
        # a norm forgets the size of its input: map and size are solved for in turns
        for _ in range(self.turns):
            size = ((sums - sums.mean(-1, keepdim=True)) * direction).mean(-1, keepdim=True)
            found = fit_map(added, size * direction + sums.mean(-1, keepdim=True) - residual, self.ridge)
            sums = added @ found[0] + found[1] + residual
        _merge(linear, found)
        fit_norm(norm, sums, wanted)


def fit_map(given: Tensor, wanted: Tensor, ridge: float) -> tuple[Tensor, Tensor]:
    """T and b that minimise ||x T + b - y||^2 + ridge ||T - 1||^2 over rows: float64 (width, width) and (width,).

    Args:
        given: x, float64 (rows, width).
        wanted: y, of the same shape.
        ridge: In parts of the mean square of x, times the rows.
    """
    middle, goal = given.mean(0), wanted.mean(0)
    x, y = given - middle, wanted - goal
    products = x.T @ x
    one = torch.eye(len(products), dtype=products.dtype)
    # drawn towards the identity and not to zero: with little data the map should change nothing
    drawn = products + (ridge * products.diagonal().mean() + 1e-12) * one
    change = torch.linalg.solve(drawn, x.T @ (y - x))
    found = one + change
    return found, goal - middle @ found


def _merge(linear: Any, found: tuple[Tensor, Tensor]) -> None:
    """The linear module gives x T + b where it gave x."""
    matrix, shift = found
    if linear.bias is None:
        linear.bias = nn.Parameter(torch.zeros_like(linear.weight[:, 0]))
    with torch.no_grad():
        shift = linear.bias.double() @ matrix + shift
        linear.weight.copy_(matrix.T @ linear.weight.double())
        linear.bias.copy_(shift)


def _outputs(subject: Subject, path: str, model: nn.Module, gates: Mapping[Key, Tensor]) -> Tensor:
    """Outputs of a module at all real tokens, under gates: float64 (tokens, width)."""
    with apply_gates(model, gates):
        return module_outputs(subject, path, model=model).double()


def _inputs(subject: Subject, path: str, model: nn.Module, gates: Mapping[Key, Tensor]) -> Tensor:
    """The same of its inputs."""
    with apply_gates(model, gates):
        return module_inputs(subject, [path], model=model)[path].double()
