"""Learned dropping of a whole context: tokens that trained gates have closed by its end are dropped."""

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

_BLOCK = 256  # steps at a time: bounds the memory of (steps, tokens) logits


@dataclass(frozen=True)
class LearnedDrop(Press):
    """Scores a token by the lowest gate logit of all later tokens, and drops tokens with a logit below 0, the lowest
    first (Anagnostidis et al., "Dynamic Context Pruning for Efficient and Interpretable Autoregressive
    Transformers", arXiv:2305.15805). All heads of a layer drop the same tokens; the last token is kept.

    `ratio` is a cap: at most that share is dropped, less where the gates keep more. The whole context is read
    before it is pressed, while gates within `ctxprune.kv.dropping` drop tokens that later ones then cannot attend to.

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
        """The lowest I[t, j] over t > j, (batch, kv_heads, n), equal in all heads; infinity for the last token.

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
            # A gate acts only on earlier tokens.
            logits = logits.masked_fill(places[None, None] >= places[None, steps, None], math.inf)
            lowest = torch.minimum(lowest, logits.amin(dim=1))
        return lowest[:, None].expand(view.keys.shape[:-1])

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """All tokens that no gate has closed, and the highest of the others up to `kept`."""
        return super().select(view, scores, kept) | (scores >= 0)
