"""PAT's preparation: modules that turn and scale what sublayers add, under one mask over the width.

Liu and others, PAT: Pruning-Aware Tuning for Large Language Models, AAAI 2025: a hybrid sparsification module after
each sublayer is diag(v) M (1 + U D), U D of low rank and M a mask that all modules share. The mask is a sigmoid whose
temperature rises, plus a bias that fades, so that it starts near 1 and ends at 0 or 1; D D^T = 1 is asked for, so
that D turns and v scales.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.training import check_loss, default_loss
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["HybridSparsification"]


@dataclass(frozen=True)
class HybridSparsification:
    """Trains modules and mask, with the weights frozen, and folds the modules into the sublayers' last matrices.

    Attributes:
        steps: Of the optimiser.
        rate: Of the modules.
        mask_rate: Of the mask.
        rank: Of U D.
        pressure: Weight of the distance from the wanted number of dimensions, as a share of it.
        identity: Weight of ||D D^T - 1||^2.
    """

    steps: int = 500
    rate: float = 1e-4
    mask_rate: float = 1e-2
    rank: int = 16
    pressure: float = 10.0
    identity: float = 1.0

    def __post_init__(self) -> None:
        if (
            self.steps < 1
            or self.rank < 1
            or min(self.rate, self.mask_rate) <= 0
            or min(self.pressure, self.identity) < 0
        ):
            raise UsageError(f"{self} is out of range", hint="steps and rank from 1, rates above 0, weights from 0 up")

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the mask of ("width", -1) in `learned`, the modules folded into its model in place.

        Raises:
            UsageError: There is no budget, or the stage's units are not the width.
            InputError: There is no calibration data, or the loss is no number any more.
        """
        budget = subject.needed_budget()
        if [group.key for group in budget.groups] != [("width", -1)]:
            raise UsageError("this preparation masks the width alone", where="hybrid_sparsification.v1")
        width, generator = budget.groups[0].count, subject.generator(9)
        wanted = width - budget.remove / float(budget.costs["width", -1][0])
        modules = {
            entry.output: _Module(width, min(self.rank, width), generator) for entry in subject.anatomy.sublayers
        }
        mask = nn.Parameter(0.01 * torch.randn(width, generator=generator))
        trained = [entry for module in modules.values() for entry in module.parameters()]
        optimizer = torch.optim.AdamW(
            [{"params": trained, "lr": self.rate}, {"params": [mask], "lr": self.mask_rate}], weight_decay=0.0
        )
        batches, loss = list(subject.needed_calibration()), default_loss(subject)
        with temporary_hooks() as handles, subject.frozen():
            for path, module in modules.items():
                handles.append(module_of(subject.model, path).register_forward_hook(module.after))
            for step in range(self.steps):
                gate = _gate(mask, step, self.steps)
                with apply_gates(subject.model, {("width", -1): gate}):
                    value = loss(subject.model, batches[step % len(batches)])
                check_loss(value, step, hint="lower the rates")
                # straight through: the count is that of the hard mask, the gradient that of the soft one
                open_ = torch.sigmoid(mask) + ((mask >= 0).float() - torch.sigmoid(mask)).detach()
                apart = sum(module.apart for module in modules.values()) / max(len(modules), 1)
                far = (open_.sum() - wanted).abs() / wanted
                apart = self.identity * apart + (mask.abs() - 0.5).square().mean()  # so that it ends on either side
                (value + self.pressure * far + apart).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        for path, module in modules.items():
            module.fold(module_of(subject.model, path))
        return replace(subject, learned={("width", -1): mask.detach()})


class _Module(nn.Module):
    """y -> v * (y + U D y)."""

    def __init__(self, width: int, rank: int, generator: torch.Generator) -> None:
        super().__init__()
        # orthogonal rows, so that the penalty is 0 at the start
        self.down = nn.Parameter(torch.linalg.qr(torch.randn(width, rank, generator=generator)).Q.T.clone())
        self.up = nn.Parameter(torch.zeros(width, rank))
        self.scale = nn.Parameter(torch.ones(width))

    @property
    def apart(self) -> Tensor:
        """Mean squared distance of D D^T from 1."""
        return functional.mse_loss(self.down @ self.down.T, torch.eye(len(self.down)))

    def after(self, _: nn.Module, __: Any, result: Tensor) -> Tensor:
        """A forward hook."""
        turned = functional.linear(functional.linear(result, self.down), self.up)
        return self.scale * (result + turned)

    def fold(self, linear: Any) -> None:
        """Make the module part of the matrix before it, in place."""
        with torch.no_grad():
            whole = self.scale[:, None] * (torch.eye(len(self.scale)) + self.up @ self.down)
            linear.weight.copy_(whole.to(linear.weight) @ linear.weight)
            if linear.bias is not None:
                linear.bias.copy_(whole.to(linear.bias) @ linear.bias)


def _gate(mask: Tensor, step: int, steps: int) -> Tensor:
    """sigmoid(temperature * mask) + a bias that fades, at most 1."""
    # rises without bound, so that gates end at 0 or 1
    temperature = 1 / (1 - math.log(step + 1) / math.log(steps + 2) + 1e-6)
    gate: Tensor = (torch.sigmoid(temperature * mask) + max(0.5 - step / steps, 0.0)).clamp(max=1.0)
    return gate
