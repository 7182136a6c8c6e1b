"""Observed attention: the attention that tokens got while the context was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.kv.presses.base import Press

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["ObservedAttention"]


@dataclass(frozen=True)
class ObservedAttention(Press):
    """Scores a token by the mean attention from itself and all later tokens (after the
    heavy hitters of Zhang et al., "H2O", arXiv:2306.14048). All attention is computed again, a block of
    queries at a time, so that memory grows linearly with the context.
    """

    ratio_free: ClassVar[bool] = True
    accumulates: ClassVar[bool] = True

    @property
    def query_window(self) -> int:
        """0: attention is summed up while tokens are read."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """Attention over the number of queries that can attend to the token, group mean, (batch, kv_heads, n)."""
        visible_to, attended = view.visible_to, view.attended
        if visible_to is None:
            visible_to = torch.arange(view.total, 0, -1, device=view.keys.device)
        if attended is None:
            attended = view.observe()
        # The first token is visible to n queries, the last one to 1: a sum would favour early tokens.
        return attended / (visible_to * (view.attention.heads // view.kv_heads))
