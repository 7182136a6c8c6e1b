"""Quantised numbers of one layer: codes of 8, 4 or 2 bits packed into bytes, with a low end and a step per group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.store import Counts, Packed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from torch import Tensor

    FitRange = Callable[[Tensor, int], tuple[Tensor, Tensor]]

__all__ = ["BITS", "GroupLayout", "Groups", "KeyGroups", "ValueGroups", "fit_range"]

BITS = (8, 4, 2)


class GroupLayout(NamedTuple):
    """How a head's tokens are split into groups, and how groups are encoded.

    Attributes:
        bits: Bits of a code: 8, 4 or 2.
        group: Numbers in a group.
        window: How many of a head's newest tokens are not packed.
        residual: How many of the tokens read after the press are not packed, where older ones are.
        grows: 1 where tokens read after the press are packed, else 0; a number, as the layout is saved as a shape.
    """

    bits: int
    group: int
    window: int
    residual: int
    grows: int

    @property
    def planes(self) -> int:
        """Codes in one byte."""
        return 8 // self.bits


@dataclass(frozen=True)
class Groups(Packed):
    """Older tokens of every head as codes, its newest ones unpacked; number = code * step + low.

    A head with c tokens has (c - window) // n blocks of n tokens, so that the split follows from the counts alone.

    Attributes:
        codes: uint8; the first axis counts blocks, head after head.
        low: The low end of each group, 16 bits.
        step: The distance between codes, 16 bits: |number - decoded| <= step / 2, as the range is rounded outwards.
        rest: Unpacked tokens, (rows, head_dim), head after head.
        form: The layout, which counts alone do not determine.
    """

    codes: Tensor
    low: Tensor
    step: Tensor
    rest: Tensor
    form: GroupLayout
    axis: ClassVar[int]  # of `codes`: the axis along which a group's numbers lie

    @classmethod
    def pack(cls, flat: Tensor, counts: Counts, form: GroupLayout, fit: FitRange) -> Self:
        """Quantise (total, head_dim) numbers of heads with these counts; `fit` finds ranges as `fit_range` does.

        Raises:
            UsageError: Some of them are infinite or NaN.
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
        # Codes that share a byte come from equal parts of the group: unpacking is then a shift of whole tensors.
        packed = torch.zeros_like(planes[0])
        for number, plane in enumerate(planes):
            packed |= plane << (number * form.bits)
        return cls(packed, low, step, flat[~old], form)

    def unpack(self, counts: Counts) -> Tensor:
        """The numbers, (total, head_dim), a new tensor of the dtype that was packed."""
        if counts.even:
            return self.decode(counts, self.rest.dtype).view(counts.total, self.rest.shape[1])
        return self._unpack_ragged(counts, self.rest.dtype)

    def decode(self, counts: Counts, dtype: torch.dtype, room: int = 0) -> Tensor:
        """The numbers by head, (batch * kv_heads, longest + room, head_dim), a new tensor.

        Args:
            counts: Those that were packed.
            dtype: The dtype of the result; codes are multiplied in float32 or wider in any case.
            room: Places left empty behind the tokens of every head, for the caller to fill.

        Those behind a shorter head's tokens are arbitrary.
        """
        heads, width = counts.each.numel(), self.rest.shape[1]
        out = self.rest.new_empty(heads, counts.longest + room, width, dtype=dtype)
        if not counts.total:
            return out
        if counts.even:
            # Every head has as many blocks: they are decoded into their places without a permutation.
            packed = counts.longest - len(self.rest) // heads
            self._decode(out[:, :packed])
            out[:, packed : counts.longest] = self.rest.view(heads, counts.longest - packed, width)
            return out
        out[:, : counts.longest] = counts.padded(self._unpack_ragged(counts, dtype)).flatten(0, 1)
        return out

    def _unpack_ragged(self, counts: Counts, dtype: torch.dtype) -> Tensor:
        out = self.rest.new_empty(counts.total, self.rest.shape[1], dtype=dtype)
        packed = counts.total - len(self.rest)
        self._decode(out[None, :packed])
        out[packed:] = self.rest
        old = self._mask_grouped(counts, self.form)
        return out.index_select(0, torch.where(old, old.cumsum(0), (~old).cumsum(0) + packed) - 1)

    def tensors(self) -> dict[str, Tensor]:
        """The attributes by name; the layout is stored as the shape of an empty tensor, which takes no bytes."""
        form = torch.empty(0, *self.form, device=self.rest.device)
        return {"codes": self.codes, "low": self.low, "step": self.step, "rest": self.rest, "form": form}

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Tensor]) -> Self:
        """The inverse of `tensors`; raises KeyError where one is missing, TypeError where the layout is invalid."""
        form = GroupLayout(*tensors["form"].shape[1:])
        if form.bits not in BITS or form.group < 1:
            raise TypeError(f"codes cannot be of {form}")
        return cls(tensors["codes"], tensors["low"], tensors["step"], tensors["rest"], form)

    def rows(self, counts: Counts, batch_rows: Tensor) -> Self:
        """The part that belongs to some rows of the batch."""
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
        """How many of the `after` tokens read since the press, the oldest ones, are to be packed now."""
        form = self.form
        return max(after - form.residual, 0) // form.group * form.group if form.grows else 0

    def append(self, counts: Counts, later: Counts, new: Tensor) -> Self:
        """With new tokens, (total of `later`, head_dim), behind each head's; older ones are packed in whole blocks."""
        blocks, rest = self._split(counts, self.form)
        # The caller has left the residual out already.
        form = self.form._replace(window=0)
        open_ = Counts.of(rest.each + later.each)
        more = self.pack(rest.joined(self.rest, later, new), open_, form, fit_range)
        added, _ = self._split(open_, form)
        return replace(
            more,
            codes=blocks.joined(self.codes, added, more.codes),
            low=blocks.joined(self.low, added, more.low),
            step=blocks.joined(self.step, added, more.step),
        )

    def _decode(self, into: Tensor) -> None:
        """Write the numbers of all blocks into (heads, tokens, head_dim), equally many of each head."""
        if not into.numel():
            return
        form, axis = self.form, self.axis
        wide = torch.promote_types(into.dtype, torch.float32)
        codes, low, step = (
            part.view(len(into), -1, *part.shape[1:]).unsqueeze(axis + 1) for part in (self.codes, self.low, self.step)
        )
        low, step = low.to(wide), step.to(wide)
        places = into.unflatten(axis, (into.shape[axis] // form.group, form.planes, form.group // form.planes))
        if form.planes > 1:
            shape = form.planes, *[1] * (places.ndim - axis - 2)
            bits, factors = _planes(form.bits, wide, into.device)
            codes, step = codes & bits.view(shape), step * factors.view(shape)
        if wide == into.dtype:
            # In place: a second copy of the numbers would cost more than the arithmetic.
            torch.addcmul(low, places.copy_(codes), step, out=places)
        else:
            places.copy_(torch.addcmul(low, codes.to(wide), step))

    @classmethod
    def _split(cls, counts: Counts, form: GroupLayout) -> tuple[Counts, Counts]:
        """How many blocks each head has, and how many tokens that are in no block."""
        tokens = form.group if cls.axis == 1 else 1
        blocks = (counts.each - form.window).clamp(min=0) // tokens
        return Counts.of(blocks), Counts.of(counts.each - blocks * tokens)

    @classmethod
    def _mask_grouped(cls, counts: Counts, form: GroupLayout) -> Tensor:
        """True for tokens in blocks, bool (total,)."""
        _, rest = cls._split(counts, form)
        each = counts.each.flatten().long()
        owners = counts.owners()
        from_end = each.cumsum(dim=0)[owners] - torch.arange(counts.total, device=owners.device)
        return from_end > rest.each.flatten()[owners]


class KeyGroups(Groups):
    """A group is one channel of consecutive tokens of a head: keys have outliers in few channels, which stay apart.

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

    def mix(self, weights: Tensor) -> Tensor:
        """Weighted sums of each head's packed tokens, (heads, queries, head_dim), where all heads have as many.

        The weights, (heads, queries, packed tokens) in float32 or wider, are multiplied by steps and low ends, so that
        codes are used as they are: sum of w * (code * step + low) = (w * step) @ code + w @ low.
        """
        heads, queries, tokens = weights.shape
        groups, length = self.codes.shape[1:]
        masks, factors = _planes(self.form.bits, weights.dtype, weights.device)
        planes = self.form.planes
        low, step = (part.view(heads, tokens, groups).to(weights.dtype) for part in (self.low, self.step))
        # Planes are the outermost axis: with a group's few bytes innermost, torch would not use vector instructions.
        codes = (
            (self.codes & masks.view(planes, 1, 1, 1)).to(weights.dtype).view(planes * heads, tokens, groups * length)
        )
        steps = step.transpose(1, 2).contiguous() * factors.view(planes, 1, 1, 1)
        scaled = (weights[:, None] * steps[:, :, :, None]).reshape(planes * heads, groups * queries, tokens)
        # Every group's weights meet the codes of all groups, in one product; those of its own are on the diagonal.
        sums = torch.bmm(scaled, codes).view(planes, heads, groups, queries, groups, length).diagonal(0, 2, 4)
        # (planes, heads, queries, length, groups) -> (heads, queries, groups, planes, length)
        found = sums.permute(1, 2, 4, 0, 3) + torch.bmm(weights, low)[..., None, None]
        return found.reshape(heads, queries, -1)


@cache
def _planes(bits: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each code of a byte its bits, uint8 (planes,), and the factor that brings them down to the code.

    Codes are masked where they stand, without a shift: they are multiples by a power of two, which steps times the
    factor divide out exactly.
    """
    places = range(0, 8, bits)
    masks = torch.tensor([(2**bits - 1) << place for place in places], dtype=torch.uint8, device=device)
    return masks, torch.tensor([0.5**place for place in places], dtype=dtype, device=device)


def fit_range(groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """Minimum and (maximum - minimum) / (2^bits - 1) of each row of (groups, numbers), (groups,) each."""
    low, high = torch.aminmax(groups, dim=1)
    return low, (high - low) / (2**bits - 1)


def _round_outwards(low: Tensor, step: Tensor, bits: int) -> tuple[Tensor, Tensor]:
    """In 16 bits: the low end rounded down, the step up, so that codes reach both ends; a step of 0 becomes 1.

    float16, which has three more bits of mantissa than bfloat16, unless numbers exceed its range.
    """
    _check_finite(step)
    inside = not low.numel() or max(float(low.abs().max()), float(step.max())) < torch.finfo(torch.float16).max
    kind = torch.float16 if inside else torch.bfloat16
    near = low.to(kind)
    # Floats of one sign are ordered as their bits: the next one is one integer away.
    places = near.view(torch.int16)
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
