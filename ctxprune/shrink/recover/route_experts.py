"""ToMoE's shape: dense feed-forward parts become routed experts, and no weight goes.

Gao and others, ToMoE: Converting Dense Large Language Models to Mixture-of-Experts through Dynamic Structural
Pruning, TMLR 2025. Neurons that fire together become experts of equal size, and the router is the least-squares guess
of how much each expert adds to a token. With `steps` both are then trained by distillation with the weights as they
are, as in the paper, where a network writes the choice that is a table here; see `learn_routes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.clustering import farthest_centres, fill_clusters, k_means
from ctxprune.shrink.learning.training import Schedule
from ctxprune.shrink.measure.activations import module_inputs
from ctxprune.shrink.model.cost import unit_costs
from ctxprune.shrink.model.families.base import find_module, replace_module
from ctxprune.shrink.model.modules import Routed
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.recover._learn_routes import learn_routes, sort_neurons
from ctxprune.shrink.types import Subject, Tensor


@dataclass(frozen=True)
class RouteExperts:
    """Every gated feed-forward part is split into as many experts, as many of them active as the target allows.

    Attributes:
        experts: Of each part, from 2 up.
        top: Experts that a token goes through; 0 = by the budget.
        ridge: Of the router's fit, as a share of the mean diagonal.
        steps: Of the training of experts and routers; 0 leaves them as clusters and regression give them.
        rate: Peak learning rate.
        balance: Weight of the penalty on experts of unequal size.
    """

    keeps_shapes: ClassVar[bool] = False  # fewer neurons are active, whether or not they are trained
    experts: int = 8
    top: int = 0
    ridge: float = 0.01
    steps: int = 0
    rate: float = 0.1
    balance: float = 0.1

    def __post_init__(self) -> None:
        if self.steps < 0 or self.rate <= 0 or self.balance < 0:
            raise UsageError(f"{self} is out of range", hint="steps and balance from 0 up, rate above 0")
        if self.experts < 2 or not 0 <= self.top <= self.experts or self.ridge <= 0:
            raise UsageError(f"{self} is out of range", hint="experts from 2, top up to experts, ridge above 0")

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model changed in place; unlabelled data. Notes `experts` and `active`.

        Raises:
            InputError: There is no calibration data.
            UsageError: There are no gated feed-forward parts, or one expert a token is still too much.
        """
        subject.needed_calibration()
        parts = {
            entry.path: entry
            for entry in subject.anatomy.sublayers
            if entry.kind == "ffn" and find_module(subject.model, f"{entry.path}.gate_proj") is not None
        }
        if not parts:
            raise UsageError("the model has no gated feed-forward parts", where="route_experts.v1")
        top = self.top or self._top(subject, list(parts))
        inputs = module_inputs(subject, [name for path in parts for name in (f"{path}.gate_proj", f"{path}.down_proj")])
        for path in parts:
            part = self._routed(subject, path, inputs[f"{path}.gate_proj"], inputs[f"{path}.down_proj"], top)
            replace_module(subject.model, path, part)
        if self.steps:
            learn_routes(subject, list(parts), Schedule(self.steps, self.rate), self.balance)
        subject.notes["experts"], subject.notes["active"] = self.experts, top
        return subject

    def _top(self, subject: Subject, paths: list[str]) -> int:
        """The most experts that the budget leaves active."""
        budget, anatomy = subject.needed_budget(), subject.anatomy
        groups = [anatomy.groups[key] for entry in anatomy.sublayers if entry.path in paths for key in entry.groups]
        costs = unit_costs(subject.model, groups, budget.measure)
        whole = sum(float(cost.sum()) for cost in costs.values())
        # the most experts that the budget allows disturb the model least
        for top in range(self.experts, 0, -1):
            shares = [Routed(module_of(subject.model, path), self.experts, top).share for path in paths]
            if budget.measure in ("flops", "latency") and whole * (1 - max(shares)) >= budget.remove * (1 - 1e-9):
                return top
        raise UsageError(
            f"with one of {self.experts} experts a token the model is still too dear in {budget.measure}",
            where="route_experts.v1",
            hint="raise the target, take more experts, or give it in flops",
        )

    def _routed(self, subject: Subject, path: str, states: Tensor, inner: Tensor, top: int) -> Routed:
        old: Any = module_of(subject.model, path)
        weight = old.down_proj.weight.detach()
        # neurons that matter for the same tokens belong together, whatever their sign
        size = (inner.abs() * weight.norm(dim=0)).double()  # (tokens, neurons)
        points = (size / size.norm(dim=0).clamp(min=1e-12)).T
        labels = balanced(points, self.experts, subject.generator(11))
        # experts are spans of neurons, so that no index has to be stored
        order = labels.argsort(stable=True)
        sort_neurons(old, order)
        new = Routed(old, self.experts, top).to(weight)
        added = [(inner[:, order[start:end]] @ weight[:, start:end].T).norm(dim=1) for start, end in new.bounds()]
        self._fit(new.router, states.double(), torch.stack(added, dim=1).double())
        return new.eval()

    def _fit(self, router: Any, states: Tensor, wanted: Tensor) -> None:
        """Ridge regression of what each expert adds on the token's state."""
        mean, level = states.mean(0), wanted.mean(0)
        centred = states - mean
        normal = centred.T @ centred
        normal += self.ridge * normal.diagonal().mean().clamp(min=1e-12) * torch.eye(len(normal), dtype=normal.dtype)
        solved = torch.linalg.solve(normal, centred.T @ (wanted - level)).T
        with torch.no_grad():
            router.weight.copy_(solved)
            router.bias.copy_(level - solved @ mean)


def balanced(points: Tensor, clusters: int, generator: torch.Generator) -> Tensor:
    """Clusters of equal sizes (within one): the cluster of each point, int64 (points,).

    Sizes are those of `Routed.bounds`. Points choose in the order of how near their nearest centre is.
    """
    labels = k_means(points, farthest_centres(points, clusters, generator))
    empty = points.mean(0)
    centres = torch.stack(
        [points[labels == n].mean(0) if bool((labels == n).any()) else empty for n in range(clusters)]
    )
    return fill_clusters(torch.cdist(points, centres))
