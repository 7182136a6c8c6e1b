"""StreamingLLM: the first tokens and the last ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.kv.presses.base import Press
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["StreamingLLM"]


@dataclass(frozen=True)
class StreamingLLM(Press):
    """Keeps the attention sinks and the most recent tokens (Xiao et al., "Efficient Streaming Language Models with
    Attention Sinks", arXiv:2309.17453). What stood in the middle is gone, whatever the question.

    Attributes:
        sinks: First tokens that stay, 0 or more.
    """

    ratio_free: ClassVar[bool] = True
    sinks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("sinks", self.sinks, 0)

    def score(self, view: LayerView) -> Tensor:
        """The place in the sequence, (batch, kv_heads, n); above all of them for sinks."""
        places = torch.arange(view.total, dtype=torch.float32, device=view.keys.device)
        places[: self.sinks] = view.total
        return places.expand(view.keys.shape[:-1])
