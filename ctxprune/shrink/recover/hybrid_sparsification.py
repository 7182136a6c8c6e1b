"""PAT's preparation: modules that turn and scale what sublayers add, under one mask over the width.

Liu and others, PAT: Pruning-Aware Tuning for Large Language Models, AAAI 2025: a hybrid sparsification module after
each sublayer is diag(v) M (1 + U D), U D of low rank and M a mask that all modules share. The mask is a sigmoid whose
temperature rises, plus a bias that fades, so that it starts near 1 and ends at 0 or 1; D D^T = 1 is asked for, so
that D turns and v scales. In the last fifth of the steps the mask stays as it is, and low-rank adapters on all matrices
learn along.
"""

import math
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import add_adapters, linear_paths, merge_adapters
from ctxprune.shrink.learning.training import batch_on, check_loss, default_loss, on_device
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.model.gate_hooks import temporary_hooks
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field


@dataclass(frozen=True)
class HybridSparsification(Checked):
    """Trains modules, adapters and mask, with the weights frozen, and folds them into the matrices.

    Attributes:
        steps: Of the optimiser.
        rate: Of the modules.
        mask_rate: Of the mask.
        rank: Of U D.
        pressure: Weight of the distance from the wanted number of dimensions, as a share of it.
        identity: Weight of ||D D^T - 1||^2.
        adapters: Rank of the adapters; 0 = none.
        settle: Share of the steps after which the mask stays, above 0 and up to 1.
    """

    steps: int = checked_field(500, check_whole)
    rate: float = checked_field(1e-4, check_number, over=0)
    mask_rate: float = checked_field(1e-2, check_number, over=0)
    rank: int = checked_field(16, check_whole)
    pressure: float = checked_field(10.0, check_number, minimum=0)
    identity: float = checked_field(1.0, check_number, minimum=0)
    adapters: int = checked_field(8, check_whole, minimum=0)
    settle: float = checked_field(0.8, check_range, open_low=True)

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
        batches, loss = list(subject.needed_calibration()), default_loss(subject)
        beside = linear_paths(subject.model) if self.adapters else []
        rank = max(self.adapters, 1)
        with (
            # hooks run in order: the modules turn what a matrix and its adapter make together
            add_adapters(subject.model, beside, rank=rank, scale=2.0, generator=generator) as adapters,
            temporary_hooks() as handles,
            subject.frozen(),
            ExitStack() as stack,
        ):
            trained = [entry for module in modules.values() for entry in module.parameters()]
            trained += [entry for adapter in adapters.values() for entry in (adapter.down, adapter.up)]
            stack.enter_context(on_device(subject, [*trained, mask]))
            optimizer = torch.optim.AdamW(
                [{"params": trained, "lr": self.rate}, {"params": [mask], "lr": self.mask_rate}], weight_decay=0.0
            )
            for path, module in modules.items():
                handles.append(module_of(subject.model, path).register_forward_hook(module.after))
            for step in range(self.steps):
                if step >= self.settle * self.steps:
                    mask.requires_grad_(False)
                gate = _gate(mask, min(step, int(self.settle * self.steps)), self.steps)
                with apply_gates(subject.model, {("width", -1): gate}):
                    value = loss(subject.model, batch_on(batches[step % len(batches)], subject.device))
                check_loss(value, step, hint="lower the rates")
                # straight through: the count is that of the hard mask, the gradient that of the soft one
                open_ = torch.sigmoid(mask) + ((mask >= 0).float() - torch.sigmoid(mask)).detach()
                apart = sum(module.apart for module in modules.values()) / max(len(modules), 1)
                far = (open_.sum() - wanted).abs() / wanted
                apart = self.identity * apart + _aside(mask)
                (value + self.pressure * far + apart).backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        merge_adapters(subject.model, adapters)
        for path, module in modules.items():
            module.fold(module_of(subject.model, path))
        return replace(subject, learned={("width", -1): mask.detach()})


def _aside(mask: Tensor) -> Tensor:
    """How far the mask is from 1/2 above 0 and from -1/2 below, each side's mean: so that it ends on either."""
    sides = [(part.abs() - 0.5).square().mean() for part in (mask[mask > 0], mask[mask <= 0]) if len(part)]
    return torch.stack(sides).sum()


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
        return functional.mse_loss(self.down @ self.down.T, torch.eye(len(self.down)).to(self.down))

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
