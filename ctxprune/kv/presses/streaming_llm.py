"""StreamingLLM: the first and the last tokens."""

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
    Attention Sinks", arXiv:2309.17453). Tokens between them are dropped, whatever the question.

    Attributes:
        sinks: First tokens to keep, 0 or more.
    """

    ratio_free: ClassVar[bool] = True
    sinks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("sinks", self.sinks, minimum=0)

    @property
    def query_window(self) -> int | None:
        """0: scores need no queries."""
        return 0

    def score(self, view: LayerView) -> Tensor:
        """The index in the sequence, (batch, kv_heads, n); sinks score highest."""
        indices = torch.arange(view.total, dtype=torch.float32, device=view.keys.device)
        # One value above all indices: among sinks, ties go to the earlier token.
        indices[: self.sinks] = view.total
        return indices.expand(view.keys.shape[:-1])
