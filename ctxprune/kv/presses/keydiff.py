"""KeyDiff: tokens whose keys differ most from the mean key are kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from torch.nn.functional import normalize

from ctxprune.kv.presses.base import Press

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["KeyDiff"]


@dataclass(frozen=True)
class KeyDiff(Press):
    """Scores a token by the negative cosine of its key with the mean direction of all keys (Park et al., "KeyDiff",
    arXiv:2504.15364). Only keys are used.
    """

    ratio_free: ClassVar[bool] = True

    @property
    def query_window(self) -> int:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """-cos(k, mean direction of the context's keys), (batch, kv_heads, n)."""
        directions = normalize(view.keys.float(), dim=-1)
        # The mean of directions and not of keys, in which long keys would dominate.
        anchor = normalize(directions[..., : view.tokens, :].mean(dim=-2, keepdim=True), dim=-1)
        return -(directions * anchor).sum(dim=-1)
