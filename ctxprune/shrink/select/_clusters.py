"""Representations of rows, and clusters of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.learning.losses import record_outputs

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.shrink.model.subject import Subject

__all__ = ["k_means", "representations"]


def representations(subject: Subject, model: nn.Module) -> Tensor:
    """Each row's mean state after a model's last layer, of length 1: float32 (rows, width)."""
    last = subject.with_model(model).anatomy.layers[-1].path
    found = []
    with torch.no_grad():
        for batch in subject.needed_calibration():
            with record_outputs(model, [last], batch) as states:
                subject.task.output(model, batch)
            parts = states[0].split(batch["attention_mask"].sum(1).tolist())
            found += [torch.nn.functional.normalize(part.float().mean(0), dim=0) for part in parts]
    return torch.stack(found)


def k_means(points: Tensor, clusters: int, generator: torch.Generator, *, rounds: int = 20) -> Tensor:
    """The cluster of each point by Lloyd's rounds from far-apart seeds: int64 (points,), from 0 up.

    Arthur and Vassilvitskii, k-means++, SODA 2007, for the seeds.
    """
    points = points.double()
    first = int(torch.randint(len(points), (1,), generator=generator))
    centres = points[first : first + 1]
    while len(centres) < min(clusters, len(points)):
        far = torch.cdist(points, centres).min(1).values.square()
        if float(far.sum()) <= 0:
            break
        centres = torch.cat([centres, points[torch.multinomial(far, 1, generator=generator)]])
    for _ in range(rounds):
        which = torch.cdist(points, centres).argmin(1)
        moved = torch.stack(
            [points[which == number].mean(0) if bool((which == number).any()) else centres[number]
             for number in range(len(centres))]
        )  # fmt: skip
        if torch.equal(moved, centres):
            break
        centres = moved
    return torch.cdist(points, centres).argmin(1)
