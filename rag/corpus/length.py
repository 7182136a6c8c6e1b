"""The simple baseline of passage quality: longer is better."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .base import Quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LengthQuality"]

_HALF = 400.0  # characters at which the quality is one half; the order of passages does not depend on it


@dataclass(frozen=True)
class LengthQuality(Quality):
    """Characters / (characters + 400): the order of lengths, for comparison with what a model says."""

    reasons: ClassVar[tuple[str, ...]] = ("length",)

    def judge(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """See `Quality`."""
        sizes = np.asarray([len(text) for text in texts], dtype=np.float64)
        return (sizes / (sizes + _HALF)).astype(np.float32), np.zeros(len(sizes), dtype=np.uint8)
