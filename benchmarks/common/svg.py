"""A small writer of SVG: shapes in pixels, axes that place figures on them, and places for labels."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

if TYPE_CHECKING:
    from collections.abc import Sequence

FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class Theme:
    back: str
    ink: str
    soft: str
    grid: str
    colours: tuple[str, ...]


LIGHT = Theme("#ffffff", "#1f2328", "#656d76", "#e4e7eb", ("#c2410c", "#1d4ed8", "#047857", "#7e22ce", "#0e7490"))
DARK = Theme("#0d1117", "#e6edf3", "#9198a1", "#262c34", ("#fb923c", "#79b0ff", "#4ade80", "#d2a8ff", "#67d5e8"))


@dataclass
class Canvas:
    """Shapes in the order in which they are drawn; x to the right, y down."""

    width: int
    height: int
    title: str
    shapes: list[str] = field(default_factory=list)

    def rect(self, x: float, y: float, width: float, height: float, **style: object) -> None:
        self._add("rect", style, x=x, y=y, width=width, height=height)

    def line(self, x1: float, y1: float, x2: float, y2: float, **style: object) -> None:
        self._add("line", style, x1=x1, y1=y1, x2=x2, y2=y2)

    def path(self, points: Sequence[tuple[float, float]], **style: object) -> None:
        corners = " ".join(f"{_short(x)},{_short(y)}" for x, y in points)
        self._add("polyline", {"fill": "none", "stroke_linejoin": "round"} | style, points=corners)

    def dot(self, x: float, y: float, radius: float, **style: object) -> None:
        self._add("circle", style, cx=x, cy=y, r=radius)

    def text(self, x: float, y: float, words: str, **style: object) -> None:
        self._add("text", style, inside=escape(words), x=x, y=y)

    def render(self) -> str:
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" height="{self.height}" font-family={quoteattr(FONT)} role="img">'
        )
        return "\n".join([head, f"<title>{escape(self.title)}</title>", *self.shapes, "</svg>"]) + "\n"

    def _add(self, name: str, style: dict[str, object], *, inside: str = "", **places: object) -> None:
        pairs = {key: _short(value) for key, value in places.items()}
        pairs |= {key.replace("_", "-"): _short(value) for key, value in style.items() if value is not None}
        words = " ".join(f"{key}={quoteattr(value)}" for key, value in pairs.items())
        self.shapes.append(f"<{name} {words}>{inside}</{name}>" if inside else f"<{name} {words}/>")


@dataclass(frozen=True)
class Axes:
    """A panel whose figures run from `low` to `high` on both axes."""

    left: float
    top: float
    width: float
    height: float
    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * self.width, self.top + (1 - up) * self.height


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Places as near to those wanted as a gap between neighbours allows, from `low` to `high`, in the same order.

    Neighbours that are too near become one block around the mean of what they want, as in isotonic regression.
    """
    order = sorted(range(len(wanted)), key=lambda index: wanted[index])
    blocks: list[list[float]] = []  # sum of what is wanted for the first of the block, number
    for rank, index in enumerate(order):
        blocks.append([wanted[index] - rank * gap, 1])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] > blocks[-1][0] / blocks[-1][1]:
            total, number = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += number
    places = [0.0] * len(wanted)
    most = high - (len(wanted) - 1) * gap
    rank = 0
    for total, number in blocks:
        base = min(max(total / number, low), most)
        for _ in range(int(number)):
            places[order[rank]] = base + rank * gap
            rank += 1
    return places


@dataclass(frozen=True)
class Box:
    """A rectangle of pixels; y down."""

    left: float
    top: float
    width: float
    height: float

    def over(self, other: Box) -> float:
        """Pixels that both cover."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        down = min(self.top + self.height, other.top + other.height) - max(self.top, other.top)
        return max(across, 0.0) * max(down, 0.0)


def beside(
    marks: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], taken: Sequence[Box], frame: Box
) -> list[Box]:
    """A box of each size near its mark, within the frame, which covers nothing taken and no other box where it can.

    Boxes are placed in order, each at the nearest free place of those tried around its mark.
    """
    full = list(taken)
    for (x, y), (width, height) in zip(marks, sizes, strict=True):
        tried = []
        for far in (8, 18, 30, 44, 60):
            for right, down in _AROUND:
                left = x + right * far + (right - 1) / 2 * width
                top = y + down * far * 0.8 + (down - 1) / 2 * height
                box = Box(left, top, width, height)
                outside = width * height - box.over(frame)
                tried.append((round(sum(map(box.over, full)) + 9 * outside, 3), len(tried), box))
        full.append(min(tried)[2])
    return full[len(taken) :]


_AROUND = ((1, -1), (-1, -1), (1, 0), (0, -1), (-1, 0), (1, 1), (0, 1), (-1, 1))  # to the right and down of a mark


def _short(value: object) -> str:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else str(value)
