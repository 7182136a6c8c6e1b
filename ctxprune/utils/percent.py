"""Percentages as reports give them."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["format_share", "percent", "percent_or_none"]


def percent(values: Iterable[float]) -> float:
    """100 times the mean of shares or flags, of one at least, to two digits."""
    return round(100 * fmean(map(float, values)), 2)


def percent_or_none(values: Iterable[float], *, digits: int = 2) -> float | None:
    """100 times the sum of shares or flags over their number, rounded; None without values.

    Reports on SQL use it. Their published figures multiply before they divide, `percent` afterwards, and the last digit
    depends on that: 23 of 160 are 14.38 % here and 14.37 % there.
    """
    found = list(map(float, values))
    return round(100 * sum(found) / len(found), digits) if found else None


def format_share(part: int, whole: int) -> str:
    """`part` of `whole` as a whole percentage; "<1%" and ">99%" where rounding would say nothing or everything."""
    if 0 < part < whole and not 0.005 <= part / whole < 0.995:
        return "<1%" if part * 2 < whole else ">99%"
    return f"{part / max(whole, 1):.0%}"
