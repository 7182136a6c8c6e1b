"""The layer of a transformers cache from which gates remove tokens during generation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers.cache_utils import DynamicLayer

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.gates.gates import LayerGate

__all__ = ["GatedLayer"]

_NONE = -1  # column of an empty slot, in a row with fewer tokens than the longest


class GatedLayer(DynamicLayer):  # type: ignore[misc]
    """Tokens that no gate has closed, the same in all heads; rows of a batch may hold different ones.

    `get_seq_length` is the number of tokens read, dropped ones included. `keys` and `values` are (batch, kv_heads,
    held, d), as long as the longest row.

    Attributes:
        columns: The column of each held token in the sequence read, int32 (batch, held), ascending; -1 for empty
            slots in front of shorter rows.
        interactions: Their key parts of the gate, (batch, held, width).
        seen: Number of tokens read.
    """

    keys: Tensor
    values: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._clear()

    def _clear(self) -> None:
        self.seen = 0
        self.columns: Tensor | None = None
        self.interactions: Tensor | None = None
        # Columns to keep after the current step, and its tokens.
        self._after: tuple[Tensor | None, int] | None = None

    @property
    def held(self) -> Tensor:
        """Number of tokens held by each row, long (batch,)."""
        if self.columns is None:
            return torch.zeros(0, dtype=torch.long)
        return (self.columns != _NONE).sum(dim=-1)

    @torch.no_grad()  # type: ignore[untyped-decorator]
    def gate(self, gate: LayerGate, hidden: Tensor, mask: Tensor | None) -> Tensor | None:
        """Apply the gate for new tokens, before `update`; if there is one new token, closed ones are removed at once.

        Args:
            gate: The layer's gate.
            hidden: The attention's input, (batch, new, hidden size).
            mask: (batch or 1, heads or 1, new, tokens read + new), bool or added to logits; None: nothing is padded.

        Returns:
            The mask for the keys that `update` will return; None where nothing is masked.

        Raises:
            UsageError: A gate has been applied in this step already.
        """
        if self._after is not None:
            raise UsageError("two gates act in one layer", hint="open ctxprune.kv.dropping once")
        query, key = gate.parts(hidden)
        rows, new = hidden.shape[:2]
        own = torch.arange(self.seen, self.seen + new, dtype=torch.int32, device=hidden.device)
        columns, keys = own.expand(rows, -1), key
        if self.columns is not None and self.interactions is not None:
            columns = torch.cat([self.columns, columns], dim=1)
            keys = torch.cat([self.interactions, key], dim=1)
        steps = own[None, :, None]
        closed = (gate.logits(query, keys) < 0) & (columns[:, None] < steps)
        if new > 1:
            # A token that was closed once stays closed for all later steps.
            closed = closed.cumsum(dim=1) > 0
        open_ = ~closed & (columns[:, None] <= steps) & (columns[:, None] != _NONE)
        fit = None if mask is None else _gather_mask(mask, columns)
        if fit is not None and fit.dtype == torch.bool:
            open_ = open_ & fit[:, 0]
        elif fit is not None:
            open_ = open_ & (fit[:, 0] > torch.finfo(fit.dtype).min)
        self.columns, self.interactions = columns, keys
        stay = _columns_to_keep(open_[:, -1])
        if new == 1 and stay is not None:
            self._keep_columns(stay, before=True)
            fit = None if fit is None else _gather_rows(fit, stay, -1)
            open_ = _gather_rows(open_, stay, -1) & (self.columns != _NONE)[:, None]
            stay = None
        # Several new tokens are removed only after the step: earlier ones among them may attend to tokens that later
        # ones close.
        self._after = stay, new
        shut = ~open_[:, None]
        if fit is not None:
            return fit & ~shut if fit.dtype == torch.bool else fit.masked_fill(shut, torch.finfo(fit.dtype).min)
        return None if not bool(shut.any()) else ~shut

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        """Append new tokens, return the keys and values they may attend to, and keep those open after the last of them.

        Raises:
            UsageError: No gate was applied: the model was called outside `dropping`.
        """
        if self._after is None:
            raise UsageError(
                "a gated cache was used without its gates", hint="call the model within ctxprune.kv.dropping"
            )
        (stay, new), self._after = self._after, None
        keys, values = super().update(key_states, value_states, *args, **kwargs)
        self.seen += new
        if stay is not None:
            self._keep_columns(stay)
        return keys, values

    def discard_step(self) -> None:
        """Discard a step that was not finished."""
        self._after = None

    def get_seq_length(self) -> int:
        """Number of tokens read, dropped ones included."""
        return self.seen

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """The size of a mask over all tokens read and `query_length` new ones, and its offset, 0."""
        return self.seen + query_length, 0

    def crop(self, tokens_to_remove: int) -> None:
        """Not possible: dropped tokens cannot be restored.

        Raises:
            UsageError: Unless the number is 0.
        """
        if tokens_to_remove:
            raise UsageError(
                f"cannot crop by {tokens_to_remove}", hint="dropped tokens cannot be restored: read the text again"
            )

    def reset(self) -> None:
        """Remove all tokens."""
        super().reset()
        self._clear()

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep only some rows of the batch, by their indices, which may repeat."""
        if self.columns is None or self.interactions is None:
            return
        indices = indices.to(self.columns.device)
        self.columns, self.interactions = self.columns[indices], self.interactions[indices]
        self.keys, self.values = self.keys[indices], self.values[indices]

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Reorder the rows of the batch (beam search)."""
        self.batch_select_indices(beam_idx)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row of the batch."""
        if self.columns is not None:
            self.batch_select_indices(torch.arange(len(self.columns)).repeat_interleave(repeats))

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the layer, by name."""
        if self.columns is None or self.interactions is None:
            return {}
        return {
            "keys": self.keys,
            "values": self.values,
            "columns": self.columns,
            "interactions": self.interactions,
        }

    def _keep_columns(self, stay: Tensor, *, before: bool = False) -> None:
        """Keep the slots `stay`, long (batch, fewer), -1 for empty; with `before`, the newest token has no keys yet."""
        columns, interactions = self.columns, self.interactions
        if columns is None or interactions is None:
            return
        self.columns = _gather_rows(columns, stay, -1).masked_fill(stay == _NONE, _NONE)
        self.interactions = _gather_rows(interactions, stay, -2)
        old = stay[:, :-1] if before else stay
        if self.is_initialized and self.keys.numel():
            self.keys, self.values = _gather_rows(self.keys, old, -2), _gather_rows(self.values, old, -2)


def _columns_to_keep(open_: Tensor) -> Tensor | None:
    """Indices of open slots, in order, long (batch, longest row), -1 in front of shorter rows; None for all."""
    if bool(open_.all()):
        return None
    if len(open_) == 1:
        return open_[0].nonzero().T
    longest = int(open_.sum(dim=-1).max())
    # A stable sort of False before True moves empty slots to the front and keeps the order of tokens.
    order = open_.to(torch.int8).argsort(dim=-1, stable=True)[:, open_.shape[1] - longest :]
    return order.masked_fill(~open_.gather(-1, order), _NONE)


def _gather_rows(held: Tensor, stay: Tensor, axis: int) -> Tensor:
    """Select each row's own indices of an axis; a copy, so that the memory of dropped tokens is freed."""
    if len(stay) == 1:
        return held.index_select(axis, stay[0])
    at = stay.clamp(min=0).view(len(stay), *[1] * (held.ndim - 1 + axis), stay.shape[1], *[1] * (-1 - axis))
    shape = [*held.shape]
    shape[axis] = stay.shape[1]
    return held.gather(axis, at.expand(shape))


def _gather_mask(mask: Tensor, columns: Tensor) -> Tensor:
    """A mask over all tokens read, reduced to the given columns, (batch, heads or 1, new, columns)."""
    rows, heads, new = len(columns), mask.shape[1], mask.shape[2]
    at = columns.clamp(min=0).long()[:, None, None].expand(rows, heads, new, -1)
    return mask.expand(rows, -1, -1, -1).gather(-1, at)
