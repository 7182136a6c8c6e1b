"""ChunkKV: whole chunks of neighbouring tokens are kept, so that the kept text is readable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.kv.wrappers.wrapper import Wrapper
from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.reading.view import LayerView

__all__ = ["ChunkKV"]


@dataclass(frozen=True)
class ChunkKV(Wrapper):
    """Keeps whole chunks of neighbouring tokens, the same in all heads, by the scores summed over heads and averaged
    over the chunk's tokens (Liu et al., "ChunkKV: Semantic-Preserving KV Cache Compression", arXiv:2502.00299).

    Chunks are taken from the highest score down, each if it still fits: never more tokens are kept than the budget,
    and less than a chunk's length fewer. If the budget is too small for any chunk, the highest one is kept whole.

    Attributes:
        chunk: Tokens of a chunk, 1 or more; the last chunk of a context may be shorter.
    """

    chunk: int = 20

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("chunk", self.chunk, minimum=1)

    def select(self, view: LayerView, scores: Tensor, kept: int) -> Tensor:
        """Whole chunks of the context, and the question."""
        ranked = self.rank(view, scores, kept)[..., : view.tokens]
        # Infinite scores (kept in any case, or dropped before) would decide over the rest of their chunk.
        tokens = clamp_infinite(ranked).sum(dim=1)
        owner = torch.arange(view.tokens, device=scores.device) // self.chunk
        sizes = owner.bincount()
        sums = tokens.new_zeros(len(tokens), len(sizes)).index_add_(1, owner, tokens)
        chosen = torch.ones_like(scores, dtype=torch.bool)
        for row, means in enumerate(sums / sizes):
            taken = _take_chunks(means, sizes.tolist(), kept - view.question)
            chosen[row, :, : view.tokens] = torch.tensor(taken, device=scores.device)[owner]
        return chosen


def clamp_infinite(scores: Tensor) -> Tensor:
    """Scores (batch, heads, n) with inf replaced by the row's highest finite score, and -inf by its lowest."""
    finite = scores.isfinite()
    low = scores.where(finite, torch.inf).amin(dim=(1, 2), keepdim=True)
    high = scores.where(finite, -torch.inf).amax(dim=(1, 2), keepdim=True)
    return torch.maximum(torch.minimum(scores, high), low)


def _take_chunks(means: Tensor, sizes: list[int], room: int) -> list[bool]:
    taken = [False] * len(sizes)
    order = means.argsort(descending=True, stable=True).tolist()
    for chunk in order:
        if sizes[chunk] <= room:
            taken[chunk] = True
            room -= sizes[chunk]
    taken[order[0]] |= not any(taken)
    return taken
