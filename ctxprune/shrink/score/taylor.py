"""LLM-Pruner's score: what the loss is expected to change by when a unit's weights become zero.

Ma and others, LLM-Pruner: On the Structural Pruning of Large Language Models, NeurIPS 2023. Of a weight W with the
slope g and the mean h of squared slopes of single samples: first order |W g|, second |W^2 h / 2|, mixed
|W g - W^2 h / 2|. By element the sizes are summed over a unit's part of each parameter; by vector the
size is taken of the sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.score.base import telling, unit_parts
from ctxprune.shrink.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from ctxprune.shrink.anatomy import Group, Key
    from ctxprune.shrink.subject import Subject
    from ctxprune.shrink.tasks.base import Batch

__all__ = ["Taylor"]


@dataclass(frozen=True)
class Taylor:
    """The expansion's terms, summed over a unit.

    Attributes:
        order: "first", "second" or "mixed" (both terms).
        by: "element" or "vector".
        over: How the parts of a unit in several parameters become one: "sum" or "max".
        samples: Rows that are looked at, one by one.
    """

    order: str = "mixed"
    by: str = "element"
    over: str = "sum"
    samples: int = 10

    def __post_init__(self) -> None:
        if self.order not in ("first", "mixed", "second") or self.by not in ("element", "vector"):
            raise UsageError(
                f"order is {self.order!r} and by {self.by!r}", hint="first, second or mixed; element or vector"
            )
        if self.over not in ("max", "sum") or self.samples < 1:
            raise UsageError(f"over is {self.over!r} and samples {self.samples}", hint="sum or max; samples from 1 up")

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; a pass with gradients for each sample, labels (a decoder's are its tokens).

        Raises:
            InputError: The loss has no gradient.
        """
        slopes, squares = self._gradients(
            subject, sorted({part.parameter for group in groups for part in group.slices})
        )
        scores = {}
        for group in groups:
            parts = []
            for part in group.slices:
                weight = parameter_of(subject.model, part.parameter).detach().double()
                first, second = weight * slopes[part.parameter], 0.5 * weight.square() * squares[part.parameter]
                salience = {"first": first, "second": second, "mixed": first - second}[self.order]
                own = unit_parts(salience, part, group.count)
                parts.append(own.abs().sum(1) if self.by == "element" else own.sum(1).abs())
            stacked = torch.stack(parts)
            scores[group.key] = stacked.sum(0) if self.over == "sum" else stacked.amax(0)
        return telling(scores)

    def _gradients(self, subject: Subject, names: Sequence[str]) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """By parameter the mean over samples of the slope, and of its square."""
        entries = [parameter_of(subject.model, name) for name in names]
        slopes = [torch.zeros_like(entry, dtype=torch.float64, requires_grad=False) for entry in entries]
        squares = [slope.clone() for slope in slopes]
        count = 0
        with subject.frozen(), torch.enable_grad():
            for entry in entries:
                entry.requires_grad_(True)
            for row in _rows(subject, self.samples):
                loss = subject.task.loss(subject.model, row, subject.teacher)
                found = torch.autograd.grad(loss, entries, allow_unused=True)
                for place, gradient in enumerate(found):
                    if gradient is not None:
                        slopes[place] += gradient
                        squares[place] += gradient.double().square()
                count += 1
        return (
            {name: slope / count for name, slope in zip(names, slopes, strict=True)},
            {name: square / count for name, square in zip(names, squares, strict=True)},
        )


def _rows(subject: Subject, samples: int) -> Iterator[Batch]:
    """Single rows of the calibration data, as batches of one."""
    left = samples
    for batch in subject.needed_calibration():
        for row in range(min(len(batch["input_ids"]), left)):
            yield {name: value[row : row + 1] for name, value in batch.items()}
            left -= 1
