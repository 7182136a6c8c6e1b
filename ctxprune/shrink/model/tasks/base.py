"""The interface of a task. A batch is what the model's forward takes, beside labels and groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Batch", "Task", "examples_of", "first_part", "inputs_of", "pairs_in_order", "taught"]

Batch = Mapping[str, Tensor]
"""`input_ids` and `attention_mask`, int64 (rows, tokens), and what else the model takes; `labels` where they are known;
`groups`, int64 (rows,): which question a row is of, where rows are ranked against one another; `teacher`, float
(rows,): scores of a teacher that is not at hand itself."""

_OURS = frozenset({"labels", "groups", "teacher"})


def inputs_of(batch: Batch) -> dict[str, Any]:
    """The part of a batch that the model's forward takes."""
    return {name: value for name, value in batch.items() if name not in _OURS}


@runtime_checkable
class Task(Protocol):
    """What a model is for.

    A task whose rows do not stand alone has one more method, `examples(batch)`: an iterator over the smallest parts of
    a batch that a loss can be taken of, each of them a batch.
    """

    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """What counts of the model's output: float, first axis rows."""
        ...

    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:
        """How far an output is from the teacher's: a scalar from 0 up, 0 where both are the same."""
        ...

    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:
        """Mean loss over rows: against the labels where the batch has them, against the teacher where not."""
        ...

    def quality(self, model: nn.Module, batches: Sequence[Batch]) -> float:
        """One figure, higher = better."""
        ...


def examples_of(task: Task, batch: Batch) -> Iterator[Batch]:
    """A batch in the smallest parts that a loss can be taken of: single rows, unless the task says otherwise."""
    own = getattr(task, "examples", None)
    if own is not None:
        yield from own(batch)
        return
    for row in range(len(batch["input_ids"])):
        yield {name: value[row : row + 1] for name, value in batch.items()}


def first_part(task: Task, batch: Batch, rows: int) -> Iterator[Batch]:
    """The first rows of a batch as one batch; as examples, one at least, where rows do not stand alone.

    Args:
        task: Says what stands alone.
        batch: With more rows than that.
        rows: From 1 up; examples end where the next one would go beyond.
    """
    if not hasattr(task, "examples"):
        yield {name: value[:rows] for name, value in batch.items()}
        return
    left = rows
    for part in examples_of(task, batch):
        left -= len(part["input_ids"])
        if left < 0 and left + len(part["input_ids"]) < rows:
            return
        yield part


def pairs_in_order(scores: Tensor, labels: Tensor, groups: Tensor | None = None) -> tuple[float, int]:
    """Of pairs with a higher and a lower label how many the scores put in that order, equal ones half; and all of them.

    Args:
        scores, labels: (rows,) each.
        groups: (rows,): only rows of one group are compared; default: all of them.
    """
    above = labels[:, None] > labels[None, :]
    if groups is not None:
        above &= groups[:, None] == groups[None, :]
    differences = scores[:, None] - scores[None, :]
    right = ((differences > 0).float() + 0.5 * (differences == 0).float())[above].sum()
    return float(right), int(above.sum())


def taught(task: Task, model: nn.Module, batch: Batch, teacher: nn.Module | None) -> Tensor:
    """The divergence from the teacher's output; from the model's own, detached, where there is none."""
    output = task.output(model, batch)
    with torch.no_grad():
        wanted = task.output(teacher, batch) if teacher is not None else output.detach()
    return task.divergence(output, wanted, batch)
