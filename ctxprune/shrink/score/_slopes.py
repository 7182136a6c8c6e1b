"""Norms over samples of single weights' gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.activations import weight_gradients
from ctxprune.shrink.subject import parameter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.subject import Subject

__all__ = ["slope_norms"]


def slope_norms(subject: Subject, names: Sequence[str]) -> tuple[dict[str, Tensor], int]:
    """Root of the mean over samples of each weight's squared gradient, by parameter; and the number of samples."""
    squares = {name: torch.zeros_like(parameter_of(subject.model, name)) for name in names}
    rows = 0
    for slopes in weight_gradients(subject, names):
        rows += 1
        for name, slope in slopes.items():
            squares[name] += slope.square()
    return {name: (square / max(rows, 1)).sqrt() for name, square in squares.items()}, rows
