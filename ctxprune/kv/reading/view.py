"""What a press sees of one layer after the context was read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.kv.model.rotary import angles

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.model.attention import Attention

__all__ = ["LayerView"]

_BLOCK = 64  # queries at a time


@dataclass(frozen=True)
class LayerView:
    """One layer's cache and what it was made from; every row of the batch is whole, without padding.

    Attributes:
        attention: The attention module.
        layers: How many layers of this kind the model has; `order` is this one's place among them, from 0.
        keys: (batch, kv_heads, n, head_dim), after the rotary embedding.
        values: (batch, kv_heads, n, head_dim).
        hidden: (batch, n, hidden size), the module's input.
        cos: (batch or 1, n, rotary width) of the tokens' positions; `sin` likewise.
        question: How many of the last tokens are the question: they look, are kept, and are not counted.
        positions: The tokens' positions, long (batch or 1, n); None: 0 to n - 1.
        rotary: The model's rotary embedding; None where the model has none that its layers share.
        memory: Where presses whose scores do not depend on their ratio leave them for the next one; None: nowhere.
    """

    attention: Attention
    order: int
    layers: int
    keys: Tensor
    values: Tensor
    hidden: Tensor
    cos: Tensor
    sin: Tensor
    question: int = 0
    positions: Tensor | None = None
    rotary: nn.Module | None = None
    memory: dict[Any, Any] | None = field(default=None, compare=False, repr=False)

    @property
    def total(self) -> int:
        """Tokens in the cache, the question's included."""
        return int(self.keys.shape[-2])

    @property
    def tokens(self) -> int:
        """Tokens of the context, which a press chooses from."""
        return self.total - self.question

    @property
    def kv_heads(self) -> int:
        """Heads of keys and values."""
        return int(self.keys.shape[1])

    @property
    def head_dim(self) -> int:
        """Numbers in a key."""
        return int(self.keys.shape[-1])

    def window_size(self, window: int) -> int:
        """How many of the last tokens look at the rest: the question where there is one, else `window`, at most all."""
        return min(self.question if 0 < self.question <= window else window, self.total)

    def raw_queries(self, last: int | None = None) -> Tensor:
        """Queries of the last tokens (None: of all) before the rotary embedding, (batch, heads, last, head_dim)."""
        hidden = self.hidden if last is None else self.hidden[:, self.total - last :]
        return self.attention.queries(hidden, self.head_dim)

    def queries(self, last: int | None = None) -> Tensor:
        """Queries of the last tokens (None: of all) after the rotary embedding, (batch, heads, last, head_dim)."""
        start = 0 if last is None else self.total - last
        return self.attention.rotate(self.raw_queries(last), self.cos[:, start:], self.sin[:, start:])

    def weights(self, last: int) -> Tensor:
        """Attention of the last tokens, causal: float32 (batch, kv_heads, group, last, n), rows sum to 1."""
        return self.weights_of(self.queries(last), self.total - last)

    def weights_of(self, queries: Tensor, first: int) -> Tensor:
        """As `weights` for queries (batch, heads, m, head_dim), the first of which stands at position `first`."""
        batch, heads, count, width = queries.shape
        flat = queries.reshape(batch, self.kv_heads, heads // self.kv_heads * count, width)
        weights = self._softmax(flat @ self.keys.transpose(-1, -2), first, count)
        return weights.view(batch, self.kv_heads, heads // self.kv_heads, count, self.total)

    def _softmax(self, products: Tensor, first: int, count: int) -> Tensor:
        """Causal attention from dot products (..., group * count, n) of queries from place `first` on, in float32."""
        logits = products.float().mul_(self.attention.scaling)
        cap = self.attention.softcap
        logits = logits if cap is None else logits.div_(cap).tanh_().mul_(cap)
        late = torch.arange(first, logits.shape[-1], device=logits.device)  # unseen by the first query, and itself
        own = torch.arange(first, first + count, device=logits.device)
        unseen = (late > own[:, None]).repeat(logits.shape[-2] // count, 1)
        logits[..., first:].masked_fill_(unseen, float("-inf"))
        return logits.softmax(dim=-1)

    def reduce_attention(self, queries: Tensor, first: int, *, most: bool = False) -> Tensor:
        """Attention that every token receives from many queries, over queries and group together.

        Computed for some queries and one head of keys at a time, over the tokens that these can see alone: what is held
        fits into a processor's cache.

        Args:
            queries: (batch, heads, m, head_dim), after the rotary embedding.
            first: The position of the first of them; each sees the tokens up to its own place.
            most: Whether the most is asked for, rather than the sum.

        Returns:
            float32 (batch, kv_heads, n), 0 for what none of them sees.
        """
        batch, heads, count, width = queries.shape
        found = self.keys.new_zeros(self.keys.shape[:-1], dtype=torch.float32)
        grouped = queries.view(batch, self.kv_heads, heads // self.kv_heads, count, width)
        for row, head in product(range(batch), range(self.kv_heads)):
            for start in range(0, count, _BLOCK):
                block = grouped[row, head, :, start : start + _BLOCK]
                size = block.shape[1]
                seen = min(first + start + size, self.total)
                products = block.reshape(-1, width) @ self.keys[row, head, :seen].T
                weights = self._softmax(products, first + start, size)
                target = found[row, head, :seen]
                if most:
                    torch.maximum(target, weights.amax(dim=0), out=target)
                else:
                    target += weights.sum(dim=0)
        return found

    def future(self, count: int) -> tuple[Tensor, Tensor]:
        """cos and sin of the `count` positions behind the context, float32 (batch or 1, count, rotary width).

        Raises:
            UsageError: The model has no rotary embedding that its layers share.
        """
        last = self.keys.new_tensor([[self.tokens - 1]], dtype=torch.long)
        if self.positions is not None and self.tokens:
            last = self.positions[:, self.tokens - 1 : self.tokens]
        return angles(self.rotary, self.attention, last + 1 + torch.arange(count, device=last.device))

    @cached_property
    def value_norms(self) -> Tensor:
        """Lengths of the values, float32 (batch, kv_heads, n)."""
        return self.values.float().norm(dim=-1)

    def row(self, number: int, columns: Tensor) -> LayerView:
        """One row of the batch with the tokens at `columns` (long, ascending) alone."""
        at = min(number, self.cos.shape[0] - 1)
        return replace(
            self,
            keys=self.keys[number : number + 1].index_select(-2, columns),
            values=self.values[number : number + 1].index_select(-2, columns),
            hidden=self.hidden[number : number + 1].index_select(1, columns),
            cos=self.cos[at : at + 1].index_select(1, columns),
            sin=self.sin[at : at + 1].index_select(1, columns),
            question=int((columns >= self.tokens).sum()),
            positions=_row_positions(self.positions, number, columns),
            memory=None,
        )


def _row_positions(positions: Tensor | None, number: int, columns: Tensor) -> Tensor:
    if positions is None:
        return columns[None]
    at = min(number, positions.shape[0] - 1)
    return positions[at : at + 1].index_select(1, columns.to(positions.device))
