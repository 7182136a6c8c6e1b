"""The picture of trust.json: the share right among the questions answered, for every bar on the confidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.report._figure import POINT, Picture, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CHAT = Path(__file__).resolve().parents[1] / "results" / "sqleval_chat.json"
AIM = 90  # percent right, for which the default bar is set
LABELS = {"spider": "Spider dev", "sqleval": "sql-eval", "all": "all, with EHRSQL"}
ROWS = {"plain": "0.5B model", "chat + sketch": "0.5B model and sketch"}


def draw_trust(figures, theme: Theme) -> str:
    note = "unanswerable questions count as wrong; a curve ends where the rest is refused"
    picture = Picture((920, 430), theme, "Questions answered, and right among them", note)
    axes = picture.add_axes(72, 72, 560, 290)
    axes.set(xlim=(0, 101), ylim=(0, 100), xticks=range(0, 101, 20), yticks=range(0, 101, 20))
    picture.name_axes(axes, "questions answered, %", "right among them, %")
    axes.axhline(AIM, color=theme.soft, linestyle=(0, (4, 3)), linewidth=1.2 * POINT)
    rows = {**figures["sets"], "all": figures["all"]}
    curves = {label: rows[name]["curve"] for name, label in LABELS.items() if rows.get(name, {}).get("curve")}
    draw_curves(picture, axes, curves | chat_curves())
    return picture.render("Risk and coverage: the share right among the questions that are answered")


def chat_curves() -> dict[str, list]:
    """Those of a small chat model on sql-eval, where they were measured."""
    if not CHAT.exists():
        return {}
    figures = json.loads(CHAT.read_text(encoding="utf-8"))["figures"]
    return {f"sql-eval, {label}": figures[row]["curve"] for row, label in ROWS.items() if row in figures}


def draw_curves(picture: Picture, axes: Axes, curves) -> None:
    ends = []
    for place, (label, points) in enumerate(curves.items()):
        colour = picture.theme.colour(place)
        # From the left edge: nothing is told apart below the coverage of the first point.
        xs, ys = [0, *(point["coverage"] for point in points)], [point["right"] for point in points]
        axes.plot(xs, [ys[0], *ys], color=colour, linewidth=2.4 * POINT, clip_on=False, solid_joinstyle="round")
        ends.append((label, xs[-1], ys[-1], colour))
    picture.label_ends(axes, ends, 18)
