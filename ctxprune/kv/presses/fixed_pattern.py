"""A fixed pattern: evenly spaced tokens, regardless of their content."""

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
    regardless of the text: a baseline after "Which Tokens to Use? Investigating Token Reduction in Vision
    Transformers" (Haurum et al., arXiv:2308.04657).

    Attributes:
        sinks: First tokens to keep, 0 or more; if only one token fits, it is the last one.
    """

    sinks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("sinks", self.sinks, minimum=0)

    def score(self, view: LayerView) -> Tensor:
        """1 for tokens of the pattern at the press's ratio, 0 for others, (batch, kv_heads, n)."""
        return self._pattern(view, self.budget(view)).float()

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:  # noqa: ARG002
        """The pattern with `kept` tokens, the question's included."""
        return self._pattern(view, kept - view.question)

    def _pattern(self, view: LayerView, kept: int) -> Tensor:
        sinks = min(self.sinks, max(kept - 1, 0))
        spaced, rest = kept - sinks, view.tokens - sinks
        # In integers, so that the last of the equal steps ends exactly at the last token.
        indices = [*range(sinks), *(sinks + (step + 1) * rest // spaced - 1 for step in range(spaced))]
        pattern = torch.zeros(view.total, dtype=torch.bool, device=view.keys.device)
        pattern[indices] = True
        pattern[view.tokens :] = True
        return pattern.expand(view.keys.shape[:-1])
