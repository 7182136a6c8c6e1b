"""How learning rates go over a run."""

from __future__ import annotations

import math

__all__ = ["schedule"]


def schedule(progress: float, warmup: float) -> float:
    """The part of the peak rate, 0 to 1, at `progress`, 0 to 1: a rise over `warmup`, then a cosine down to zero."""
    if progress < warmup:
        return max(progress / warmup, 0.01)
    return 0.5 * (1 + math.cos(math.pi * min((progress - warmup) / max(1 - warmup, 1e-9), 1.0)))
