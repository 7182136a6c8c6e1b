"""AdaKV: the budget of a layer is shared between its heads by their scores."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from ctxprune.kv.selection import check_share, top, top_over_heads
from ctxprune.kv.wrappers.wrapper import Wrapper

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["AdaKV"]


@dataclass(frozen=True)
class AdaKV(Wrapper):
    """Keeps the highest scores over all heads of a layer together, so that heads keep different counts (Feng et al.,
    "Ada-KV: Optimizing KV Cache Eviction by Adaptive Budget Allocation", arXiv:2407.11550). The total is the inner
    press's budget times the heads, exactly. Scores must be comparable between heads, as shares of attention are.

    Attributes:
        safeguard: The share of an even budget that every head keeps of its highest scores, 0..1; at least one token.
    """

    safeguard: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_share("safeguard", self.safeguard)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """The question and each head's safeguarded tokens, then the highest scores of the layer."""
        ranked = self.rank(view, scores, kept)
        context = kept - view.question
        # In exact decimal arithmetic, as `keep_count`; at least one token, so that no head is left empty.
        safe = max(int(context * Fraction(str(float(self.safeguard)))), min(context, 1))
        return top_over_heads(ranked, kept * view.kv_heads, first=top(ranked, safe + view.question))
