"""The picture of kv_presses.json: accuracy against the share of bytes held, blind and aware."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING

from benchmarks.report._figure import POINT, Picture, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHARES = ((0.875, "1/8"), (0.75, "1/4"), (0.5, "1/2"))
SHOWN = {  # a place in the theme's colours, -1 the soft grey; dashes
    "kvzip": (0, "-"),
    "snapkv": (1, "-"),
    "adakv(snapkv)": (1, (0, (4, 2))),
    "expected_attention": (3, "-"),
    "keydiff": (2, "-"),
    "lagkv": (4, "-"),
    "streaming_llm": (-1, (0, (4, 2))),
    "random": (-1, (0, (1, 1.5))),
}


def draw_presses(figures, theme: Theme) -> str:
    note = (
        f"a needle, and pairs among 32, in {figures['tokens']:,} tokens, {len(figures['seeds'])} seeds;"
        " the other presses in grey"
    )
    picture = Picture((920, 470), theme, "What a pruned cache still answers", note)
    rows = {(row["press"], row["ratio"], row["mode"], row["storage"]): row["accuracy"] for row in figures["rows"]}
    for left, mode, title in ((64, "blind", "before the question is known"), (502, "aware", "with the question")):
        axes = picture.add_axes(left, 98, 240, 300)
        axes.set(xlim=(-3.1, -0.9), ylim=(0, 100), yticks=range(0, 101, 20))
        axes.set_xticks([log2(1 - ratio) for ratio, _ in SHARES], [word for _, word in SHARES])
        axes.tick_params(axis="x", width=POINT)
        picture.write(left, 82, title, size=13.5, colour=theme.ink, weight="bold")
        picture.name_axes(axes, "share of bytes held", "right answers, %" if mode == "blind" else "")
        draw_curves(picture, axes, rows, mode)
    return picture.render("Right answers against the share of the cache that is held, by press")


def draw_curves(picture: Picture, axes: Axes, rows, mode: str) -> None:
    theme, full = picture.theme, rows["full", 0.0, "blind", "plain"]
    axes.axhline(full, color=theme.ink, linestyle=(0, (2, 2)), linewidth=1.2 * POINT)
    xs = [log2(1 - ratio) for ratio, _ in SHARES]
    names = dict.fromkeys(name for name, _, _, storage in rows if storage == "plain" and name != "full")
    for name in names:
        if name not in SHOWN and name != "simlayerkv":  # which holds what its threshold says, not these shares
            axes.plot(xs, accuracies(rows, name, mode), color=theme.soft, linewidth=POINT, alpha=0.3)
    shown = [name for name in SHOWN if name in names]
    for name in reversed(shown):
        place, dash = SHOWN[name]
        width = 2.2 if dash == "-" else 1.8
        axes.plot(
            xs, accuracies(rows, name, mode), color=theme.colour(place), linestyle=dash, linewidth=width * POINT,
            marker="o", markersize=6 * POINT, markeredgewidth=0, clip_on=False,
        )  # fmt: skip
    ends = [(name, xs[-1], accuracies(rows, name, mode)[-1], theme.colour(SHOWN[name][0])) for name in reversed(shown)]
    picture.label_ends(axes, [*ends, ("whole cache", xs[-1], full, theme.ink)], 16.5)


def accuracies(rows, name: str, mode: str) -> list[float]:
    mode = mode if (name, SHARES[0][0], mode, "plain") in rows else "blind"  # it chooses the same with a question
    return [rows[name, ratio, mode, "plain"] for ratio, _ in SHARES]
