"""The interface of a task. A batch holds what the model's forward takes, and labels and groups."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

Batch = Mapping[str, Tensor]
"""`input_ids` and `attention_mask`, int64 (rows, tokens), and what else the model takes; `labels` where they are known;
`groups`, int64 (rows,): which question a row is of, where rows are ranked against one another; `teacher`, float
(rows,): scores of a teacher that is not at hand itself; `sources`, int64 (rows,): which set or language a row is of."""

_DRAWS = 2_000
_DRAWN_AT_ONCE = 1_000_000  # parts; an array of all draws would take 640 MB for 40,000 questions
_OURS = frozenset({"labels", "groups", "sources", "teacher"})


def inputs_of(batch: Batch) -> dict[str, Any]:
    """The part of a batch that the model's forward takes."""
    return {name: value for name, value in batch.items() if name not in _OURS}


@dataclass(frozen=True)
class Measured:
    """A figure and what it was made of, so that its uncertainty is known.

    Attributes:
        metric: Its name.
        parts: Of each question, or of each batch where a loss is the figure: a sum and what it is divided by.
        chance: What a model that knows nothing has, by a random order or the same probability for everything; None
            where that is not known.
    """

    metric: str
    parts: tuple[tuple[float, float], ...]
    chance: float | None = None

    @property
    def value(self) -> float:
        """All sums by all divisors; 0 where nothing was measured."""
        total = sum(weight for _, weight in self.parts)
        return sum(value for value, _ in self.parts) / total if total else 0.0

    @property
    def is_chance(self) -> bool:
        """Whether it cannot be told from chance, or is worse: its interval begins there or below."""
        return self.chance is not None and bool(self.parts) and self.interval()[0] <= self.chance

    def interval(self, seed: int = 0) -> tuple[float, float]:
        """95 % of the figures of 2,000 draws of as many parts with replacement (percentile bootstrap).

        Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13.
        """
        if not self.parts:
            return 0.0, 0.0
        values, weights = torch.tensor(self.parts, dtype=torch.float64).T
        generator = torch.Generator().manual_seed(seed)
        rows = max(1, _DRAWN_AT_ONCE // len(values))
        figures = torch.empty(_DRAWS, dtype=torch.float64)
        for start in range(0, _DRAWS, rows):
            chunk = figures[start : start + rows]
            drawn = torch.randint(len(values), (len(chunk), len(values)), generator=generator)
            chunk[:] = values[drawn].sum(1) / weights[drawn].sum(1)
        low, high = figures.quantile(torch.tensor([0.025, 0.975], dtype=torch.float64)).tolist()
        return low, high


class Task(ABC):
    """What a model is for.

    Attributes:
        independent_rows: Whether a loss can be taken of any rows of a batch; where not, `examples` is overridden.
    """

    independent_rows: ClassVar[bool] = True

    @abstractmethod
    def output(self, model: nn.Module, batch: Batch) -> Tensor:
        """What counts of the model's output: float, first axis rows."""

    @abstractmethod
    def divergence(self, output: Tensor, wanted: Tensor, batch: Batch) -> Tensor:
        """How far an output is from the teacher's: a scalar from 0 up, 0 where both are the same."""

    @abstractmethod
    def loss(self, model: nn.Module, batch: Batch, teacher: nn.Module | None = None) -> Tensor:
        """Mean loss over rows: against the labels where the batch has them, against the teacher where not."""

    @abstractmethod
    def measure(self, model: nn.Module, batches: Sequence[Batch]) -> Measured:
        """What is measured of each question or text."""

    def quality(self, model: nn.Module, batches: Sequence[Batch]) -> float:
        """One figure, higher = better; see `measure`."""
        return self.measure(model, batches).value

    def examples(self, batch: Batch) -> Iterator[Batch]:
        """The smallest parts of a batch that a loss can be taken of, each of them a batch: single rows."""
        for row in range(len(batch["input_ids"])):
            yield {name: value[row : row + 1] for name, value in batch.items()}


class RankingTask(Task):
    """A task whose quality is how many pairs of one question are in the order of their labels."""

    @abstractmethod
    def count_ordered(self, model: nn.Module, batch: Batch) -> list[tuple[float, int]] | None:
        """What `pairs_in_order` counts for each question of a batch; None for a batch without order."""

    def measure(self, model: nn.Module, batches: Sequence[Batch]) -> Measured:
        """Share of (relevant, other) pairs of one question that are in order, 0..1; without any, minus the mean loss.

        The loss is that of batches without order.
        """
        counted: list[tuple[float, float]] = []
        losses: list[tuple[float, float]] = []
        with torch.no_grad():
            for batch in batches:
                counts = self.count_ordered(model, batch)
                if counts is None:
                    losses.append((-float(self.loss(model, batch)), 1.0))
                else:
                    counted += [(ordered, float(compared)) for ordered, compared in counts if compared]
        # pairs are summed over all questions before the division: a mean of shares would weigh small ones more
        if counted:
            return Measured("pairs in order", tuple(counted), chance=0.5)
        return Measured("minus the loss", tuple(losses))


def first_examples(task: Task, batch: Batch, rows: int) -> Iterator[Batch]:
    """The first rows of a batch as one batch; as examples, one at least, where rows do not stand alone.

    Examples end where the next one would go beyond the number of rows.
    """
    if task.independent_rows:
        yield {name: value[:rows] for name, value in batch.items()}
        return
    left = rows
    for part in task.examples(batch):
        left -= len(part["input_ids"])
        if left < 0 and left + len(part["input_ids"]) < rows:
            return
        yield part


def pairs_in_order(scores: Tensor, labels: Tensor, groups: Tensor | None = None) -> tuple[float, int]:
    """Of pairs with a higher and a lower label how many the scores put in that order, equal ones half; and all of them.

    Scores, labels and groups are (rows,); only rows of one group are compared, or all with one another.
    """
    above = labels[:, None] > labels[None, :]
    if groups is not None:
        above &= groups[:, None] == groups[None, :]
    # equal scores count half, so that a constant model gets 0.5 and not 0 or 1
    differences = scores[:, None] - scores[None, :]
    right = ((differences > 0).float() + 0.5 * (differences == 0).float())[above].sum()
    return float(right), int(above.sum())


def distillation_loss(task: Task, model: nn.Module, batch: Batch, teacher: nn.Module | None) -> Tensor:
    """The divergence from the teacher's output; from the model's own, detached, where there is none."""
    output = task.output(model, batch)
    with torch.no_grad():
        wanted = task.output(teacher, batch) if teacher is not None else output.detach()
    return task.divergence(output, wanted, batch)
