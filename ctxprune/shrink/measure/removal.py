"""The loss, or the change of the output, while units of a model are masked."""

import torch
from torch.nn import functional

from ctxprune.shrink.measure.depth import cosines, first_rows
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.types import Batch, Callable, Key, Mapping, Sequence, Subject, Tensor


def _angle(output: Tensor, wanted: Tensor) -> Tensor:
    return cosines(output, wanted).acos() / torch.pi


def _norm(output: Tensor, wanted: Tensor) -> Tensor:
    return (output - wanted).double().norm(dim=-1)


def _kl(output: Tensor, wanted: Tensor) -> Tensor:
    # a softmax over one logit is 1 whatever the logit is
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


def losses_without(
    subject: Subject, choices: Sequence[Mapping[Key, Tensor]], *, measure: str = "loss", samples: int = 0
) -> Tensor:
    """The mean loss or change under each of several choices of gates: float64 (choices,)."""
    total, rows = torch.zeros(len(choices), dtype=torch.float64), 0
    task, model = subject.task, subject.model
    teacher = subject.teacher or model
    with torch.no_grad():
        # batches outside, choices inside: the teacher's output is computed once for all choices
        for batch in first_rows(subject, samples):
            size = len(batch["input_ids"])
            wanted = None if measure == "loss" else task.output(teacher, batch)
            for number, gates in enumerate(choices):
                with apply_gates(model, gates):
                    if wanted is None:
                        value = task.loss(model, batch, subject.teacher)
                    elif measure == "divergence":
                        value = task.divergence(task.output(model, batch), wanted, batch)
                    else:
                        value = output_change(task.output(model, batch), wanted, batch, measure)
                total[number] += float(value) * size
            rows += size
    return total / rows
