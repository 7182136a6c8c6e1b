"""Bars with intervals, as SVG inside a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bar", "bars", "wilson"]

_ROW, _LEFT, _WIDTH, _RIGHT, _TOP = 26, 150, 420, 150, 8


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar.

    Attributes:
        label: Beside it.
        value: Percent, 0 to 100.
        note: Behind it.
        low, high: Its interval in percent.
        series: 0 or 1: which colour.
    """

    label: str
    value: float
    note: str
    low: float
    high: float
    series: int = 0


def bars(found: Sequence[Bar], title: str) -> str:
    """Horizontal bars from 0 to 100 % with a whisker for each interval; an SVG element that scales with its place."""
    height = _TOP + _ROW * len(found) + 24
    grid = "".join(
        f'<line class="grid" x1="{_x(at)}" x2="{_x(at)}" y1="{_TOP}" y2="{height - 20}"/>'
        f'<text class="tick" x="{_x(at)}" y="{height - 6}" text-anchor="middle">{at}</text>'
        for at in (0, 25, 50, 75, 100)
    )
    rows = "".join(_row(bar, _TOP + _ROW * at) for at, bar in enumerate(found))
    return (
        f'<svg viewBox="0 0 {_LEFT + _WIDTH + _RIGHT} {height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{grid}{rows}</svg>"
    )


def wilson(right: int, items: int) -> tuple[float, float]:
    """95 % interval of a share of `items` in percent (Wilson 1927); (0, 100) without items."""
    if not items:
        return 0.0, 100.0
    z, share = 1.959964, right / items
    middle = (share + z * z / (2 * items)) / (1 + z * z / items)
    half = z / (1 + z * z / items) * math.sqrt(share * (1 - share) / items + z * z / (4 * items * items))
    return 100 * max(0.0, middle - half), 100 * min(1.0, middle + half)


def _row(bar: Bar, y: int) -> str:
    middle = y + _ROW / 2
    return (
        f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end">{escape(bar.label)}</text>'
        f'<rect class="s{bar.series}" x="{_LEFT}" y="{y + 5}" width="{_x(bar.value) - _LEFT:.1f}" height="{_ROW - 10}"'
        f' rx="2"/><line class="whisker" x1="{_x(bar.low)}" x2="{_x(bar.high)}" y1="{middle}" y2="{middle}"/>'
        f'<text class="note" x="{_LEFT + _WIDTH + 8}" y="{middle + 4}">{escape(bar.note)}</text>'
    )


def _x(percent: float) -> float:
    return round(_LEFT + _WIDTH * min(max(percent, 0.0), 100.0) / 100, 1)
