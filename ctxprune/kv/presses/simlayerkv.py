"""SimLayerKV: layers that attend only to both ends of the context keep only these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.kv.presses.streaming_llm import StreamingLLM
from ctxprune.kv.selection import top
from ctxprune.utils.validation import check_whole, is_number

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["SimLayerKV"]


@dataclass(frozen=True)
class SimLayerKV(StreamingLLM):
    """Presses lazy layers as StreamingLLM does, and does not press the others (Zhang et al., "SimLayerKV: A Simple
    Framework for Layer-Level KV Cache Reduction", arXiv:2410.13846). A layer is lazy if the last tokens pay, in the
    mean over its heads, more than a threshold of their attention to sinks and recent tokens. Each row of a batch has
    its own lazy layers.

    `ratio` is the share that a lazy layer drops; how many layers are lazy, and so the size of the cache, depends on the
    context. The paper's thresholds are 0.65 (Llama 2), 0.8 (Mistral), 0.85 (Qwen 2.5) and 0.9 (Llama 3).

    Attributes:
        threshold: The share of attention above which a layer is lazy, 0 to 1; at 1 no layer is pressed.
        last: Tokens of the observation window, 1 or more; with a question, the window is the question.
        recent: Recent tokens that a lazy layer keeps in addition to the sinks, 1 or more, whatever the ratio; None: as
            many as the ratio says. The paper uses 1,024.
    """

    threshold: float = 0.9
    last: int = 32
    recent: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not is_number(self.threshold) or not 0 <= self.threshold <= 1:
            raise UsageError(f"threshold is {self.threshold!r}", hint="a share of attention, from 0 to 1")
        check_whole("last", self.last, minimum=1)
        if self.recent is not None:
            check_whole("recent", self.recent, minimum=1)

    @property
    def query_window(self) -> None:
        """None: whether a layer is lazy is found out once, for the whole context."""
        return

    def budget(self, view: LayerView) -> int:
        """The number of tokens that a lazy layer keeps."""
        return super().budget(view) if self.recent is None else min(self.sinks + self.recent, view.tokens)

    def share(self, view: LayerView, kept: Tensor) -> Tensor:
        """Share of the window's attention on kept tokens, mean over heads and tokens, 0..1, (batch,).

        Args:
            view: The layer.
            kept: bool (batch, kv_heads, n).
        """
        weights = view.weights(view.window_size(self.last))
        return (weights * kept[:, :, None, None]).sum(dim=-1).mean(dim=(1, 2, 3))

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """Sinks and recent tokens in rows in which this layer is lazy, and all tokens in other rows."""
        ends = top(scores, kept)
        # A layer is judged by the tokens that it would keep if it were lazy.
        lazy = self.share(view, ends) > self.threshold
        return ends | ~lazy[:, None, None]
