"""Learned dropping at once: what trained gates have closed by the end of the context goes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.gates.gates import Gates
from ctxprune.kv.presses.base import Press

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["LearnedDrop"]

_BLOCK = 256  # steps looked at together


@dataclass(frozen=True)
class LearnedDrop(Press):
    """Scores a token by the lowest gate logit of all tokens after it, and drops what a gate has closed, below 0, the
    lowest first (Anagnostidis et al., "Dynamic Context Pruning for Efficient and Interpretable Autoregressive
    Transformers", arXiv:2305.15805). All heads of a layer drop the same tokens; the last token stays.

    `ratio` is a cap: at most that share is dropped, less where the gates keep more. The context is read whole before
    it is pressed, while gates that drop as they read (`ctxprune.kv.dropping`) change what later tokens see.

    Attributes:
        ratio: The largest share that is dropped, 0 <= ratio < 1.
        gates: Gates trained with the model; see `ctxprune.kv.Gates`.
    """

    learned: ClassVar[bool] = True
    ratio: float = 0.99
    gates: Gates | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.gates, Gates):
            raise UsageError(
                f"gates is {type(self.gates).__name__}", hint="a Gates trained with the model: Gates.load(path, model)"
            )

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def score(self, view: LayerView) -> Tensor:
        """The lowest I[t, j] over t > j, (batch, kv_heads, n), alike for all heads; infinity for the last token.

        Raises:
            UsageError: There is no gate for the layer, or it is of another hidden size.
        """
        gates, layer = self.gates, view.attention.layer
        if gates is None or layer not in gates.layers or gates.hidden != view.hidden.shape[-1]:
            raise UsageError("the gates are not this model's", where=f"layer {layer}", hint="Gates.load(path, model)")
        query, key = gates[layer].parts(view.hidden)
        lowest = key.new_full(key.shape[:2], math.inf)
        places = torch.arange(view.total, device=key.device)
        for start in range(0, view.total, _BLOCK):
            steps = slice(start, start + _BLOCK)
            logits = gates[layer].logits(query[:, steps], key)
            logits = logits.masked_fill(places[None, None] >= places[None, steps, None], math.inf)
            lowest = torch.minimum(lowest, logits.amin(dim=1))
        return lowest[:, None].expand(view.keys.shape[:-1])

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """What no gate has closed, and of the rest the highest until `kept` stay."""
        return super().select(view, scores, kept) | (scores >= 0)
