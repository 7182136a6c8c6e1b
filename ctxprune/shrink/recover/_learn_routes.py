"""ToMoE's training: which expert each neuron is of and which experts each token takes, with the weights frozen.

Gao and others, ToMoE, TMLR 2025: both choices are drawn with Gumbel noise, go forward as zeros and ones and backward
as probabilities (Jang and others, Categorical Reparameterization with Gumbel-Softmax, ICLR 2017), and follow the dense
model's outputs with a penalty that keeps the number of active parameters.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from ctxprune.shrink.learning.clustering import fill_clusters
from ctxprune.shrink.learning.training import Schedule, default_loss, train
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.modules import Routed
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Batch, Sequence, Subject, Tensor

_SURE = 4.0  # logit of the expert that a neuron is of at the start: the others have a chance of some percent


class LearnedRoutes(nn.Module):
    """A routed part while its experts are learned: a mask over neurons for each token.

    Args:
        inner: The part; its router is trained, its other weights are not.
        generator: For the noise.
    """

    def __init__(self, inner: Routed, generator: torch.Generator) -> None:
        super().__init__()
        # under their own names, by which a family knows the part
        self.gate_proj, self.up_proj, self.down_proj = inner.gate_proj, inner.up_proj, inner.down_proj
        self.inner, self.generator = inner, generator
        owner = torch.zeros(inner.intermediate_size, inner.count)
        for expert, (start, end) in enumerate(inner.bounds()):
            owner[start:end, expert] = _SURE
        self.owner = nn.Parameter(owner)

    def forward(self, states: Tensor) -> Tensor:
        """(rows, tokens, width) of the same shape."""
        inner: Any = self.inner
        taken = straight_through(inner.router(states), inner.top, self.generator)
        mask = taken @ straight_through(self.owner, 1, self.generator).T
        result: Tensor = self.down_proj(inner.act_fn(self.gate_proj(states)) * self.up_proj(states) * mask)
        return result

    def imbalance(self) -> Tensor:
        """Mean squared difference of the experts' expected sizes from equal ones, in units of those."""
        sizes = self.owner.softmax(1).sum(0)
        return (sizes / sizes.mean() - 1).square().mean()


def straight_through(logits: Tensor, top: int, generator: torch.Generator) -> Tensor:
    """Ones at the `top` highest logits with Gumbel noise, zeros elsewhere, on the last axis; slopes of the softmax."""
    # drawn on the CPU, so that every device gets the same noise
    uniform = torch.rand(logits.shape, generator=generator).clamp(1e-9, 1 - 1e-7).to(logits)
    noisy = logits - (-uniform.log()).log()
    soft = noisy.softmax(-1)
    hard = torch.zeros_like(soft).scatter(-1, noisy.topk(top, dim=-1).indices, 1.0)
    return hard + soft - soft.detach()


def learn_routes(subject: Subject, paths: Sequence[str], schedule: Schedule, balance: float) -> None:
    """Train experts and routers of routed parts towards the teacher, in place; experts have equal sizes at the end.

    Args:
        subject: Its model has a `Routed` at each path.
        paths: Dotted names.
        schedule: Steps and rates.
        balance: Weight of `LearnedRoutes.imbalance`.
    """
    parts = {path: LearnedRoutes(module_of(subject.model, path), subject.generator(20)) for path in paths}
    aim = default_loss(subject)

    def loss(model: nn.Module, batch: Batch) -> Tensor:
        unequal = torch.stack([part.imbalance() for part in parts.values()]).mean()
        return aim(model, batch) + balance * unequal

    try:
        for path, part in parts.items():
            replace_module(subject.model, path, part)
        trained = [entry for part in parts.values() for entry in (part.owner, *part.inner.router.parameters())]
        train(subject, schedule, parameters=trained, loss=loss)
    finally:
        for path, part in parts.items():
            replace_module(subject.model, path, part.inner)
    for part in parts.values():
        sort_neurons(part.inner, fill_clusters(-part.owner.detach()).argsort(stable=True))


def sort_neurons(part: Any, order: Tensor) -> None:
    """Put the neurons of a gated feed-forward part in another order, in place."""
    with torch.no_grad():
        for linear in (part.gate_proj, part.up_proj):
            linear.weight.copy_(linear.weight[order].clone())
            if linear.bias is not None:
                linear.bias.copy_(linear.bias[order].clone())
        part.down_proj.weight.copy_(part.down_proj.weight[:, order].clone())
