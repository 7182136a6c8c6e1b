"""Quantised numbers of one layer: codes of 8, 4 or 2 bits, packed in bytes, with a low end and a step a group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.store import Counts, Packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from torch import Tensor

    FitRange = Callable[[Tensor, int], tuple[Tensor, Tensor]]

__all__ = ["BITS", "GroupLayout", "Groups", "KeyGroups", "ValueGroups", "ends"]

BITS = (8, 4, 2)


class GroupLayout(NamedTuple):
    """How a head's tokens are split, and how its groups are coded.

    Attributes:
        bits: Bits of a code: 8, 4 or 2.
        group: Numbers of a group.
        window: How many of a head's newest tokens stay as they are.
        residual: How many of the newest tokens after the press stay as they are, where those before are packed too.
        grows: 1 where they are, else 0.
    """

    bits: int
    group: int
    window: int
    residual: int
    grows: int

    @property
    def planes(self) -> int:
        """Codes of a byte."""
        return 8 // self.bits


@dataclass(frozen=True)
class Groups(Packed):
    """Old tokens of every head in codes, its newest ones as they are; number = code * step + low.

    A head of c tokens has (c - window) // n blocks of n tokens; the split follows from the counts.

    Attributes:
        codes: uint8; the first axis counts blocks, of all heads one behind the other.
        low: The low end of each group, 16 bits.
        step: The distance of its codes, 16 bits: |number - back| <= step / 2, as the ends are rounded outwards.
        rest: Tokens that are held as they are, (rows, head_dim), of all heads one behind the other.
        form: What the counts do not tell.
    """

    codes: Tensor
    low: Tensor
    step: Tensor
    rest: Tensor
    form: GroupLayout
    axis: ClassVar[int]  # of `codes`: along it lie the numbers of a group

    @classmethod
    def pack(cls, flat: Tensor, counts: Counts, form: GroupLayout, fit: FitRange) -> Self:
        """Quantise (total, head_dim) numbers, spread over heads by the counts; `fit` finds the ends as `ends` does.

        Raises:
            UsageError: There are infinite numbers among them, or NaN.
        """
        flat = flat.detach()
        _check_finite(flat)
        old = cls._mask_grouped(counts, form)
        wide = flat[old].to(torch.promote_types(flat.dtype, torch.float32))
        blocks = wide.unflatten(cls.axis - 1, (wide.shape[cls.axis - 1] // form.group, form.group))
        groups = blocks.movedim(cls.axis, -1)
        found = _round_outwards(*fit(groups.reshape(-1, form.group), form.bits), form.bits)
        low, step = (each.view(*groups.shape[:-1], 1).movedim(-1, cls.axis).contiguous() for each in found)
        codes = ((blocks - low.to(wide.dtype)) / step.to(wide.dtype)).round_().clamp_(0, 2**form.bits - 1)
        planes = codes.to(torch.uint8).chunk(form.planes, dim=cls.axis)
        packed = torch.zeros_like(planes[0])
        for number, plane in enumerate(planes):
            packed |= plane << (number * form.bits)
        return cls(packed, low, step, flat[~old], form)

    def unpack(self, counts: Counts) -> Tensor:
        """The numbers, (total, head_dim), newly made, of the kind that was packed."""
        width = self.rest.shape[1]
        out = self.rest.new_empty(counts.total, width)
        if not counts.total:
            return out
        if counts.even:
            heads = out.view(-1, counts.longest, width)
            packed = counts.longest - len(self.rest) // len(heads)
            self._decode(heads[:, :packed])
            heads[:, packed:] = self.rest.view(len(heads), counts.longest - packed, width)
            return out
        packed = counts.total - len(self.rest)
        self._decode(out[None, :packed])
        out[packed:] = self.rest
        old = self._mask_grouped(counts, self.form)
        return out.index_select(0, torch.where(old, old.cumsum(0), (~old).cumsum(0) + packed) - 1)

    def tensors(self) -> dict[str, Tensor]:
        """The attributes by name; the form is the shape of a tensor without numbers, which takes no bytes."""
        form = torch.empty(0, *self.form, device=self.rest.device)
        return {"codes": self.codes, "low": self.low, "step": self.step, "rest": self.rest, "form": form}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`; raises KeyError where one is missing, TypeError where the form is none."""
        form = GroupLayout(*tensors["form"].shape[1:])
        if form.bits not in BITS or form.group < 1:
            raise TypeError(f"codes cannot be of {form}")
        return cls(tensors["codes"], tensors["low"], tensors["step"], tensors["rest"], form)

    def rows(self, counts: Counts, batch_rows: Tensor) -> Self:
        """That of some rows of the batch."""
        blocks, rest = self._split(counts, self.form)
        chosen = blocks.rows_of(batch_rows)
        return replace(
            self,
            codes=self.codes[chosen],
            low=self.low[chosen],
            step=self.step[chosen],
            rest=self.rest[rest.rows_of(batch_rows)],
        )

    def count_due(self, after: int) -> int:
        """How many of the tokens after the press, the oldest ones, are to be packed where there are `after`."""
        form = self.form
        return max(after - form.residual, 0) // form.group * form.group if form.grows else 0

    def append(self, counts: Counts, later: Counts, new: Tensor) -> Self:
        """That with new tokens, (total of `later`, head_dim), behind each head; whole blocks of old ones are packed."""
        blocks, rest = self._split(counts, self.form)
        form = self.form._replace(window=0)
        open_ = Counts.of(rest.each + later.each)
        more = self.pack(rest.joined(self.rest, later, new), open_, form, ends)
        added, _ = self._split(open_, form)
        return replace(
            more,
            codes=blocks.joined(self.codes, added, more.codes),
            low=blocks.joined(self.low, added, more.low),
            step=blocks.joined(self.step, added, more.step),
        )

    def _decode(self, into: Tensor) -> None:
        """Write the numbers of all blocks into (heads, tokens, head_dim), as many of each head."""
        if not into.numel():
            return
        form, axis = self.form, self.axis
        wide = torch.promote_types(into.dtype, torch.float32)
        codes, low, step = (part.view(len(into), -1, *part.shape[1:]) for part in (self.codes, self.low, self.step))
        low, step = low.to(wide), step.to(wide)
        places = into.unflatten(axis, (into.shape[axis] // form.group, form.planes, form.group // form.planes))
        for number in range(form.planes):
            plane = codes >> (number * form.bits) if number else codes
            if number < form.planes - 1:
                plane = plane & (2**form.bits - 1)
            place = places.select(axis + 1, number)
            if wide == into.dtype:
                torch.addcmul(low, plane.to(wide), step, out=place)
            else:
                place.copy_(torch.addcmul(low, plane.to(wide), step))

    @classmethod
    def _split(cls, counts: Counts, form: GroupLayout) -> tuple[Counts, Counts]:
        """Blocks of each head, and tokens that are in none."""
        tokens = form.group if cls.axis == 1 else 1
        blocks = (counts.each - form.window).clamp(min=0) // tokens
        return Counts.of(blocks), Counts.of(counts.each - blocks * tokens)

    @classmethod
    def _mask_grouped(cls, counts: Counts, form: GroupLayout) -> Tensor:
        """Which tokens are in blocks, bool (total,)."""
        _, rest = cls._split(counts, form)
        each = counts.each.flatten().long()
        owners = counts.owners()
        from_end = each.cumsum(dim=0)[owners] - torch.arange(counts.total, device=owners.device)
        return from_end > rest.each.flatten()[owners]


class KeyGroups(Groups):
    """A group is one channel of consecutive tokens of a head: outliers of keys stay in their channels.

    codes: (blocks, group / planes, head_dim); low and step: (blocks, 1, head_dim).
    """

    kind = "key_groups"
    axis = 1


class ValueGroups(Groups):
    """A group is consecutive channels of one token, which is a block.

    codes: (blocks, groups, group / planes); low and step: (blocks, groups, 1).
    """

    kind = "value_groups"
    axis = 2


def ends(groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Minimum and (maximum - minimum) / (2^bits - 1) of each row of (groups, numbers), (groups,) each."""
    low, high = torch.aminmax(groups, dim=1)
    return low, (high - low) / (2**bits - 1)


def _round_outwards(low: Tensor, step: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """In 16 bits: the low end rounded down, the step up, so that both ends stay within reach; a step of 0 becomes 1.

    float16 has three bits more of mantissa than bfloat16, which is for numbers beyond its range.
    """
    _check_finite(step)
    inside = not low.numel() or max(float(low.abs().max()), float(step.max())) < torch.finfo(torch.float16).max
    kind = torch.float16 if inside else torch.bfloat16
    near = low.to(kind)
    places = near.view(torch.int16)  # numbers of one sign are ordered as their bits
    down = torch.where(places < 0, 1, -1).to(torch.int16) * (near.to(low.dtype) > low)
    lower = (places + down).view(kind)
    step = step + (low - lower.to(low.dtype)) / (2**bits - 1)
    near = step.to(kind)
    upper = (near.view(torch.int16) + (near.to(step.dtype) < step)).view(kind)
    return lower, upper.masked_fill(upper == 0, 1.0)


def _check_finite(numbers: Tensor) -> None:
    if not bool(numbers.isfinite().all()):
        raise UsageError(
            "keys or values are not finite, and cannot be quantised",
            hint="the model overflows: load it in bfloat16 or float32",
        )
