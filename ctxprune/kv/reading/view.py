"""One layer of a context that was read, as presses see it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.model.projection import raw_queries
from ctxprune.kv.model.rotary import angles

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ctxprune.kv.model.attention import Attention
    from ctxprune.kv.model.capture import AttentionInputs

__all__ = ["LayerView"]

_BLOCK = 64  # queries at a time: their attention weights then fit into a processor's cache


@dataclass(frozen=True)
class LayerView:
    """One layer's keys and values with the inputs they were computed from; rows have no padding when presses score.

    Attributes:
        attention: The attention module.
        order: Index of this layer among the layers that can be pressed, from 0.
        layers: Number of layers that can be pressed.
        keys: (batch, kv_heads, n, head_dim), after the rotary embedding.
        values: (batch, kv_heads, n, head_dim).
        hidden: (batch, n, hidden size), the module's input; of the last tokens only while tokens are read in steps.
        cos: (batch or 1, n, rotary width) of the positions of these tokens; `sin` likewise.
        question: How many of the last tokens belong to the question: they are kept, and no part of the budget.
        positions: Positions of the tokens in `hidden`, long (batch or 1, their number); None: their columns.
        rotary: The model's rotary embedding; None where its layers share none.
        memory: Cache of scores that do not depend on the ratio; None: scores are not cached.
        dropped: How many tokens in front of or among these were dropped before, in each head on average.
        attended: Attention that each token got from queries of which no inputs are held, summed over them and the
            group, float32 (batch, kv_heads, n); None: inputs of all tokens are held.
        visible_to: How many tokens read so far can attend to each token, (batch, kv_heads, n); None: n, n - 1, ..., 1.
        first: Column, in the sequence read, of the first token in `hidden`; columns count padding and dropped tokens.
        unscorable: Why the layer's attention cannot be computed again; None: it can.
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
    dropped: int = 0
    attended: Tensor | None = None
    visible_to: Tensor | None = None
    first: int = 0
    unscorable: UsageError | None = None

    @property
    def total(self) -> int:
        """Number of tokens, the question's included."""
        return int(self.keys.shape[-2])

    @property
    def tokens(self) -> int:
        """Number of tokens of the context, from which a press chooses."""
        return self.total - self.question

    @property
    def read(self) -> int:
        """Number of tokens of the context as it was read, dropped ones included: ratios are shares of it."""
        return self.tokens + self.dropped

    @property
    def kv_heads(self) -> int:
        """Number of heads of keys and values."""
        return int(self.keys.shape[1])

    @property
    def head_dim(self) -> int:
        """Width of a key."""
        return int(self.keys.shape[-1])

    def window_size(self, window: int) -> int:
        """Length of the observation window at the end: the question if it is not longer than `window`, else `window`;
        at most all tokens whose queries are known."""
        held = int(self.hidden.shape[1])
        return min(self.question if 0 < self.question <= window else window, self.total, held)

    def raw_inputs(self, start: int = 0, stop: int | None = None) -> AttentionInputs:
        """What attention gets for tokens from `start` to `stop`, before the rotary embedding.

        Raises:
            UsageError: The layer's attention cannot be computed again, its rotary embedding is not the last step, or
                inputs of the last tokens only are held.
        """
        return self.attention.raw_inputs(*self._raw_arguments(start, stop))

    def raw_queries(self, start: int = 0, stop: int | None = None) -> Tensor:
        """The queries of `raw_inputs` without its keys, (batch, heads, stop - start, head_dim); errors as there."""
        return raw_queries(self.attention, *self._raw_arguments(start, stop))

    def _raw_arguments(self, start: int, stop: int | None) -> tuple[Tensor, Tensor, int, Tensor | None]:
        self.check_scorable()
        self._index_of(None)
        places = None if self.positions is None else self.positions[:, start:stop]
        return self.hidden[:, start:stop], self.cos, self.first + start, places

    def queries(self, last: int | None = None) -> Tensor:
        """Queries of the last tokens (None: of all) after the rotary embedding, (batch, heads, last, head_dim).

        Raises:
            UsageError: The layer's attention cannot be computed again, or inputs of these tokens are not held.
        """
        self.check_scorable()
        at = self._index_of(last)
        turns = self.cos[:, at:], self.sin[:, at:]
        places = None if self.positions is None else self.positions[:, at:]
        return self.attention.inputs(self.hidden[:, at:], turns, self.first + at, places).queries

    def check_scorable(self) -> None:
        """Raises UsageError where the layer's attention cannot be computed again."""
        if self.unscorable is not None:
            raise self.unscorable

    @cached_property
    def rule(self) -> AttentionInputs:
        """Scaling, cap and sinks of the layer's attention, with queries and keys of a token of zeros."""
        zeros = torch.zeros_like(self.hidden[:1, -1:])
        return self.attention.inputs(zeros, (self.cos[:1, -1:], self.sin[:1, -1:]))

    @cached_property
    def score_keys(self) -> Tensor:
        """What queries meet, (batch, kv_heads, n, d): the keys, or latents with the rotated part of keys (MLA)."""
        return torch.cat([self.keys, self.values], dim=-1) if self.rule.latent else self.keys

    def _index_of(self, last: int | None) -> int:
        """The index in `hidden` of the first of the last tokens."""
        start = int(self.hidden.shape[1]) - (self.total if last is None else last)
        if start < 0:
            raise UsageError(
                f"queries of {self.total if last is None else last} tokens are asked for, and inputs of "
                f"{self.hidden.shape[1]} are held",
                where=f"layer {self.attention.layer}",
                hint="a press that is used while tokens are read in steps says in `query_window` how many it needs",
            )
        return start

    def weights(self, last: int) -> Tensor:
        """Attention of the last tokens, causal: float32 (batch, kv_heads, group, last, n), rows sum to 1."""
        return self.weights_of(self.queries(last), self.total - last)

    def weights_of(self, queries: Tensor, first: int) -> Tensor:
        """As `weights`, for queries (batch, heads, m, head_dim), the first of which is at index `first`."""
        batch, heads, count, width = queries.shape
        flat = queries.reshape(batch, self.kv_heads, heads // self.kv_heads * count, width)
        sinks = self.rule.sinks
        if sinks is not None:
            sinks = sinks.view(self.kv_heads, -1).repeat_interleave(count, dim=-1)
        weights = self._softmax(flat @ self.score_keys.transpose(-1, -2), first, count, sinks)
        return weights.view(batch, self.kv_heads, heads // self.kv_heads, count, self.total)

    def _softmax(self, products: Tensor, first: int, count: int, sinks: Tensor | None) -> Tensor:
        """Causal attention, float32, from dot products (..., group * count, n) of queries from index `first` on, and
        the sinks of their heads, (..., group * count)."""
        logits = products.float().mul_(self.rule.scaling)
        cap = self.rule.softcap
        logits = logits if cap is None else logits.div_(cap).tanh_().mul_(cap)
        # Tokens before the first query are visible to all queries: only the others need a mask.
        late = torch.arange(first, logits.shape[-1], device=logits.device)
        own = torch.arange(first, first + count, device=logits.device)
        unseen = (late > own[:, None]).repeat(logits.shape[-2] // count, 1)
        logits[..., first:].masked_fill_(unseen, float("-inf"))
        if sinks is None:
            return logits.softmax(dim=-1)
        # A sink takes its share of attention without being a token.
        sinks = sinks.to(logits.dtype).expand(logits.shape[:-1])[..., None]
        return torch.cat([logits, sinks], dim=-1).softmax(dim=-1)[..., :-1]

    def reduce_attention(self, queries: Tensor, first: int, *, most: bool = False) -> Tensor:
        """Attention that every token gets from many queries, reduced over queries and group.

        It is computed for a block of queries and one key head at a time, and only over tokens that these can attend to.

        Args:
            queries: (batch, heads, m, head_dim), after the rotary embedding.
            first: The index of the first query; each attends to the tokens up to its own index.
            most: Whether to take the maximum instead of the sum.

        Returns:
            float32 (batch, kv_heads, n), 0 for tokens that no query attends to.
        """
        batch, heads, count, width = queries.shape
        found = self.keys.new_zeros(self.keys.shape[:-1], dtype=torch.float32)
        grouped = queries.reshape(batch, self.kv_heads, heads // self.kv_heads, count, width)
        sinks = None if self.rule.sinks is None else self.rule.sinks.view(self.kv_heads, -1)
        for row, head in product(range(batch), range(self.kv_heads)):
            for start in range(0, count, _BLOCK):
                block = grouped[row, head, :, start : start + _BLOCK]
                size = block.shape[1]
                seen = min(first + start + size, self.total)
                products = block.reshape(-1, width) @ self.score_keys[row, head, :seen].T
                own = None if sinks is None else sinks[head].repeat_interleave(size)
                weights = self._softmax(products, first + start, size, own)
                target = found[row, head, :seen]
                if most:
                    torch.maximum(target, weights.amax(dim=0), out=target)
                else:
                    target += weights.sum(dim=0)
        return found

    def observe(self) -> Tensor:
        """Attention that every token gets from all queries whose inputs are held, and got before (`attended`), summed
        over queries and group, float32 (batch, kv_heads, n)."""
        count = int(self.hidden.shape[1])
        if not count:
            now = self.keys.new_zeros(self.keys.shape[:-1], dtype=torch.float32)
        else:
            now = self.reduce_attention(self.queries(count), self.total - count)
        return now if self.attended is None else now + self.attended

    def future(self, count: int) -> tuple[Tensor, Tensor]:
        """cos and sin of the `count` positions behind the context, float32 (batch or 1, count, rotary width).

        Raises:
            UsageError: The layers of the model share no rotary embedding.
        """
        # The question is not counted: it is read again behind the pressed context.
        end = int(self.hidden.shape[1]) - self.question
        last = self.keys.new_tensor([[self.first + end - 1]], dtype=torch.long)
        if self.positions is not None and end > 0:
            last = self.positions[:, end - 1 : end]
        return angles(self.rotary, self.attention, last + 1 + torch.arange(count, device=last.device))

    @cached_property
    def value_norms(self) -> Tensor:
        """Norms of the values, float32 (batch, kv_heads, n)."""
        return self.values.float().norm(dim=-1)

    def row(self, number: int, columns: Tensor) -> LayerView:
        """One row of the batch, with the tokens at `columns` (long, ascending) only."""
        # Rows without padding may share one row of angles.
        at = min(number, self.cos.shape[0] - 1)
        # Scores of one row are no scores of the batch.
        return replace(
            self,
            keys=self.keys[number : number + 1].index_select(-2, columns),
            values=self.values[number : number + 1].index_select(-2, columns),
            hidden=self.hidden[number : number + 1].index_select(1, columns),
            cos=self.cos[at : at + 1].index_select(1, columns),
            sin=self.sin[at : at + 1].index_select(1, columns),
            question=int((columns >= self.tokens).sum()),
            positions=_row_positions(self.positions, number, columns),
            # Padding is on one side of a row, so that its tokens stand in a row.
            first=self.first + (int(columns[0]) if len(columns) else 0),
            memory=None,
        )


def _row_positions(positions: Tensor | None, number: int, columns: Tensor) -> Tensor:
    if positions is None:
        return columns[None]
    at = min(number, positions.shape[0] - 1)
    return positions[at : at + 1].index_select(1, columns.to(positions.device))
