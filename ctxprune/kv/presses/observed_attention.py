"""Observed attention: what all tokens looked at while the context was read."""

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
    """Scores a token by the mean attention that it got from the tokens which could see it, itself included (after the
    heavy hitters of Zhang et al., "H2O", arXiv:2306.14048). Needs the attention of all tokens: it is computed again, a
    block of queries at a time, so that the memory grows with the context and not with its square.
    """

    ratio_free: ClassVar[bool] = True

    def score(self, view: LayerView) -> Tensor:
        """Attention over the number of queries that see the token, mean over the group, (batch, kv_heads, n)."""
        queries = view.queries()
        seers = torch.arange(view.total, 0, -1, device=view.keys.device)
        return view.reduce_attention(queries, 0) / (seers * (queries.shape[1] // view.kv_heads))
