"""What a layer needs to be pressed again: everything that it holds in one rectangle, and inputs of its last tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.kv.cache.store import Counts, KeptTokens, Plain, column_type

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

__all__ = ["HeldTokens", "RecentInputs"]


@dataclass(frozen=True)
class RecentInputs:
    """The attention's inputs at the last tokens read, from which presses compute queries.

    Attributes:
        hidden: Hidden states, (batch, w, hidden size).
        cos: (batch or 1, w, rotary width) of their positions; `sin` likewise.
        needed: How many of them the next press needs, where so many tokens were read.
    """

    hidden: Tensor
    cos: Tensor
    sin: Tensor
    needed: int = 0

    @property
    def count(self) -> int:
        """Number of tokens."""
        return int(self.hidden.shape[1])

    def extend(self, later: RecentInputs, most: int) -> RecentInputs:
        """With later tokens behind, limited to the last `most`; new tensors, so that earlier ones are freed."""
        # Rows of a padded batch have angles of their own, while another call may have one row for all.
        rows = max(len(self.cos), len(later.cos))
        pairs = zip(self.tensors().values(), later.tensors().values(), strict=True)
        hidden, cos, sin = (_last(torch.cat([_rows(old, rows), _rows(new, rows)], dim=1), most) for old, new in pairs)
        return replace(self, hidden=hidden, cos=cos, sin=sin)

    def last(self, most: int) -> RecentInputs:
        """Copies of the last `most`."""
        return self.change(lambda held: _last(held, most))

    def drop_last(self, count: int) -> RecentInputs:
        """Without the last `count`."""
        return self.change(lambda held: held[:, : max(self.count - count, 0)].clone())

    def rows(self, indices: Tensor) -> RecentInputs:
        """Some rows of the batch, which may repeat."""
        rows = len(self.hidden)
        return self.change(lambda held: _rows(held, rows)[indices])

    def change(self, function: Callable[[Tensor], Tensor]) -> RecentInputs:
        """With `function` applied to every tensor."""
        return replace(self, **{name: function(held) for name, held in self.tensors().items()})

    def tensors(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {"hidden": self.hidden, "cos": self.cos, "sin": self.sin}


@dataclass(frozen=True)
class HeldTokens:
    """Kept tokens and those read since, (batch, kv_heads, slots, head_dim), in the order in which they were read.

    Attributes:
        keys: Their keys; `values` likewise.
        columns: The column of each in the sequence read, long (batch, kv_heads, slots); arbitrary in empty slots.
        real: False for empty slots of heads that keep fewer tokens, and for padding, bool of that shape; None where
            there are none.
    """

    keys: Tensor
    values: Tensor
    columns: Tensor
    real: Tensor | None

    @classmethod
    def of(
        cls, kept: KeptTokens | None, keys: Tensor, values: Tensor, first: int, padding: Tensor | None
    ) -> HeldTokens:
        """What a layer holds.

        Args:
            kept: Its kept tokens; None before the first press.
            keys: Keys of the tokens read since, (batch, kv_heads, m, head_dim); `values` likewise.
            first: The column of the first of them.
            padding: True for tokens, False for padding, bool (batch, n) over all columns; None: no padding.
        """
        batch, heads, count, _ = keys.shape
        late = torch.arange(first, first + count, device=keys.device).expand(batch, heads, -1)
        real = None if padding is None else padding[:, None, first : first + count].expand(batch, heads, -1)
        if real is not None and bool(real.all()):
            real = None
        if kept is None:
            return cls(keys, values, late, real)
        old_keys, old_values = kept.read()
        within = kept.counts.real()
        if within is not None or real is not None:
            whole = torch.ones(batch, heads, kept.counts.longest, dtype=torch.bool, device=keys.device)
            rest = torch.ones_like(late, dtype=torch.bool) if real is None else real
            real = torch.cat([whole if within is None else within, rest], dim=-1)
        return cls(
            torch.cat([old_keys, keys], dim=-2),
            torch.cat([old_values, values], dim=-2),
            torch.cat([kept.counts.padded(kept.columns).long(), late], dim=-1),
            real,
        )

    def first(self, slots: int) -> HeldTokens:
        """The first slots."""
        real = None if self.real is None else self.real[..., :slots]
        return replace(
            self,
            keys=self.keys[..., :slots, :],
            values=self.values[..., :slots, :],
            columns=self.columns[..., :slots],
            real=real,
        )

    def keep(self, chosen: Tensor, seen: int) -> KeptTokens:
        """Copies of the chosen tokens, bool (batch, kv_heads, slots); `seen` is how many columns there are."""
        if self.real is not None:
            chosen = chosen & self.real
        counts = Counts.of(chosen.sum(dim=-1))
        columns = self.columns[chosen].to(column_type(seen))
        return KeptTokens(Plain(self.keys[chosen]), Plain(self.values[chosen]), counts, columns)


def _last(held: Tensor, most: int) -> Tensor:
    return held[:, max(held.shape[1] - most, 0) :].clone()


def _rows(held: Tensor, rows: int) -> Tensor:
    return held.expand(rows, -1, -1) if len(held) == 1 else held
