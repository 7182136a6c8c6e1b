"""What happens without a unit: the loss, or how far the output moves, when it alone is masked.

Kim and others, Shortened LLaMA (2024): perplexity without each block, all scored once. Song and others, SLEB (ICML
2024): the same, scored anew after each removal. Zhong and others, BlockPruner (Findings of ACL 2025): the same of
attention and feed-forward parts. Zhang and others, FinerCut (2024): the change of the output against the whole
model's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from ctxprune.errors import UsageError
from ctxprune.shrink.measure.depth import cosines, first_rows
from ctxprune.shrink.measure.gates import gated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject
    from ctxprune.shrink.model.tasks.base import Batch

__all__ = ["MEASURES", "Removal", "losses_without", "output_change"]


def _angle(output: Tensor, wanted: Tensor) -> Tensor:
    return cosines(output, wanted).acos() / torch.pi


def _norm(output: Tensor, wanted: Tensor) -> Tensor:
    return (output - wanted).double().norm(dim=-1)


def _kl(output: Tensor, wanted: Tensor) -> Tensor:
    if output.shape[-1] == 1:  # one logit: a yes or no
        output, wanted = (torch.cat([states, torch.zeros_like(states)], dim=-1) for states in (output, wanted))
    mine, theirs = (functional.log_softmax(states.double(), dim=-1) for states in (output, wanted))
    return (theirs.exp() * (theirs - mine)).sum(-1)


MEASURES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"angle": _angle, "kl": _kl, "norm": _norm}
"""How far outputs (rows, features) are from wanted ones, by row: the angle over pi (0..1), the Kullback-Leibler
divergence of the distributions in nats, the Euclidean norm of the difference."""


def output_change(output: Tensor, wanted: Tensor, batch: Batch, measure: str) -> Tensor:
    """Mean change of a task's output by one of `MEASURES`: a float64 scalar.

    Outputs by token count at real tokens; single scores are one vector for the whole batch, but for "kl".
    """
    if output.ndim == 3:
        mask = batch["attention_mask"].bool()
        output, wanted = output[mask], wanted[mask]
    elif output.shape[-1] == 1 and measure != "kl":
        output, wanted = output.T, wanted.T
    return MEASURES[measure](output, wanted).mean()


@dataclass(frozen=True)
class Removal:
    """The loss, or the change of the output against the teacher's, with one unit masked and all others there.

    One forward pass over the data for each unit. Labels where the task's loss needs them.

    Attributes:
        measure: "loss" (of the task), "divergence" (the task's, from the teacher), or one of `MEASURES`.
        samples: Most rows of calibration that are read; 0 = all.
    """

    measure: str = "loss"
    samples: int = 0

    def __post_init__(self) -> None:
        if self.measure not in ("loss", "divergence", *MEASURES):
            known = ", ".join(("loss", "divergence", *MEASURES))
            raise UsageError(f"measure is {self.measure!r}", hint=f"one of {known}")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,): higher = more is lost without the unit."""
        scores = {}
        for group in groups:
            gates = 1 - torch.eye(group.count)
            scores[group.key] = losses_without(
                subject, [{group.key: gate} for gate in gates], measure=self.measure, samples=self.samples
            )
        return scores


def losses_without(
    subject: Subject, choices: Sequence[Mapping[Key, Tensor]], *, measure: str = "loss", samples: int = 0
) -> Tensor:
    """The mean loss or change under each of several choices of gates: float64 (choices,)."""
    total, rows = torch.zeros(len(choices), dtype=torch.float64), 0
    task, model = subject.task, subject.model
    teacher = subject.teacher or model
    with torch.no_grad():
        for batch in first_rows(subject, samples):
            size = len(batch["input_ids"])
            wanted = None if measure == "loss" else task.output(teacher, batch)
            for number, gates in enumerate(choices):
                with gated(model, gates):
                    if wanted is None:
                        value = task.loss(model, batch, subject.teacher)
                    elif measure == "divergence":
                        value = task.divergence(task.output(model, batch), wanted, batch)
                    else:
                        value = output_change(task.output(model, batch), wanted, batch, measure)
                total[number] += float(value) * size
            rows += size
    return total / rows
