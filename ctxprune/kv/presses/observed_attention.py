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

    def score(self, view: LayerView) -> Tensor:
        """Attention over the number of queries that can attend to the token, group mean, (batch, kv_heads, n)."""
        queries = view.queries()
        # The first token is visible to n queries, the last one to 1: a sum would favour early tokens.
        visible_to = torch.arange(view.total, 0, -1, device=view.keys.device)
        return view.reduce_attention(queries, 0) / (visible_to * (queries.shape[1] // view.kv_heads))
