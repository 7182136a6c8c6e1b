"""The kept tokens of one layer, in a flat form in which heads may keep different counts.

The flat form has one row per kept token, ordered by batch row, then head, then column. Its numbers are a `Packed`:
unpacked (`Plain`), with fewer channels (`Thinned`), or quantised (`ctxprune.kv.cache.groups`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

import torch

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import optional_member
from ctxprune.utils.validation import describe_type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.kv.selection import Plan

__all__ = ["Counts", "KeptTokens", "Packed", "Plain", "Storage", "Thinned", "check_storage", "column_type"]


@dataclass(frozen=True)
class Counts:
    """How many tokens each head of each row keeps.

    Attributes:
        each: int32 (batch, kv_heads), on the cache's device.
        longest: The largest count.
        even: Whether all heads keep `longest`; most presses do, and then a view replaces gathering.
    """

    each: Tensor
    longest: int
    even: bool

    @classmethod
    def of(cls, each: Tensor) -> Counts:
        """Counts with the values derived from them."""
        low, high = (int(bound) for bound in torch.aminmax(each)) if each.numel() else (0, 0)
        return cls(each.to(torch.int32), high, low == high)

    @property
    def total(self) -> int:
        """Tokens over all rows and heads."""
        return self.longest * self.each.numel() if self.even else int(self.each.sum())

    def padded(self, flat: Tensor) -> Tensor:
        """(total, ...) as (batch, kv_heads, longest, ...); the values behind a shorter head's tokens are arbitrary."""
        if self.even:
            return flat.view(*self.each.shape, self.longest, *flat.shape[1:])
        # `index_select` copies whole rows, and is faster than advanced indexing.
        places = self._places()
        return flat.index_select(0, places.flatten()).view(*places.shape, *flat.shape[1:])

    def real(self) -> Tensor | None:
        """True for entries of `padded` that are tokens, bool (batch, kv_heads, longest); None if all are."""
        if self.even:
            return None
        return self._within()

    def owners(self) -> Tensor:
        """For each row of the flat form the index of its (batch row, head) pair, long (total,)."""
        pairs = torch.arange(self.each.numel(), device=self.each.device)
        return pairs.repeat_interleave(self.each.flatten().long(), output_size=self.total)

    def rows_of(self, batch_rows: Tensor) -> Tensor:
        """Indices in the flat form of all tokens of these batch rows, in their order, long."""
        if self.even:
            whole = torch.arange(self.total, device=self.each.device).view(len(self.each), -1)
            return whole[batch_rows].flatten()
        starts = torch.nn.functional.pad(self.each.sum(dim=1).cumsum(dim=0), (1, 0))
        spans = [torch.arange(int(starts[row]), int(starts[row + 1])) for row in batch_rows]
        return torch.cat(spans).to(self.each.device)

    def joined(self, rows: Tensor, later: Counts, more: Tensor) -> Tensor:
        """The flat form in which each head has its part of `rows`, then its part of `more`, of counts `later`."""
        # The sort is stable: within a head, old tokens stay in front of new ones.
        order = torch.cat([self.owners(), later.owners()]).argsort(stable=True)
        return torch.cat([rows, more])[order]

    def _places(self) -> Tensor:
        counts = self.each.flatten().long()
        starts = (counts.cumsum(dim=0) - counts).view(*self.each.shape, 1)
        places = starts + torch.arange(self.longest, device=self.each.device)
        return places.where(self._within(), 0)

    def _within(self) -> Tensor:
        return torch.arange(self.longest, device=self.each.device) < self.each[..., None]


class Packed(ABC):
    """The keys or the values of one layer's kept tokens.

    Attributes:
        kind: Name in saved files.
    """

    kind: ClassVar[str]

    @abstractmethod
    def unpack(self, counts: Counts) -> Tensor:
        """The numbers, (total, head_dim): the stored tensor itself or a new one."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name; with `kind` they are enough to build the object again."""

    @classmethod
    @abstractmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Packed:
        """The inverse of `tensors`; raises KeyError where one is missing."""

    @abstractmethod
    def rows(self, counts: Counts, batch_rows: Tensor) -> Packed:
        """The part that belongs to some rows of the batch."""

    def count_due(self, after: int) -> int:  # noqa: ARG002
        """How many of the `after` tokens read since the press, the oldest ones, are to be packed now: by default 0."""
        return 0

    def append(self, counts: Counts, later: Counts, new: Tensor) -> Packed:
        """With new tokens, (total of `later`, head_dim), behind each head's; only where `count_due` asks for it."""
        raise NotImplementedError(f"{type(self).__name__} packs no later tokens")


class Storage(Protocol):
    """How kept tokens are stored, chosen by the caller; any object with these methods will do."""

    def pack(self, keys: Tensor, values: Tensor, counts: Counts) -> tuple[Packed, Packed]:
        """Pack flat keys and values, (total, head_dim) each."""

    def nbytes(self, tokens: int, head_dim: int, itemsize: int) -> int:
        """Bytes of `tokens` tokens of one head, keys and values together, without their columns."""


def check_storage(storage: object) -> None:
    """Raises UsageError unless it is None or has a method `pack`."""
    # A storage is duck-typed, so that callers can bring their own; a class in place of its object has `pack` as well.
    if storage is not None and (isinstance(storage, type) or not callable(optional_member(storage, "pack"))):
        raise UsageError(
            f"the storage is {describe_type(storage)}", hint="None, or one with its bits, such as Kivi(bits=4)"
        )


@dataclass(frozen=True)
class Plain(Packed):
    """Unpacked numbers, (total, head_dim)."""

    flat: Tensor
    kind: ClassVar[str] = "plain"

    def unpack(self, counts: Counts) -> Tensor:  # noqa: ARG002
        """The stored tensor."""
        return self.flat

    def tensors(self) -> dict[str, Tensor]:
        """One tensor, "flat"."""
        return {"flat": self.flat}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Plain:
        """The inverse of `tensors`."""
        return cls(tensors["flat"])

    def rows(self, counts: Counts, batch_rows: Tensor) -> Plain:
        """The part that belongs to some rows of the batch."""
        return Plain(self.flat[counts.rows_of(batch_rows)])


@dataclass(frozen=True)
class Thinned(Packed):
    """Numbers of some channels only, (total, fewer); the others are zero (ThinK).

    Attributes:
        flat: The stored channels.
        channels: Indices of these channels, int16 (batch, kv_heads, fewer).
        width: Number of channels before, a scalar tensor.
    """

    flat: Tensor
    channels: Tensor
    width: Tensor
    kind: ClassVar[str] = "thinned"

    @classmethod
    def thin(cls, flat: Tensor, channels: Tensor, counts: Counts) -> Thinned:
        """Keep only these channels, long (batch, kv_heads, fewer)."""
        wanted = channels.flatten(0, 1)[counts.owners()]
        return cls(flat.gather(1, wanted), channels.to(torch.int16), torch.tensor(flat.shape[1], dtype=torch.int32))

    def unpack(self, counts: Counts) -> Tensor:
        """The numbers with zeros in the dropped channels."""
        wanted = self.channels.long().flatten(0, 1)[counts.owners()]
        return self.flat.new_zeros(len(self.flat), int(self.width)).scatter_(1, wanted, self.flat)

    def tensors(self) -> dict[str, Tensor]:
        """The three tensors by the names of the attributes."""
        return {"flat": self.flat, "channels": self.channels, "width": self.width}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Thinned:
        """The inverse of `tensors`."""
        return cls(tensors["flat"], tensors["channels"], tensors["width"])

    def rows(self, counts: Counts, batch_rows: Tensor) -> Thinned:
        """The part that belongs to some rows of the batch."""
        return Thinned(self.flat[counts.rows_of(batch_rows)], self.channels[batch_rows].contiguous(), self.width)


def column_type(columns: int) -> torch.dtype:
    """int16 where it can number so many columns, else int32."""
    # Columns are the only overhead of a kept token: int16 serves contexts of up to 32,766 tokens.
    return torch.int16 if columns < torch.iinfo(torch.int16).max else torch.int32


@dataclass(frozen=True)
class KeptTokens:
    """The kept tokens of one layer.

    Attributes:
        keys: Their keys; `values` likewise.
        counts: How many each head keeps.
        columns: The column of each token in the sequence read, int32 or int16 (total,), ascending in each head.
    """

    keys: Packed
    values: Packed
    counts: Counts
    columns: Tensor

    @classmethod
    def of(cls, keys: Tensor, values: Tensor, plan: Plan, tokens: int) -> KeptTokens:
        """Copies of the tokens that a plan keeps of the first `tokens`; keys and values are (batch, kv_heads, n, d)."""
        chosen = plan.chosen[..., :tokens]
        counts = Counts.of(chosen.sum(dim=-1))
        # Boolean indexing copies, so that the memory of the full context can be freed.
        keys = (keys if plan.keys is None else plan.keys)[..., :tokens, :][chosen]
        values = (values if plan.values is None else plan.values)[..., :tokens, :][chosen]
        columns = chosen.nonzero()[:, -1].to(column_type(chosen.shape[-1]))
        packed = Plain(keys) if plan.channels is None else Thinned.thin(keys, plan.channels, counts)
        return cls(packed, Plain(values), counts, columns)

    def read(self) -> tuple[Tensor, Tensor]:
        """Keys and values, (batch, kv_heads, longest, head_dim)."""
        return (
            self.counts.padded(self.keys.unpack(self.counts)),
            self.counts.padded(self.values.unpack(self.counts)),
        )

    def rows(self, batch_rows: Tensor) -> KeptTokens:
        """The part that belongs to some rows of the batch, which may repeat."""
        return KeptTokens(
            self.keys.rows(self.counts, batch_rows),
            self.values.rows(self.counts, batch_rows),
            Counts.of(self.counts.each[batch_rows]),
            self.columns[self.counts.rows_of(batch_rows)],
        )

    def count_due(self, after: int) -> int:
        """How many of the `after` tokens read since the press, the oldest ones, are to be packed now."""
        return self.keys.count_due(after)

    def append(self, keys: Tensor, values: Tensor, first: int) -> KeptTokens:
        """With new tokens, (batch, kv_heads, more, head_dim), behind the kept ones; the first is in column `first`."""
        more = keys.shape[-2]
        later = Counts(torch.full_like(self.counts.each, more), more, even=True)
        new = torch.arange(first, first + more, dtype=column_type(first + more), device=self.columns.device)
        more_keys = self.keys.append(self.counts, later, keys.flatten(0, 2))
        more_values = self.values.append(self.counts, later, values.flatten(0, 2))
        columns = self.counts.joined(self.columns, later, new.repeat(later.each.numel()))
        return KeptTokens(more_keys, more_values, Counts.of(self.counts.each + more), columns)

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by name."""
        parts = {"keys": self.keys, "values": self.values}
        held = {f"{part}.{name}": tensor for part, packed in parts.items() for name, tensor in packed.tensors().items()}
        return {**held, "counts": self.counts.each, "columns": self.columns}
