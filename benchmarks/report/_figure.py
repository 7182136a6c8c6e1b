"""What all pictures share: light and dark colours, a figure laid out in pixels, deterministic SVG, places of labels."""

from __future__ import annotations

from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

DPI = 96  # of CSS, so that one unit of matplotlib's display coordinates is one pixel
POINT = 72 / DPI  # points in a pixel
LABEL = 12.5  # pixels, the size of labels in a picture
_SETTINGS = {
    "svg.hashsalt": "ctxprune",  # ids are random without it, and every drawing would differ from the one before
    "svg.fonttype": "none",  # text stays text: it can be read, searched and compared in a diff
    "font.family": "DejaVu Sans",  # comes with matplotlib: the layout is the same on every machine
    "axes.unicode_minus": False,
}


@dataclass(frozen=True)
class Theme:
    back: str
    ink: str
    soft: str
    grid: str
    colours: tuple[str, ...]

    def colour(self, place: int) -> str:
        """The colour at that place; for -1 the soft grey."""
        return self.soft if place < 0 else self.colours[place]


LIGHT = Theme("#ffffff", "#1f2328", "#656d76", "#e4e7eb", ("#c2410c", "#1d4ed8", "#047857", "#7e22ce", "#0e7490"))
DARK = Theme("#0d1117", "#e6edf3", "#9198a1", "#262c34", ("#fb923c", "#79b0ff", "#4ade80", "#d2a8ff", "#67d5e8"))


class Picture:
    """A figure of `width` x `height` pixels with a heading and a note above its axes."""

    def __init__(self, size: tuple[int, int], theme: Theme, heading: str, note: str) -> None:
        self.width, self.height = size
        self.theme = theme
        with rc_context(_SETTINGS):
            self.figure = Figure(
                figsize=(self.width / DPI, self.height / DPI), dpi=DPI, facecolor=theme.back, edgecolor=theme.grid,
                linewidth=1,
            )  # fmt: skip
        self.write(24, 30, heading, size=17, colour=theme.ink, weight="bold")
        self.write(24, 50, note, size=13)

    def write(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float,
        colour: str = "",
        weight: str = "normal",
        halo: bool = False,
    ) -> None:  # fmt: skip
        """Text that begins at x and stands on y, in pixels from the upper left corner; the soft colour by default.

        With `halo` it is drawn on the background's colour, so that it can be read on lines and marks.
        """
        with rc_context(_SETTINGS):
            text = self.figure.text(
                x / self.width, 1 - y / self.height, words, fontsize=size * POINT, color=colour or self.theme.soft,
                fontweight=weight,
            )  # fmt: skip
        if halo:
            # a box, not an outline of the letters: matplotlib would draw outlined text as paths
            text.set_bbox({"facecolor": self.theme.back, "edgecolor": "none", "alpha": 0.7, "pad": 0.5})

    def add_axes(self, left: float, top: float, width: float, height: float) -> Axes:
        """Axes at a place in pixels from the upper left corner, with soft ticks and a grid of horizontal lines."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        with rc_context(_SETTINGS):
            axes = self.figure.add_axes(place, facecolor="none")
        axes.spines[:].set_visible(False)
        axes.grid(axis="y", color=self.theme.grid, linewidth=1 * POINT)
        axes.set_axisbelow(True)
        axes.tick_params(colors=self.theme.soft, labelsize=12 * POINT, width=1 * POINT, length=5 * POINT)
        axes.tick_params(axis="y", length=0, pad=8 * POINT)
        return axes

    def name_axes(self, axes: Axes, x: str, y: str) -> None:
        """Names of both axes; an empty one is left out."""
        with rc_context(_SETTINGS):
            axes.set_xlabel(x, color=self.theme.ink, fontsize=13 * POINT, labelpad=6 * POINT)
            axes.set_ylabel(y, color=self.theme.ink, fontsize=13 * POINT, labelpad=6 * POINT)

    def label_ends(self, axes: Axes, ends: Sequence[tuple[str, float, float, str]], gap: float) -> None:
        """Labels (words, x, y, colour) to the right of the axes, each joined with the end of its curve at x, y.

        `gap` is between neighbours, in pixels.
        """
        right, top = axes.transAxes.transform((1, 1))
        bottom = axes.transAxes.transform((0, 0))[1]
        places = [axes.transData.transform((x, y)) for _, x, y, _ in ends]
        heights = spread_labels([float(y) for _, y in places], gap, float(bottom), float(top) + 4)
        for (words, _, _, colour), (x, y), height in zip(ends, places, heights, strict=True):
            self.connect([(x + 5, y), (right + 6, y), (right + 18, height), (right + 24, height)], colour)
            self.write(right + 28, self.height - height + 4.5, words, size=LABEL, colour=colour)

    def connect(self, points: Sequence[tuple[float, float]], colour: str) -> None:
        """A thin line through points in display coordinates."""
        # as shares of the figure: SVG is written at 72 pixels an inch, so display coordinates would not hold there
        xs, ys = [x / self.width for x, _ in points], [y / self.height for _, y in points]
        line = Line2D(xs, ys, color=colour, alpha=0.6, linewidth=1 * POINT, transform=self.figure.transFigure)
        self.figure.add_artist(line)

    def add_legend(self, handles: Sequence[Line2D], left: float, top: float) -> None:
        """One row of marks and their labels, its upper left corner in pixels from that of the picture."""
        with rc_context(_SETTINGS):
            self.figure.legend(
                handles=handles, loc="upper left", bbox_to_anchor=(left / self.width, 1 - top / self.height),
                ncols=len(handles), frameon=False, fontsize=LABEL * POINT, labelcolor=self.theme.soft,
                borderpad=0, borderaxespad=0, columnspacing=1.6, handletextpad=0.5, handlelength=2.0,
            )  # fmt: skip

    def render(self, title: str) -> str:
        """The picture as SVG; `title` is what a screen reader says."""
        text = StringIO()
        with rc_context(_SETTINGS):
            # neither date nor version: equal figures give equal bytes
            self.figure.savefig(text, format="svg", metadata={"Title": title, "Date": None, "Creator": None})
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"


def spread_labels(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
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
    """A rectangle in display coordinates: pixels, y up."""

    left: float
    bottom: float
    width: float
    height: float

    def overlap(self, other: Box) -> float:
        """Pixels that both cover."""
        across = min(self.left + self.width, other.left + other.width) - max(self.left, other.left)
        up = min(self.bottom + self.height, other.bottom + other.height) - max(self.bottom, other.bottom)
        return max(across, 0.0) * max(up, 0.0)


def place_labels(
    marks: Sequence[tuple[float, float]], sizes: Sequence[tuple[float, float]], taken: Sequence[Box], frame: Box
) -> list[Box]:
    """A box of each size near its mark, within the frame, which covers nothing taken and no other box where it can.

    Boxes are placed in order, each at the nearest free candidate around its mark.
    """
    full = list(taken)
    for (x, y), (width, height) in zip(marks, sizes, strict=True):
        candidates = []
        for far in (8, 18, 30, 44, 60):
            for right, up in _AROUND:
                left = x + right * far + (right - 1) / 2 * width
                bottom = y + up * far * 0.8 + (up - 1) / 2 * height
                box = Box(left, bottom, width, height)
                # outside the frame a label is cut off, which is worse than a covered mark
                outside = width * height - box.overlap(frame)
                candidates.append((round(sum(map(box.overlap, full)) + 9 * outside, 3), len(candidates), box))
        full.append(min(candidates)[2])
    return full[len(taken) :]


_AROUND = ((1, 1), (-1, 1), (1, 0), (0, 1), (-1, 0), (1, -1), (0, -1), (-1, -1))  # to the right and up of a mark
