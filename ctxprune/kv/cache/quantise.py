"""Kept tokens in 8, 4 or 2 bits: prune first, then quantise the kept tokens, within one budget of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.kv.cache.groups import BITS, GroupLayout, KeyGroups, ValueGroups, fit_range
from ctxprune.kv.cache.store import column_type
from ctxprune.utils.validation import check_whole, is_number

if TYPE_CHECKING:
    from torch import Tensor

    from ctxprune.kv.cache.store import Counts, Packed, Storage

__all__ = ["Kivi", "QuantisedStorage", "ratio_for_bytes"]


@dataclass(frozen=True)
class QuantisedStorage:
    """Base of quantised storages: keys in groups of one channel, values in groups of one token, packed in bytes.

    A head's newest `residual` tokens, and keys before them that do not fill a group, are not packed. A subclass
    overrides `fit_range` to fit the range of a group in another way.

    Attributes:
        bits: Bits of a code: 8, 4 or 2.
        group: Numbers that share a low end and a step: consecutive tokens in one channel of the keys, channels of one
            token in the values; a multiple of 8. In heads that are narrower, a group of values has the head's width.
        residual: How many of each head's newest tokens stay in full precision, 0 or more.

    Raises:
        UsageError: A parameter is out of its range.
    """

    bits: int = 4
    group: int = 32
    residual: int = 32

    def __post_init__(self) -> None:
        if self.bits not in BITS or isinstance(self.bits, bool):
            raise UsageError(f"bits is {self.bits!r}", hint="8, 4 or 2")
        check_whole("group", self.group, minimum=8)
        if self.group % 8:
            raise UsageError(f"group is {self.group!r}", hint="a multiple of 8")
        check_whole("residual", self.residual, minimum=0)

    def fit_range(self, groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        """Low end and step of each row of (groups, numbers), (groups,) each; number = code * step + low."""
        return fit_range(groups, bits)

    def pack(self, keys: Tensor, values: Tensor, counts: Counts) -> tuple[Packed, Packed]:
        """Quantise flat keys and values, (total, head_dim) each.

        Raises:
            UsageError: Some of them are infinite or NaN, or the width of heads is not a multiple of the group.
        """
        form = GroupLayout(self.bits, self.group, self.residual, self.residual, self._grows)
        narrow = form._replace(group=self._width(values.shape[1]))
        return KeyGroups.pack(keys, counts, form, self.fit_range), ValueGroups.pack(
            values, counts, narrow, self.fit_range
        )

    def nbytes(self, tokens: int, head_dim: int, itemsize: int) -> int:
        """Bytes of `tokens` tokens of one head: codes, ranges, and unpacked numbers; errors as `pack`."""
        # As `Groups.pack` splits: values are packed token by token, keys in whole groups only.
        old = max(tokens - self.residual, 0)
        old_keys = old // self.group * self.group
        codes = (old_keys + old) * head_dim * self.bits // 8
        groups = old_keys // self.group * head_dim + old * (head_dim // self._width(head_dim))
        return codes + groups * 4 + (2 * tokens - old_keys - old) * head_dim * itemsize

    @property
    def _grows(self) -> int:
        return 0

    def _width(self, head_dim: int) -> int:
        group = min(self.group, head_dim)
        if head_dim % group or group * self.bits % 8:
            raise UsageError(
                f"heads of {head_dim} channels do not divide into groups of {self.group} at {self.bits} bits",
                hint="choose a group that divides the heads' width",
            )
        return group


@dataclass(frozen=True)
class Kivi(QuantisedStorage):
    """Keys quantised per channel, values per token, between the minimum and the maximum of each group.

    A code is round((x - low) / step), step = (max - low) / (2^bits - 1), and |x - decoded| <= step / 2. Low end and
    step are stored in 16 bits, low rounded down and step up so that this holds for the stored step; the true one is
    smaller by a thousandth at most, and by |low| / (1024 * (2^bits - 1)) where the cache is float32. A 16-bit cache
    rounds the decoded number once more. A packed token of a head of 64 channels takes 144, 80 or 48 bytes at 8, 4 or 2
    bits; unpacked, 256 in bfloat16.

    Zirui Liu et al., "KIVI: A Tuning-Free Asymmetric 2bit Quantization for KV Cache" (arXiv:2402.02750); after a press,
    Jiebin Zhang et al., "More Tokens, Lower Precision" (arXiv:2412.12706).

    Attributes:
        bits: Bits of a code: 8, 4 or 2.
        group: Numbers that share a low end and a step: consecutive tokens in one channel of the keys, channels of one
            token in the values; a multiple of 8. In heads that are narrower, a group of values has the head's width.
        residual: How many of each head's newest tokens stay in full precision, 0 or more.
        grow: Whether tokens read after the press are packed as well, a group at a time, once `residual` newer ones
            were read; packed tokens cannot be cropped.

    Raises:
        UsageError: A parameter is out of its range.
    """

    grow: bool = False

    @property
    def _grows(self) -> int:
        return int(self.grow)


def ratio_for_bytes(share: float, storage: Storage | None, tokens: int, head_dim: int, itemsize: int) -> float:
    """The smallest share of tokens to drop so that a cache takes at most `share` of the bytes of the full one.

    A head's keys and values are counted as they are stored, with two or four bytes for each token's column and four
    for the head's count.

    Args:
        share: Bytes that may be held, as a share of the keys and values of all tokens, 0 < share <= 1.
        storage: How kept tokens are stored; None: unpacked.
        tokens: Tokens of the context, and of the question read with it if there is one.
        head_dim: Channels of a head.
        itemsize: Bytes of a number of the full cache.

    Returns:
        A ratio for `Press`, 0 <= ratio < 1.

    Raises:
        UsageError: The share is out of its range, or too small for one token per head.
    """
    if not is_number(share) or not 0 < share <= 1:
        raise UsageError(f"share is {share!r}", hint="a share of the bytes, above 0 up to 1")
    for name, value in (("tokens", tokens), ("head_dim", head_dim), ("itemsize", itemsize)):
        check_whole(name, value, minimum=1)
    room = share * tokens * 2 * head_dim * itemsize - 4
    column: int = column_type(tokens).itemsize

    def held(kept: int) -> int:
        numbers = 2 * kept * head_dim * itemsize if storage is None else storage.nbytes(kept, head_dim, itemsize)
        return numbers + kept * column

    # No bisection: bytes are not monotonic, as a token that fills a group makes the cache smaller.
    most = next((kept for kept in range(tokens, 0, -1) if held(kept) <= room), 0)
    if not most:
        raise UsageError(f"share is {share!r}", hint=f"{held(1) + 4} bytes per head are the least")
    # Half a token of margin: counts are rounded down, and the ratio's own rounding must not cost a token.
    return 0.0 if most == tokens else (tokens - most - 0.5) / tokens
