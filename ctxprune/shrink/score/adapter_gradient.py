"""LoRAPrune's score: importance by the gradients of low-rank adapters, not by those of the weights.

Zhang and others, LoRAPrune: Structured Pruning Meets Low-Rank Parameter-Efficient Fine-Tuning, Findings of ACL 2024:
the slope of W is guessed by g = (dL/dB) A + B (dL/dA) - (dL/dB) (dL/dA); a weight's importance is |g (W + B A)|,
summed over a unit in each matrix, normed to length 1 in each group, and averaged over steps, s <- m s + (1 - m) s'.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import add_adapters
from ctxprune.shrink.learning.training import check_loss, check_towards, loss_towards
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.score.base import require_gradient

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor

    from ctxprune.shrink.learning.adapters import Adapter
    from ctxprune.shrink.model.anatomy import Group, Key, Slice
    from ctxprune.shrink.model.subject import Subject

__all__ = ["AdapterGradient"]


@dataclass(frozen=True)
class AdapterGradient:
    """Adapters are trained for some steps, and their gradients are looked at in each; they are thrown away afterwards.

    Attributes:
        steps: Of the adapters' training, one batch each.
        rank: Of the adapters.
        rate: Of their training.
        memory: m of the moving average, 0..1.
        towards: "labels" (the task's loss) or "teacher".
    """

    steps: int = 20
    rank: int = 8
    rate: float = 1e-3
    memory: float = 0.9
    towards: str = "labels"

    def __post_init__(self) -> None:
        if self.steps < 1 or self.rank < 1 or self.rate <= 0 or not 0 <= self.memory < 1:
            raise UsageError(f"{self} is out of range", hint="steps and rank from 1, rate above 0, memory under 1")
        check_towards(self.towards)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; labels, or a teacher.

        Raises:
            InputError: The loss has no gradient, or is no number any more.
        """
        # sorted, so that the random start of the adapters does not depend on the order of groups
        paths = sorted({_module(part) for group in groups for part in group.slices if _is_matrix(subject, part)})
        batches, generator = list(subject.needed_calibration()), subject.generator(6)
        loss = loss_towards(subject, self.towards)
        scores = {group.key: torch.zeros(group.count, dtype=torch.float64) for group in groups}
        with (
            subject.frozen(),
            add_adapters(subject.model, paths, rank=self.rank, scale=1.0, generator=generator) as adapters,
        ):
            entries = [entry for adapter in adapters.values() for entry in (adapter.down, adapter.up)]
            optimizer = torch.optim.AdamW(entries, lr=self.rate, weight_decay=0.0)
            for step in range(self.steps):
                value = loss(subject.model, batches[step % len(batches)])
                check_loss(value, step, hint="lower the rate")
                value.backward()
                for group in groups:
                    now = _importance(subject, group, adapters)
                    scores[group.key] = self.memory * scores[group.key] + (1 - self.memory) * now
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        return require_gradient(scores)


def _module(part: Slice) -> str:
    return part.parameter.rpartition(".")[0]


def _is_matrix(subject: Subject, part: Slice) -> bool:
    module = module_of(subject.model, _module(part))
    return part.parameter.endswith(".weight") and isinstance(module, torch.nn.Linear)


def _importance(subject: Subject, group: Group, adapters: Mapping[str, Adapter]) -> Tensor:
    total = torch.zeros(group.count, dtype=torch.float64)
    for part in group.slices:
        if not _is_matrix(subject, part):
            continue
        adapter = adapters[_module(part)]
        down, up = adapter.down, adapter.up
        down_slope = torch.zeros_like(down) if down.grad is None else down.grad
        up_slope = torch.zeros_like(up) if up.grad is None else up.grad
        slope = up_slope @ down.detach() + up.detach() @ down_slope - up_slope @ down_slope
        weight = module_of(subject.model, _module(part)).weight.detach() + adapter.product.detach()
        by_row = (slope * weight).abs().double().sum(1 - part.axis)
        total += by_row[part.start : part.start + group.count * part.size].view(group.count, part.size).sum(1).cpu()
    # groups of other sizes become comparable
    return total / torch.linalg.vector_norm(total).clamp(min=1e-12)
