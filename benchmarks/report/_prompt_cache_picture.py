"""The picture of prompt_cache.json: answers kept against cost, and what a run has cost after each of its turns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.report._figure import LABEL, POINT, Box, Picture, Theme, place_labels

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COST, ANSWERS = 0.7, 98  # what issue 23 asks for


@dataclass(frozen=True)
class Style:
    label: str
    colour: int
    dash: Any = "-"
    width: float = 2.0


STYLES = {
    "none": Style("no pruning", -1),
    "rewrite": Style("cut anew", 1),
    "stable": Style("stable, recall", 0, width=3.2),
    "stable, recall without id": Style("recall without id", 0, (0, (2.5, 2))),
    "stable, append": Style("append", 2, width=2.4),
    "clear, read again": Style("ClearToolUsesEdit", 3),
    "trim, read again": Style("trim_messages", 4),
}
DRAWN_BY_TURN = ("none", "rewrite", "stable", "stable, append", "clear, read again", "trim, read again")


def draw_prompt_cache(figures, theme: Theme) -> str:
    about = figures["runs"]
    note = (
        f"{about['runs']} agent runs of {about['turns']} turns over real tool results; cached tokens at a tenth;"
        " no language model answers; grey: what was asked for"
    )
    picture = Picture((920, 446), theme, "Pruning under a prompt cache", note)
    chosen = {name: figures["strategies"][name] for name in STYLES if name in figures["strategies"]}
    draw_answers(picture, chosen)
    draw_turns(picture, {name: chosen[name] for name in DRAWN_BY_TURN if name in chosen})
    return picture.render("Answers kept against the cost of prompts, and the cost after each turn, by strategy")


def draw_answers(picture: Picture, rows) -> None:
    theme = picture.theme
    axes = picture.add_axes(64, 76, 400, 310)
    low = 5 * int(min(row["answers_kept"] for row in rows.values()) // 5)
    high = max(row["cost"]["exact"]["ratio"] for row in rows.values())
    axes.set(xlim=(0, high * 1.08), ylim=(low, 101), yticks=range(low, 101, 5))
    picture.name_axes(axes, "cost against no pruning", "answers kept, %")
    axes.axhspan(ANSWERS, 101, xmax=COST / (high * 1.08), color=theme.grid, zorder=0)
    marks = [(row["cost"]["exact"]["ratio"], row["answers_kept"]) for row in rows.values()]
    for name, (x, y) in zip(rows, marks, strict=True):
        colour = theme.colour(STYLES[name].colour)
        axes.plot([x], [y], marker="o", color=colour, markersize=8 * POINT, markeredgewidth=0, clip_on=False)
    label_marks(picture, axes, rows, marks)


def label_marks(picture: Picture, axes: Axes, rows, marks: list[tuple[float, float]]) -> None:
    """A label near each mark, away from the other marks."""
    places = [(float(x), float(y)) for x, y in axes.transData.transform(marks)]
    sizes = [(len(STYLES[name].label) * LABEL * 0.56 + 4, LABEL + 2) for name in rows]
    (left, bottom), (right, top) = axes.transAxes.transform(((0, 0), (1, 1)))
    frame = Box(float(left), float(bottom), float(right - left) + 8, float(top - bottom) + 6)
    taken = [Box(x - 5, y - 5, 10, 10) for x, y in places]
    for name, (x, y), box in zip(rows, places, place_labels(places, sizes, taken, frame), strict=True):
        colour = picture.theme.colour(STYLES[name].colour)
        near = min(max(x, box.left), box.left + box.width), min(max(y, box.bottom), box.bottom + box.height)
        if abs(near[0] - x) + abs(near[1] - y) > 14:
            picture.connect([(x, y), near], colour)
        label = STYLES[name].label
        picture.write(box.left + 2, picture.height - box.bottom - 3, label, size=LABEL, colour=colour, halo=True)


def draw_turns(picture: Picture, rows) -> None:
    theme = picture.theme
    axes = picture.add_axes(536, 76, 178, 310)
    turns = len(next(iter(rows.values()))["cost_by_turn"])
    high = max(row["cost_by_turn"][-1] for row in rows.values())
    axes.set(xlim=(1, turns), ylim=(0, high * 1.05), xticks=(1, 5, 10, 15, 20))
    picture.name_axes(axes, "turn", "cost so far, against all of no pruning")
    ends = []
    for name, row in rows.items():
        style = STYLES[name]
        ys = row["cost_by_turn"]
        colour = theme.colour(style.colour)
        axes.plot(
            range(1, turns + 1), ys, color=colour, linestyle=style.dash, linewidth=style.width * POINT, clip_on=False
        )
        ends.append((style.label, turns, ys[-1], colour))
    picture.label_ends(axes, ends, 18)
