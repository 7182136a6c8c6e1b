"""Choosing again among the tokens that a layer holds, also where rows are padded and heads hold different counts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.kv.model.attention import Attention

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from torch import Tensor

    from ctxprune.kv.model.capture import AttentionInputs
    from ctxprune.kv.reading.layer_press import LayerPress
    from ctxprune.kv.reading.view import LayerView

__all__ = ["HeldView", "choose_held", "observe_held"]


@dataclass(frozen=True)
class HeldView:
    """The view of the tokens held in one layer, with what stands in its empty slots.

    Attributes:
        view: The view; its last tokens' inputs only are in `hidden`.
        real: False for slots without a token, bool (batch, kv_heads, n); None: there are none.
        inputs: False for padding, bool (batch, w), among the tokens whose inputs are held; None: there is none.
    """

    view: LayerView
    real: Tensor | None
    inputs: Tensor | None

    @property
    def simple(self) -> bool:
        """Whether all rows and heads can be scored together."""
        return self.real is None and self.inputs is None

    def parts(self) -> Iterator[tuple[int, slice, Tensor, LayerView]]:
        """Row, heads, slots and view of each part that has the same slots in all its heads: a row or a single head."""
        batch, heads, _, _ = self.view.keys.shape
        real = self.real if self.real is not None else self.view.keys.new_ones(self.view.keys.shape[:-1]).bool()
        for row in range(batch):
            even = bool((real[row] == real[row, :1]).all())
            for part in [slice(0, heads)] if even else [slice(head, head + 1) for head in range(heads)]:
                slots = real[row, part.start].nonzero()[:, 0]
                if len(slots):
                    yield row, part, slots, self._part(row, part, slots)

    def _part(self, row: int, heads: slice, slots: Tensor) -> LayerView:
        view = self.view
        inputs = torch.arange(view.hidden.shape[1], device=view.keys.device)
        if self.inputs is not None:
            inputs = self.inputs[row].nonzero()[:, 0]
        at = min(row, len(view.cos) - 1)
        single = heads.stop - heads.start < view.kv_heads
        return replace(
            view,
            attention=_HeadAttention.of(view, heads.start) if single else view.attention,
            keys=view.keys[row : row + 1, heads].index_select(-2, slots),
            values=view.values[row : row + 1, heads].index_select(-2, slots),
            hidden=view.hidden[row : row + 1].index_select(1, inputs),
            cos=view.cos[at : at + 1].index_select(1, inputs),
            sin=view.sin[at : at + 1].index_select(1, inputs),
            positions=None if view.positions is None else _row(view.positions, row).index_select(1, inputs),
            # Padding is on the left: the inputs of a row have no gaps.
            first=view.first + (int(inputs[0]) if len(inputs) else 0),
            question=int((slots >= view.tokens).sum()),
            attended=_select(view.attended, row, heads, slots),
            visible_to=_select(view.visible_to, row, heads, slots),
        )


@dataclass(frozen=True)
class _HeadAttention(Attention):
    """An attention module of which only the queries of one key head's group are used."""

    head: int = 0
    kv_heads: int = 1

    @classmethod
    def of(cls, view: LayerView, head: int) -> _HeadAttention:
        return cls(view.attention.module, view.attention.layer, head, view.kv_heads)

    @property
    def heads(self) -> int:
        """Number of query heads of the group."""
        return super().heads // self.kv_heads

    def inputs(
        self, hidden: Tensor, angles: tuple[Tensor, Tensor], start: int = 0, positions: Tensor | None = None
    ) -> AttentionInputs:
        """As of the whole module, with the queries and sinks of the group, and the keys of its head."""
        whole = Attention(self.module, self.layer).inputs(hidden, angles, start, positions)
        group = slice(self.head * self.heads, (self.head + 1) * self.heads)
        return replace(
            whole,
            queries=whole.queries[:, group],
            keys=whole.keys[:, self.head : self.head + 1],
            sinks=None if whole.sinks is None else whole.sinks[group],
        )


def observe_held(held: HeldView) -> Tensor:
    """`LayerView.observe` for each part, float32 (batch, kv_heads, n); 0 in empty slots."""
    if held.simple:
        return held.view.observe()
    found = held.view.keys.new_zeros(held.view.keys.shape[:-1], dtype=torch.float32)
    for row, heads, slots, part in held.parts():
        found[row, heads, slots] = part.observe()[0]
    return found


def choose_held(press: LayerPress, held: HeldView, kept: Sequence[int]) -> Tensor:
    """The tokens to keep, bool (batch, kv_heads, n), those of the question included.

    Args:
        press: Chooses.
        held: The tokens held.
        kept: How many to keep in each head of each row, on average over the heads, those of the question besides.
    """
    view = held.view
    if held.simple and len(set(kept)) == 1:
        return press.plan(view, None, kept[0]).chosen
    chosen = torch.zeros(view.keys.shape[:-1], dtype=torch.bool, device=view.keys.device)
    scores = torch.full(chosen.shape, float("-inf"), device=view.keys.device)
    uneven = set()
    for row, heads, slots, part in held.parts():
        if part.kv_heads == view.kv_heads:
            chosen[row][:, slots] = press.plan(part, None, kept[row]).chosen[0]
        else:
            # Heads that hold different tokens are scored apart, and share the row's budget as the press says.
            uneven.add(row)
            scores[row, heads, slots] = press.check_scores(part, press.score(part))[0]
    for row in uneven:
        own = replace(view, keys=view.keys[row : row + 1], values=view.values[row : row + 1])
        chosen[row] = press.select(own, scores[row : row + 1], min(kept[row], view.tokens) + view.question)[0]
    return chosen if held.real is None else chosen & held.real


def _row(held: Tensor, row: int) -> Tensor:
    at = min(row, len(held) - 1)
    return held[at : at + 1]


def _select(held: Tensor | None, row: int, heads: slice, slots: Tensor) -> Tensor | None:
    return None if held is None else held[row : row + 1, heads].index_select(-1, slots)
