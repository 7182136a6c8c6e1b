"""Fixed patterns: evenly spaced tokens, whatever they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["FixedPattern"]


@dataclass(frozen=True)
class FixedPattern(Press):
    """Keeps the first tokens, the last one, and evenly spaced ones between them, the same in all heads and layers,
    without looking at the text: a baseline after "Which Tokens to Use? Investigating Token Reduction in Vision
    Transformers" (Haurum et al., arXiv:2308.04657).

    Attributes:
        sinks: First tokens that stay, 0 or more; the last one comes before them where there is no room.
    """

    sinks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("sinks", self.sinks, 0)

    def score(self, view: LayerView) -> Tensor:
        """1 for the pattern's tokens at this press's own ratio, 0 for others, (batch, kv_heads, n)."""
        return self._pattern(view, self.budget(view)).float()

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:  # noqa: ARG002
        """The pattern of `kept` tokens, the question's among them."""
        return self._pattern(view, kept - view.question)

    def _pattern(self, view: LayerView, kept: int) -> Tensor:
        sinks = min(self.sinks, max(kept - 1, 0))
        spaced, rest = kept - sinks, view.tokens - sinks
        places = [*range(sinks), *(sinks + (step + 1) * rest // spaced - 1 for step in range(spaced))]
        pattern = torch.zeros(view.total, dtype=torch.bool, device=view.keys.device)
        pattern[places] = True
        pattern[view.tokens :] = True
        return pattern.expand(view.keys.shape[:-1])
