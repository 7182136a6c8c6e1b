"""ToMoE's shape: dense feed-forward parts become routed experts, and no weight goes.

Gao and others, ToMoE: Converting Dense Large Language Models to Mixture-of-Experts through Dynamic Structural
Pruning, TMLR 2025. Neurons that fire together become experts of equal size, and the router is the least-squares guess
of how much each expert adds to a token. With `steps` both are then trained as in the paper, where a network writes the
choice that is a table here: which expert each neuron is of and which experts each token takes are drawn with Gumbel
noise, go forward as zeros and ones and backward as probabilities (Jang and others, Categorical Reparameterization with
Gumbel-Softmax, ICLR 2017), and follow the dense model's outputs with the weights as they are.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.clustering import farthest_centres, fill_clusters, k_means
from ctxprune.shrink.learning.training import Schedule, default_loss, train
from ctxprune.shrink.measure.activations import module_inputs
from ctxprune.shrink.model.cost import unit_costs
from ctxprune.shrink.model.families.base import find_module, replace_module
from ctxprune.shrink.model.modules import Routed
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Batch, Group, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field


@dataclass(frozen=True)
class RouteExperts(Checked):
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
    experts: int = checked_field(8, check_whole, minimum=2)
    top: int = checked_field(0, check_whole, minimum=0)
    ridge: float = checked_field(0.01, check_number, over=0)
    steps: int = checked_field(0, check_whole, minimum=0)
    rate: float = checked_field(0.1, check_number, over=0)
    balance: float = checked_field(0.1, check_number, minimum=0)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("top", self.top, high=self.experts)

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its model changed in place; unlabelled data. Notes `experts` and `active`.

        Raises:
            InputError: There is no calibration data.
            UsageError: There are no gated feed-forward parts, or one expert a token is still too much.
        """
        subject.needed_calibration()
        parts = gated_parts(subject)
        top = self.top or self._top(subject, parts)
        inputs = module_inputs(subject, [name for path in parts for name in (f"{path}.gate_proj", f"{path}.down_proj")])
        for path in parts:
            part = self._routed(subject, path, inputs[f"{path}.gate_proj"], inputs[f"{path}.down_proj"], top)
            replace_module(subject.model, path, part)
        if self.steps:
            learn_routes(subject, list(parts), Schedule(self.steps, self.rate), self.balance)
        subject.notes["experts"], subject.notes["active"] = self.experts, top
        return subject

    def _top(self, subject: Subject, parts: Mapping[str, Group]) -> int:
        """The most experts that the budget leaves active."""
        budget = subject.needed_budget()
        costs = unit_costs(subject.model, list(parts.values()), budget.measure)
        whole = sum(float(cost.sum()) for cost in costs.values())
        # the most experts that the budget allows disturb the model least
        for top in range(self.experts, 0, -1):
            shares = [Routed(module_of(subject.model, path), self.experts, top).share for path in parts]
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


def gated_parts(subject: Subject) -> dict[str, Group]:
    """The neurons of each gated feed-forward part, by the part's dotted name.

    Raises:
        UsageError: There are none.
    """
    found = {
        entry.path: subject.anatomy.groups[key]
        for entry in subject.anatomy.sublayers
        for key in entry.groups
        if key[0] == "neuron" and find_module(subject.model, f"{entry.path}.gate_proj") is not None
    }
    if not found:
        raise UsageError("the model has no gated feed-forward parts", hint="take another recipe")
    return found


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
