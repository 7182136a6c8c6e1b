"""PyramidKV: more tokens in the first layers, fewer in the last ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ctxprune.kv.presses.snapkv import SnapKV
from ctxprune.kv.selection import keep_count
from ctxprune.utils.validation import check_number

if TYPE_CHECKING:
    from ctxprune.kv.reading.view import LayerView

__all__ = ["PyramidKV"]


@dataclass(frozen=True)
class PyramidKV(SnapKV):
    """Scores as SnapKV, with budgets that decrease from layer to layer in equal steps (Cai et al., "PyramidKV",
    arXiv:2406.02069). All layers together keep as many tokens as the ratio says. No layer keeps more than the context
    without its window; where a layer could then not keep its window, all layers keep the same count, as in SnapKV.

    Attributes:
        beta: The last layer's budget is the mean budget divided by it, 1 or more; 1 keeps the same count everywhere.
    """

    beta: float = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("beta", self.beta, minimum=1)

    def budget(self, view: LayerView) -> int:
        """On a line from 2b - b / beta down to b / beta, with the mean budget b = floor(n * (1 - ratio))."""
        mean, tokens, last = keep_count(view.read, self.ratio), view.read, view.layers - 1
        window = max(view.window_size(self.window) - view.question, 0)
        low = max(mean / Fraction(str(self.beta)), Fraction(min(mean, 1)))
        high = min(2 * mean - low, Fraction(tokens - window))
        low = 2 * mean - high
        if not tokens >= high >= low >= window or not last:
            return mean
        exact = high - view.order * (high - low) / last
        # Halves round up in the first layers and down in the last, so that opposite layers add up to twice the mean.
        return math.floor(exact + Fraction(1, 2)) if 2 * view.order <= last else math.ceil(exact - Fraction(1, 2))
