"""Percentages as all reports give them."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["percent"]


def percent(values: Iterable[float]) -> float:
    """100 times the mean of shares or flags, of one at least, to two digits."""
    return round(100 * fmean(map(float, values)), 2)
