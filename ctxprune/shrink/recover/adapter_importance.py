"""LoRAPrune: adapters learn under masks that close, and their gradients say which units matter.

Zhang and others, LoRAPrune: Structured Pruning Meets Low-Rank Parameter-Efficient Fine-Tuning, Findings of ACL 2024:
the slope of W is guessed by g = (dL/dB) A + B (dL/dA) - (dL/dB) (dL/dA); a weight's importance is |g (W + B A)|, summed
over a unit in each matrix, normed to length 1 in each matrix, summed over matrices, and averaged over steps,
s <- m s + (1 - m) s'. Every few steps the units of the lowest s are masked, of each part of a layer the same share,
along a cubic; what is masked stays so.
"""

from contextlib import ExitStack
from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.learning.adapters import Adapter, add_adapters, linear_paths, merge_adapters
from ctxprune.shrink.learning.training import (
    batch_on,
    check_loss,
    cubic_share,
    loss_towards,
    on_device,
)
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.measure.gradients import require_gradient
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Group, Mapping, Subject, Tensor
from ctxprune.utils.validation import check_number, check_range, check_whole, checked_field


@dataclass(frozen=True)
class AdapterImportance(Training):
    """Trains adapters, which are merged at the end; the importance goes to `learned.v1`, 0 for what is masked.

    Attributes:
        steps: Of the adapters' training, one batch each.
        rank: Of the adapters.
        rate: Of their training.
        memory: m of the moving average, 0..1.
        every: Steps from one choice of masks to the next.
        warm, cool: Shares of the steps before masks close, and after they are as closed as they get.
        towards: "labels" (the task's loss) or "teacher".
    """

    rank: int = checked_field(8, check_whole)
    rate: float = checked_field(3e-4, check_number, over=0)
    memory: float = checked_field(0.9, check_range, open_high=True)
    every: int = checked_field(10, check_whole)
    warm: float = checked_field(0.1, check_range)
    cool: float = checked_field(0.1, check_range)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("warm + cool", self.warm + self.cool)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with the importance, its model's matrices trained by the adapters.

        Raises:
            InputError: The loss has no gradient, or is no number any more.
            UsageError: There is no budget.
        """
        budget, loss = subject.needed_budget(), loss_towards(subject, self.towards)
        batches, generator = list(subject.needed_calibration()), subject.generator(6)
        scores = {group.key: torch.zeros(group.count, dtype=torch.float64) for group in budget.groups}
        kept = {key: torch.ones(len(score), dtype=torch.bool) for key, score in scores.items()}
        paths = linear_paths(subject.model)
        with (
            subject.frozen(),
            add_adapters(subject.model, paths, rank=self.rank, scale=1.0, generator=generator) as adapters,
            ExitStack() as stack,
        ):
            entries = [entry for adapter in adapters.values() for entry in (adapter.down, adapter.up)]
            stack.enter_context(on_device(subject, entries))
            optimizer = torch.optim.AdamW(entries, lr=self.rate, weight_decay=0.0)
            for step in range(self.steps):
                with apply_gates(subject.model, {key: mask.float().to(subject.device) for key, mask in kept.items()}):
                    value = loss(subject.model, batch_on(batches[step % len(batches)], subject.device))
                check_loss(value, step, hint="lower the rate")
                value.backward()
                for group in budget.groups:
                    now = _importance(subject, group, adapters)
                    scores[group.key] = self.memory * scores[group.key] + (1 - self.memory) * now
                if (step + 1) % self.every == 0 or step + 1 == self.steps:
                    closed = cubic_share((step + 1) / self.steps, self.warm, self.cool)
                    left = {key: score * kept[key] for key, score in scores.items()}
                    kept = Uniform()(subject, left, replace(budget, remove=budget.remove * closed))
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
        require_gradient(scores.values())
        merge_adapters(subject.model, adapters)
        return replace(subject, learned={key: score * kept[key] for key, score in scores.items()})


def _importance(subject: Subject, group: Group, adapters: Mapping[str, Adapter]) -> Tensor:
    total = torch.zeros(group.count, dtype=torch.float64)
    for part in group.slices:
        path, _, last = part.parameter.rpartition(".")
        adapter = adapters.get(path)
        if last != "weight" or adapter is None or adapter.down.grad is None or adapter.up.grad is None:
            continue
        down, up, down_slope, up_slope = adapter.down.detach(), adapter.up.detach(), adapter.down.grad, adapter.up.grad
        slope = up_slope @ down + up @ down_slope - up_slope @ down_slope
        weight = module_of(subject.model, path).weight.detach() + adapter.product.detach()
        own = unit_parts((slope * weight).abs().double(), part, group.count).sum(1).cpu()
        # matrices of other sizes become comparable
        total += own / torch.linalg.vector_norm(own).clamp(min=1e-12)
    return total
