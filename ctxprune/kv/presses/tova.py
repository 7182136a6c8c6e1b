"""TOVA: attention from the last token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ctxprune.kv.presses.base import Press

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["Tova"]


@dataclass(frozen=True)
class Tova(Press):
    """Scores a token by the attention from the last token, averaged over all heads, so that heads keep the same tokens
    (Oren et al., "Transformers are Multi-State RNNs", arXiv:2401.06104). The last token itself is kept.
    """

    ratio_free: ClassVar[bool] = True

    @property
    def query_window(self) -> int:
        """1: the last token's."""
        return 1

    def score(self, view: LayerView) -> Tensor:
        """Mean attention from the last token, (batch, kv_heads, n), equal in all heads."""
        scores = view.weights(1).mean(dim=(1, 2, 3))
        # Shares of attention do not exceed 1: the last token is kept.
        scores[:, -1] = 1.0
        return scores[:, None].expand(view.keys.shape[:-1])
