"""Quantised storages whose groups are fitted by other packages; packing, layout and reading back are this library's.

So they take the bytes that `Kivi` takes, and a saved cache is read without the package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.quantise import Grouped
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Hqq", "Quanto"]


@dataclass(frozen=True)
class Hqq(Grouped):
    """Groups whose low end is moved until few large errors are left ("half-quadratic quantisation", package hqq).

    Parameters and errors are those of `Grouped`; needs the extra `kv-backends`. Single errors may be larger than half
    a step.

    Raises:
        MissingExtraError: The package is not installed.
        UsageError: A parameter is out of its range.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        require("hqq.core.quantize", "kv-backends")

    def ends(self, groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        """Low end and step of each row, as `hqq.core.quantize.Quantizer` finds them."""
        if not len(groups):
            return super().ends(groups, bits)
        quantizer = require("hqq.core.quantize", "kv-backends").Quantizer
        _, found = quantizer.quantize(
            groups,
            nbits=bits,
            group_size=None,
            axis=1,
            bitpack=False,
            compute_dtype=torch.float32,
            device=str(groups.device),
        )
        step = found["scale"].to(groups.dtype)
        return -(found["zero"].to(groups.dtype) * step).flatten(), step.flatten()


@dataclass(frozen=True)
class Quanto(Grouped):
    """Groups between their least and greatest number, by optimum-quanto's MaxOptimizer, at 4 or 2 bits.

    Parameters and errors are those of `Grouped`; needs the extra `kv-backends`.

    Raises:
        MissingExtraError: The package is not installed.
        UsageError: A parameter is out of its range.
    """

    _BITS: ClassVar[tuple[int, ...]] = (4, 2)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.bits not in self._BITS:
            raise UsageError(f"bits is {self.bits!r}", hint="4 or 2: quanto has no low end at 8")
        require("optimum.quanto", "kv-backends")

    def ends(self, groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        """Low end and step of each row, as `optimum.quanto.MaxOptimizer` finds them."""
        if len(groups) < 2:  # a single row is quantised as a whole there
            return super().ends(groups, bits)
        quanto = require("optimum.quanto", "kv-backends")
        step, shift = quanto.MaxOptimizer()(groups, quanto.qint4 if bits == 4 else quanto.qint2, 0)
        return -shift.flatten(), step.flatten()
