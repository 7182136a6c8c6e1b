"""SnapKV: attention from the most recent queries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from torch.nn.functional import avg_pool1d

from ctxprune.errors import UsageError
from ctxprune.kv.presses.base import Press
from ctxprune.kv.selection import top
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["SnapKV"]


@dataclass(frozen=True)
class SnapKV(Press):
    """Scores a token by the mean attention that it gets from an observation window at the end, smoothed over
    neighbouring tokens (Li et al., "SnapKV", arXiv:2404.14469). With a question, the window is the question.
    Observation-window tokens are kept; if they exceed the budget, the latest are.

    Attributes:
        window: Tokens of the observation window, 1 or more.
        kernel: Width of the smoothing in tokens, odd.
    """

    ratio_free: ClassVar[bool] = True
    window: int = 64
    kernel: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("window", self.window, minimum=1)
        check_whole("kernel", self.kernel, minimum=1)
        if self.kernel % 2 == 0:
            raise UsageError(f"kernel is {self.kernel}", hint="an odd number, so that the smoothing has a middle")

    @property
    def query_window(self) -> int:
        """The observation window."""
        return self.window

    def score(self, view: LayerView) -> Tensor:
        """Smoothed mean attention from the window, (batch, kv_heads, n); the window's own tokens score highest."""
        window = view.window_size(self.window)
        if window == view.total:
            # Nothing outside of the window: later tokens rank higher.
            return view.keys.new_ones(view.keys.shape[:-1]).float().cumsum(dim=-1)
        seen = view.weights(window)[..., : view.total - window].mean(dim=-2)
        batch, heads, group, before = seen.shape
        smooth = avg_pool1d(seen.view(batch, heads * group, before), self.kernel, 1, self.kernel // 2)
        scores = smooth.view(batch, heads, group, before).mean(dim=2)
        # Per row, so that a row's scores do not depend on its batch.
        above = scores.amax(dim=(1, 2), keepdim=True) + 1
        return torch.cat([scores, above.expand(batch, heads, window)], dim=-1)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The highest scores; if the window exceeds the budget, its latest tokens."""
        if kept >= view.window_size(self.window):
            return super().select(view, scores, kept)
        places = torch.arange(view.total, device=scores.device).expand(scores.shape)
        return top(places.masked_fill(scores == float("-inf"), -1), kept)
