"""Auto-PruMUX: how many rows share a pass and how much is pruned, predicted from a few measured models.

Su and others, PruMUX, ACL Findings 2023: accuracy and throughput of models on a coarse grid are interpolated, and of
all settings in between the one of the highest predicted throughput is taken whose predicted accuracy is within what
may be lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ctxprune.errors import UsageError
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import Batch
from ctxprune.shrink.recipes.recipe import Piece, Recipe, load_recipe
from ctxprune.shrink.run.runner import shrink

__all__ = ["Multiplexing", "choose_multiplexing", "measure_multiplexing", "multiplexing_recipe"]

_FINE = 21  # shares of the cost between the least and the most that was measured


@dataclass(frozen=True, slots=True)
class Multiplexing:
    """A setting, measured or predicted.

    Attributes:
        count: Rows in one pass; 1 = each by itself.
        keep: Share of the multiply-adds that pruning leaves, before rows are mixed.
        quality: Higher = better.
        speed: Rows in the time of one row of the full model.
    """

    count: int
    keep: float
    quality: float
    speed: float


def choose_multiplexing(measured: Sequence[Multiplexing], full_quality: float, loss: float) -> Multiplexing:
    """The fastest setting whose predicted quality is at least the full model's, less a share of it.

    Quality and the logarithm of speed are fitted by least squares to 1, count, keep and their product, which on a grid
    of two by two is bilinear interpolation.

    Args:
        measured: Four or more, of two or more counts and shares.
        full_quality: Of the full model, above 0.
        loss: Share of it that may be lost, 0..1.

    Raises:
        UsageError: There are too few settings, or no setting between them is good enough.
    """
    counts, keeps = ({getattr(entry, name) for entry in measured} for name in ("count", "keep"))
    if len(measured) < 4 or len(counts) < 2 or len(keeps) < 2:
        raise UsageError("four settings at least, of two counts and two shares", hint="measure more of them")
    inputs = _terms([(entry.count, entry.keep) for entry in measured])
    wanted = torch.tensor([[entry.quality, entry.speed] for entry in measured], dtype=torch.float64)
    wanted[:, 1] = wanted[:, 1].log()
    # by the pseudo-inverse: a ragged grid may leave the product undetermined
    fitted = torch.linalg.pinv(inputs) @ wanted
    shares = torch.linspace(min(keeps), max(keeps), _FINE, dtype=torch.float64).tolist()
    places = [(count, keep) for count in range(min(counts), max(counts) + 1) for keep in shares]
    found = [
        Multiplexing(count, keep, float(quality), float(speed))
        for (count, keep), (quality, speed) in zip(places, _terms(places) @ fitted, strict=True)
    ]
    good = [entry for entry in found if entry.quality >= (1 - loss) * full_quality - 1e-9]
    if not good:
        raise UsageError(f"no setting loses {100 * loss:g} % or less", hint="allow more, or measure milder settings")
    best = max(good, key=lambda entry: (entry.speed, entry.quality))
    return replace(best, speed=float(torch.tensor(best.speed, dtype=torch.float64).exp()))


def _terms(places: Sequence[tuple[int, float]]) -> Tensor:
    return torch.tensor([[1.0, count, keep, count * keep] for count, keep in places], dtype=torch.float64)


def multiplexing_recipe(count: int, *, steps: int = 500) -> Recipe:
    """`prumux.v1` for a number of rows: the target of `shrink` is what pruning leaves, before rows are mixed.

    Args:
        count: Rows in one pass, from 2 up to 10.
        steps: Of the training.
    """
    recipe = load_recipe("prumux")
    stages = (replace(recipe.stages[0], share=1.0),)
    return replace(recipe, stages=stages, finish=(Piece("multiplex.v1", {"count": count, "steps": steps}),))


def measure_multiplexing(
    subject: Subject,
    held_out: Sequence[Batch],
    settings: Sequence[tuple[int, float]],
    *,
    steps: int = 500,
    progress: Callable[[int, float], None] | None = None,
) -> list[Multiplexing]:
    """Models at some settings, pruned and trained as `prumux.v1` does, with their quality and speed.

    Speed is counted in multiply-adds of the layers; time follows where they are most of the work.

    Args:
        subject: An encoder with its calibration data; left as it is.
        held_out: Batches for quality.
        settings: Rows in one pass from 2 up, and the share of the multiply-adds that pruning leaves, under 1.
        steps: Of the training.
        progress: Called with each setting before it is measured.

    Raises:
        UsageError: A setting is out of range, or so little cannot be left.
    """
    found = []
    for count, keep in settings:
        if progress is not None:
            progress(count, keep)
        small = shrink(subject, multiplexing_recipe(count, steps=steps), Target("flops", keep)).subject
        speed = cost(subject.model, "flops") / cost(small.model, "flops")
        found.append(Multiplexing(count, keep, subject.task.quality(small.model, held_out), speed))
    return found
