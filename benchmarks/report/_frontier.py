"""The pictures of shrink_frontier.json and shrink_reranker.json: quality against speed of recipes at each target."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from statistics import fmean
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from benchmarks.common.rivals import RIVALS, chosen_ways, lost
from benchmarks.report._figure import LABEL, POINT, Box, Picture, Theme, place_labels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes

DASHES = {"random": (0, (5, 3)), "distilled_scratch": (0, (1.5, 2))}
COLOURS = (1, 2, 3, 4)  # of targets, the mildest first; the first colour is the unshrunk model's


@dataclass(frozen=True)
class Words:
    """What a frontier says around its axes: title, note under it, names of the axes and of what was shrunk."""

    title: str
    note: str
    x: str
    y: str
    whole: str
    targets: str
    described: str


def draw_frontier(figures, theme: Theme) -> str:
    """Of the pruner."""
    whole = figures["unshrunk"]
    milliseconds = whole["ms"] * speed(whole)
    words = Words(
        "The pruner, shrunk by recipes",
        f"evidence recall at 30 % of the characters, mean over {len(whole['recall']) - 1} sets,"
        f" {figures['items_of_a_set']} questions of each; {figures['steps']} steps of recovery; int8, one thread",
        f"times as fast as the float32 graph ({milliseconds:.0f} ms for ten windows of 213 tokens)",
        "evidence recall, %",
        "unshrunk, int8",
        "of the layers' multiply-adds left at most",
        "Evidence recall against speed of the unshrunk pruner, shrunk by each recipe",
    )
    return draw_rows(figures, theme, words)


def draw_reranker(figures, theme: Theme) -> str:
    """Of the cross-encoder: the mean over seeds of the way that `chosen_ways` takes."""
    full = figures["full"]
    rows = [
        {
            "recipe": recipe,
            "keep": float(target.partition("=")[2]),
            "recall": {"mean": fmean(row["ndcg"]["mean"] for row in own)},
            "speed_against_float32": 1 / fmean(row["time_left"] for row in own),
        }
        for (recipe, target), own in chosen_ways(figures["rows"]).items()
    ]
    words = Words(
        "A MiniLM cross-encoder, shrunk by recipes",
        f"nDCG@10, mean over {len(full['ndcg']) - 1} sets and over seeds; recovered where a dev part prefers it;"
        " one thread",
        f"times as fast as the full model ({full['ms']:.0f} ms for 10 pairs of 200 tokens)",
        "nDCG@10, %",
        "full model",
        "of the time left at most",
        "nDCG@10 against speed of a MiniLM cross-encoder, shrunk by each recipe",
    )
    whole = {"recall": full["ndcg"], "speed_against_float32": 1.0}
    return draw_rows({"unshrunk": whole, "rows": rows, "lost_to": lost(rows)}, theme, words)


def draw_rows(figures, theme: Theme, words: Words) -> str:
    rows = [row for row in figures["rows"] if "recall" in row]
    targets = sorted({row["keep"] for row in rows}, reverse=True)
    # a mark that says "better than" needs the rival at every target
    measured = {(row["recipe"], row["keep"]) for row in rows}
    rivals = [name for name in RIVALS if all((name, keep) in measured for keep in targets)]
    rows = [row for row in rows if row["recipe"] not in RIVALS or row["recipe"] in rivals]
    figures = {**figures, "lost_to": {at: own for at, own in figures["lost_to"].items() if at.split()[0] in rivals}}
    colours = {keep: theme.colours[COLOURS[place % len(COLOURS)]] for place, keep in enumerate(targets)}
    whole, finished = figures["unshrunk"], figures.get("finished", {})
    picture = Picture((920, 640), theme, words.title, words.note)
    axes = picture.add_axes(72, 76, 816, 420)
    scale_axes(axes, [whole, *rows, *finished.values()])
    axes.tick_params(axis="x", width=POINT)
    picture.name_axes(axes, words.x, words.y)
    draw_rivals(axes, rows, colours)
    recipes = [row for row in rows if row["recipe"] not in RIVALS]
    best = hull(recipes)
    axes.plot([speed(row) for row in best], [recall(row) for row in best], color=theme.soft, lw=1.2 * POINT, alpha=0.7)
    for keep in targets:  # the best of each has a name, on the hull or not
        top = max((row for row in recipes if row["keep"] == keep), key=recall, default=None)
        if top is not None and top not in best:
            best.append(top)
    for row in sorted(rows, key=standing(figures), reverse=True):
        axes.plot(speed(row), recall(row), **marker(theme, standing(figures)(row), colours[row["keep"]]))
    named = [(row["recipe"], row, colours[row["keep"]]) for row in best]
    for name, row in {words.whole: whole, **finished}.items():
        axes.plot(
            speed(row), recall(row), marker="D", ms=11 * POINT, mfc=theme.colours[0], mec=theme.back, mew=POINT,
            linestyle="none",
        )  # fmt: skip
        named.append((name, row, theme.colours[0]))
    draw_labels(picture, axes, named, [whole, *rows, *finished.values()])
    draw_legends(picture, colours, words.targets, rivals)
    return picture.render(words.described)


def speed(row) -> float:
    return row["speed_against_float32"]


def recall(row) -> float:
    return row["recall"]["mean"]


def scale_axes(axes: Axes, rows) -> None:
    """Limits that hold all rows, and ticks at whole numbers."""
    speeds, recalls = [speed(row) for row in rows], [recall(row) for row in rows]
    low, high = 5 * floor(min(recalls) / 5 - 0.2), 5 * ceil(max(recalls) / 5 + 0.3)
    axes.set(xlim=(floor(min(speeds) - 0.2), max(speeds) + 0.4), ylim=(low, high))
    step = 5 if high - low <= 40 else 10
    axes.set_yticks(range(-(-low // step) * step, high + 1, step))
    numbers = range(ceil(axes.get_xlim()[0]), floor(axes.get_xlim()[1]) + 1)
    axes.set_xticks(list(numbers), [f"{number}×" for number in numbers])


def draw_rivals(axes: Axes, rows, colours: Mapping[float, str]) -> None:
    """By target a line as high as random removal and one as high as training from scratch, as wide as the target."""
    for keep, colour in colours.items():
        here = [row for row in rows if row["keep"] == keep]
        left, right = min(map(speed, here)) - 0.1, max(map(speed, here)) + 0.1
        for row in here:
            if row["recipe"] in RIVALS:
                dash = DASHES[row["recipe"]]
                axes.plot([left, right], [recall(row)] * 2, color=colour, linestyle=dash, lw=1.4 * POINT, alpha=0.75)


def hull(rows) -> list:
    """The upper hull from the best to the fastest: no mixture of two others is both faster and better."""
    corners: list = []
    for row in sorted(rows, key=lambda row: (-speed(row), -recall(row))):
        if corners and recall(row) <= recall(corners[-1]):
            continue
        # a corner under the line between its neighbours is no corner
        while len(corners) > 1 and slope(corners[-2], row) >= slope(corners[-2], corners[-1]):
            corners.pop()
        corners.append(row)
    return corners[::-1]


def slope(fast, slow) -> float:
    """Recall that is gained for each step of speed that is given up."""
    lost = speed(fast) - speed(slow)
    return (recall(slow) - recall(fast)) / lost if lost else float("inf")


def standing(figures):
    """How a row stands: 0 above both rivals, 1 no better than training from scratch, 2 no better than random removal.

    A rival itself is 3.
    """

    def of(row) -> int:
        if row["recipe"] in RIVALS:
            return 3
        for place, rival in ((2, "random"), (1, "distilled_scratch")):
            if row["recipe"] in figures["lost_to"].get(f"{rival} at {row['keep']}", ()):
                return place
        return 0

    return of


def marker(theme: Theme, stands: int, colour: str) -> dict[str, Any]:
    """How `plot` draws a row: a dot, a ring, a cross, or for a rival a square."""
    shapes: tuple[dict[str, Any], ...] = (
        {"marker": "o", "ms": 10 * POINT, "mfc": colour, "mec": theme.back, "mew": POINT},
        {"marker": "o", "ms": 8.4 * POINT, "mfc": theme.back, "mec": colour, "mew": 1.8 * POINT},
        {"marker": "x", "ms": 8 * POINT, "mec": colour, "mew": 1.8 * POINT},
        {"marker": "s", "ms": 7 * POINT, "mfc": theme.back, "mec": colour, "mew": 1.6 * POINT},
    )
    return {"linestyle": "none", **shapes[stands]}


def draw_labels(picture: Picture, axes: Axes, named, rows) -> None:
    """Names beside their marks, with a line where they stand off."""

    def pixels(row) -> tuple[float, float]:
        x, y = axes.transData.transform((speed(row), recall(row)))
        return float(x), float(y)

    taken = [Box(x - 6, y - 6, 12, 12) for x, y in map(pixels, rows)]
    # estimated, not measured: the width of drawn text depends on the version of the font library
    sizes = [(len(name) * LABEL * 0.62 + 4, LABEL + 3) for name, _, _ in named]
    (left, bottom), (right, top) = axes.transAxes.transform(((0, 0), (1, 1)))
    frame = Box(float(left), float(bottom), float(right - left), float(top - bottom) + 6)
    marks = [pixels(row) for _, row, _ in named]
    for (name, _, colour), (x, y), box in zip(named, marks, place_labels(marks, sizes, taken, frame), strict=True):
        near = min(max(x, box.left), box.left + box.width), min(max(y, box.bottom), box.bottom + box.height)
        if abs(near[0] - x) + abs(near[1] - y) > 18:
            picture.connect([(x, y), near], colour)
        picture.write(
            box.left + 2, picture.height - box.bottom - 3.5, name, size=LABEL, colour=colour, weight="bold", halo=True
        )


def draw_legends(picture: Picture, colours: Mapping[float, str], said: str, rivals: Sequence[str]) -> None:
    theme = picture.theme
    targets = [
        Line2D([], [], label=f"{100 * keep:.0f} %", **marker(theme, 0, colour)) for keep, colour in colours.items()
    ]
    targets[-1].set_label(f"{targets[-1].get_label()} {said}")
    square, width = marker(theme, 3, theme.ink), 1.4 * POINT
    lines = [
        Line2D([], [], label=RIVALS[name], **{**square, "linestyle": DASHES[name]}, color=theme.ink, lw=width)
        for name in rivals
    ]
    picture.add_legend([*targets, *lines], 64, 572)
    standings = {0: "better than both", 1: f"no better than {RIVALS['distilled_scratch']}"}
    if len(rivals) < len(RIVALS):
        standings = {0: f"better than {RIVALS[rivals[0]]}"} if rivals else {}
    if "random" in rivals:
        standings[2] = f"no better than {RIVALS['random']}"
    marks = [Line2D([], [], label=name, **marker(theme, place, theme.ink)) for place, name in standings.items()]
    if marks:
        picture.add_legend(marks, 64, 600)
