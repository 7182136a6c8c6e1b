"""Quantised storages whose group ranges are fitted by other packages.

Packing, layout and decoding are this library's: they take as many bytes as `Kivi`, and a saved cache loads without the
package.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch

from ctxprune.errors import UsageError
from ctxprune.kv.cache.quantise import QuantisedStorage
from ctxprune.utils.extras import require

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Hqq", "Quanto"]


@dataclass(frozen=True)
class Hqq(QuantisedStorage):
    """Groups whose low end is optimised so that few large errors remain ("half-quadratic quantisation", package hqq).

    Parameters and errors are those of `QuantisedStorage`; needs the extra `kv-backends`. Single errors may be larger
    than half a step.

    Raises:
        MissingExtraError: The package is not installed.
        UsageError: A parameter is out of its range.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        require("hqq.core.quantize", "kv-backends")

    def fit_range(self, groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        """Low end and step of each row, as `hqq.core.quantize.Quantizer` finds them."""
        if not len(groups):
            # The quantizer does not accept an empty tensor.
            return super().fit_range(groups, bits)
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
        # hqq decodes with (code - zero) * scale: its low end is -zero * scale.
        step = found["scale"].to(groups.dtype)
        return -(found["zero"].to(groups.dtype) * step).flatten(), step.flatten()


@dataclass(frozen=True)
class Quanto(QuantisedStorage):
    """Groups between their minimum and maximum, by optimum-quanto's MaxOptimizer, at 4 or 2 bits.

    Parameters and errors are those of `QuantisedStorage`; needs the extra `kv-backends`.

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

    def fit_range(self, groups: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        """Low end and step of each row, as `optimum.quanto.MaxOptimizer` finds them."""
        if len(groups) < 2:
            # MaxOptimizer takes a single row for one tensor and fits one range to all of it.
            return super().fit_range(groups, bits)
        quanto = require("optimum.quanto", "kv-backends")
        step, shift = quanto.MaxOptimizer()(groups, quanto.qint4 if bits == 4 else quanto.qint2, 0)
        return -shift.flatten(), step.flatten()
