"""The risk-coverage curve as a self-contained SVG picture, light or dark as the reader's screen is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.utils.markup import escape
from ctxprune.utils.page import stylesheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["risk_coverage_chart"]

_COLOURS = 4  # in a row of the legend; the next row has the same ones, dashed
_LETTERS = 17  # of a name, so that it does not run into the next one
_AIM = 90  # percent right, for which the default bar of `answered` is set


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where the axes stand, in pixels."""

    left: int = 64
    top: int = 76
    width: int = 520
    height: int = 300

    def place(self, coverage: float, right: float) -> str:
        """The point of two percentages."""
        return f"{self.left + self.width * coverage / 100:.1f} {self.top + self.height * (1 - right / 100):.1f}"


def risk_coverage_chart(curves: Mapping[str, Sequence[Mapping[str, float]]], *, title: str) -> str:
    """A picture of curves as `risk_coverage` gives them; those without points are named without a line.

    Args:
        curves: By name, in the order of the legend.
        title: Above the picture.
    """
    rows = max(-(-len(curves) // _COLOURS), 1)
    frame = _Frame(top=76 + 20 * (rows - 1))
    parts = [_grid(frame)]
    for place, (name, points) in enumerate(curves.items()):
        row, column = divmod(place, _COLOURS)
        colour = f"s{column} dashed" if row % 2 else f"s{column}"
        x, y = frame.left + column * 140, 60 + 20 * row
        if points:
            steps = " L".join(frame.place(point["coverage"], point["right"]) for point in points)
            # The first point is a step: below its coverage nothing is told apart.
            parts.append(f'<path class="{colour}" d="M{frame.place(0, points[0]["right"])} L{steps}"/>')
        parts.append(f'<path class="{colour}" d="M{x} {y - 4} h18"/><text class="soft" x="{x + 24}" y="{y}">')
        shown = name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}\u2026"
        parts.append(f"<title>{escape(name)}</title>{escape(shown)}</text>")
    width, height = frame.left + frame.width + 36, frame.top + frame.height + 58
    head = f'<text class="title" x="24" y="32">{escape(title)}</text>'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" class="ctxprune chart">'
        f"<title>{escape(title)}</title><style>{stylesheet('colours', 'chart')}</style>"
        f'<rect class="back" width="{width}" height="{height}"/>{head}{"".join(parts)}</svg>\n'
    )


def _grid(frame: _Frame) -> str:
    right, bottom = frame.left + frame.width, frame.top + frame.height
    parts = []
    for at in range(0, 101, 20):
        y, x = frame.place(0, at).split()[1], frame.place(at, 0).split()[0]
        parts.append(f'<line class="grid" x1="{frame.left}" x2="{right}" y1="{y}" y2="{y}"/>')
        parts.append(f'<text class="soft" x="{frame.left - 8}" y="{float(y) + 4:.1f}" text-anchor="end">{at}</text>')
        parts.append(f'<text class="soft" x="{x}" y="{bottom + 18}" text-anchor="middle">{at}</text>')
    y = frame.place(0, _AIM).split()[1]
    parts.append(f'<line class="aim" x1="{frame.left}" x2="{right}" y1="{y}" y2="{y}"/>')
    middle = frame.top + frame.height // 2
    parts.append(
        f'<text class="label" x="{frame.left + frame.width // 2}" y="{bottom + 42}" text-anchor="middle">'
        f'questions answered, %</text><text class="label" x="18" y="{middle}" text-anchor="middle" '
        f'transform="rotate(-90 18 {middle})">right among them, %</text>'
    )
    return "".join(parts)
