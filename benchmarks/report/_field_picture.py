"""The picture of field.json: evidence kept against the share of the tokens, for all documents and by their kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.lines import Line2D

from benchmarks.report._field import LABELS
from benchmarks.report._figure import POINT, Picture, Theme

SHARES = (5, 10, 25)
COLUMNS, LEFT, TOP, STEP_X, STEP_Y = 4, 62, 112, 216, 196  # pixels
WIDTH, HEIGHT = 160, 124  # of one panel


@dataclass(frozen=True)
class Style:
    colour: int
    width: float
    dash: Any = "-"


STYLES = {
    "default": Style(0, 3.0),
    "lexical": Style(2, 1.8),
    "bm25s": Style(4, 1.6, (0, (2.5, 2))),
    "first": Style(-1, 1.4, (0, (4, 2))),
}
SETS = {"field": "the shared field set", "own": "documents of our own, products left out"}


def draw_field(figures, theme: Theme) -> str:
    panels = [(name, group) for name in SETS if name in figures for group in figures[name]["items"]]
    rows = sum(-(-len(figures[name]["items"]) // COLUMNS) for name in SETS if name in figures)
    heights = len([name for name in SETS if name in figures])
    size = (LEFT + COLUMNS * STEP_X - 10, TOP + rows * STEP_Y + heights * 26 - 8)
    note = "mean share of a question's evidence strings that are kept; by kind of document"
    picture = Picture(size, theme, "Evidence kept of documents as users have them", note)
    picture.add_legend([_legend_line(method, theme) for method in STYLES], 24, 66)
    row, column, last = -1, 0, ""
    top = TOP
    for name, group in panels:
        if name != last:
            top += STEP_Y * (row >= 0)
            picture.write(24, top, SETS[name], size=13, colour=theme.ink)
            row, column, last, top = 0, 0, name, top + 30
        elif column == COLUMNS:
            column, top = 0, top + STEP_Y
        draw_panel(picture, (LEFT + column * STEP_X, top), figures[name], group)
        column += 1
    return picture.render("Evidence kept against the share of the tokens, by kind of document")


def draw_panel(picture: Picture, place: tuple[float, float], figures, group: str) -> None:
    left, top = place
    axes = picture.add_axes(left, top, WIDTH, HEIGHT)
    axes.set(xlim=(3, 27), ylim=(0, 100), xticks=SHARES, yticks=(0, 50, 100))
    axes.tick_params(axis="x", length=0)
    count = figures["items"][group]
    picture.write(left, top - 8, f"{group} ({count})", size=12.5, colour=picture.theme.ink, weight="bold")
    for method in reversed(STYLES):
        kept, style = figures["evidence_kept"][method][group], STYLES[method]
        axes.plot(
            SHARES, [kept[str(share)] for share in SHARES], color=picture.theme.colour(style.colour),
            linestyle=style.dash, linewidth=style.width * POINT, clip_on=False,
            marker="o", markersize=(style.width + 2.4) * POINT, markeredgewidth=0,
        )  # fmt: skip
    if left == LEFT:
        picture.name_axes(axes, "", "evidence kept, %")
    axes.set_xlabel("tokens kept, %", color=picture.theme.soft, fontsize=11 * POINT, labelpad=2 * POINT)


def _legend_line(method: str, theme: Theme) -> Line2D:
    style = STYLES[method]
    colour, width = theme.colour(style.colour), style.width * POINT
    return Line2D([], [], color=colour, linestyle=style.dash, linewidth=width, label=LABELS[method])
