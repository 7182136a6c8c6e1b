"""LagKV: tokens that vary most relative to the following block."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["LagKV"]


@dataclass(frozen=True)
class LagKV(Press):
    """Scores a token by its rank in its block: the deviation of its key and value over channels, each channel
    normalised by its range in the next block (Liang et al., "LagKV: Lag-Relative Information of the KV Cache Tells
    Which Tokens Are Important", arXiv:2504.04704). Only keys and values are used, and an equal share of each block is
    kept. Sinks rank first, then the last block and the tokens behind it, later ones higher; in a context shorter than
    the sinks and two blocks this order decides alone.

    Attributes:
        sinks: First tokens to keep, 0 or more.
        lag: Tokens in a block, 2 or more.
    """

    ratio_free: ClassVar[bool] = True
    sinks: int = 4
    lag: int = 128

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("sinks", self.sinks, minimum=0)
        check_whole("lag", self.lag, minimum=2)

    @property
    def query_window(self) -> int:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """The rank in the block over its size, 0 <= rank < 1, (batch, kv_heads, n); 1 or more for sinks and the end."""
        positions = torch.arange(view.total, dtype=torch.float32, device=view.keys.device)
        scores = 1 + positions / view.total
        scores[: self.sinks] = 3 - positions[: self.sinks] / view.total
        scores = scores.expand(view.keys.shape[:-1]).clone()
        blocks = max(view.tokens - self.sinks, 0) // self.lag
        if blocks > 1:
            ranked = slice(self.sinks, self.sinks + (blocks - 1) * self.lag)
            both = (self._relative_spread(view.keys, blocks) + self._relative_spread(view.values, blocks)) / 2
            # The argsort of an argsort is the rank of each token; 0 is the best.
            ranks = both.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
            scores[..., ranked] = (self.lag - 1 - ranks).flatten(-2).float() / self.lag
        return scores

    def _relative_spread(self, states: Tensor, blocks: int) -> Tensor:
        """Softmax over each block but the last of the deviation over channels, (batch, kv_heads, blocks - 1, lag)."""
        ranged = states[..., self.sinks : self.sinks + blocks * self.lag, :].float()
        ranged = ranged.unflatten(-2, (blocks, self.lag))
        low, high = ranged[..., 1:, :, :].aminmax(dim=-2, keepdim=True)
        # A channel that is constant in the next block has no range to measure by: its values are taken unscaled.
        span = torch.where(high > low, high - low, torch.ones_like(low))
        return ((ranged[..., :-1, :, :] - low) / span).std(dim=-1).softmax(dim=-1)
