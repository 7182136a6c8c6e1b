"""Key norms: tokens with small keys are kept, as they get most attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ctxprune.kv.presses.base import Press

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["Knorm"]


@dataclass(frozen=True)
class Knorm(Press):
    """Scores a token by the negative norm of its key (Devoto et al., "A Simple and Effective L2 Norm-Based Strategy for
    KV Cache Compression", arXiv:2406.11430). Only keys are used.
    """

    ratio_free: ClassVar[bool] = True

    @property
    def query_window(self) -> int:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """-||k||, (batch, kv_heads, n)."""
        return -view.keys.float().norm(dim=-1)
