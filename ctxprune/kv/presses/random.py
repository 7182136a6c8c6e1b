"""Random tokens: the baseline that every press must beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["Random"]


@dataclass(frozen=True)
class Random(Press):
    """Uniform scores in [0, 1), equal for the same seed, layer and size on every machine.

    Attributes:
        seed: Random seed, 0 or more; each layer has its own stream.
    """

    ratio_free: ClassVar[bool] = True
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("seed", self.seed, minimum=0)

    @property
    def query_window(self) -> int:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """Uniform numbers, (batch, kv_heads, n), equal in every row of the batch."""
        # Drawn on the CPU: generators of other devices give other numbers for the same seed.
        # Tokens that were dropped before count: chosen again with the same numbers, the same places would be dropped.
        stream = torch.Generator().manual_seed(
            self.seed * 10_007 + view.attention.layer + view.dropped * 1_000_003 % 2**40
        )
        drawn = torch.rand(1, view.kv_heads, view.total, generator=stream)
        return drawn.expand(len(view.keys), -1, -1).to(view.keys.device)
