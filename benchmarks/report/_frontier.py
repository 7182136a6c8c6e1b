"""The picture of shrink_frontier.json: quality against speed of each recipe at each target."""

from __future__ import annotations

from math import ceil, floor
from typing import TYPE_CHECKING

from benchmarks.common.svg import Axes, Box, Canvas, Theme, beside

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDTH, HEIGHT = 920, 640
SMALL = 12.5
RIVALS = {"random": ("random removal", "7 4"), "distilled_scratch": ("trained from scratch", "2 3")}
COLOURS = (1, 2, 3, 4)  # of targets, the mildest first; the first colour is the unshrunk model's


def picture(figures, theme: Theme) -> str:
    rows = [row for row in figures["rows"] if "recall" in row]
    targets = sorted({row["keep"] for row in rows}, reverse=True)
    colours = {keep: theme.colours[COLOURS[place % len(COLOURS)]] for place, keep in enumerate(targets)}
    whole = figures["unshrunk"]
    canvas = Canvas(WIDTH, HEIGHT, "Evidence recall against speed of the unshrunk pruner, shrunk by each recipe")
    canvas.rect(0.5, 0.5, WIDTH - 1, HEIGHT - 1, rx=8, fill=theme.back, stroke=theme.grid)
    canvas.text(24, 30, "The pruner, shrunk by recipes", fill=theme.ink, font_size=17, font_weight=600)
    told = (
        f"evidence recall at 30 % of the characters, mean over {len(whole['recall']) - 1} sets,"
        f" {figures['items_of_a_set']} questions of each; {figures['steps']} steps of recovery; int8, one thread"
    )
    canvas.text(24, 50, told, fill=theme.soft, font_size=13)
    finished = figures.get("finished", {})
    axes = scaled([whole, *rows, *finished.values()])
    grid(canvas, theme, axes, whole)
    rivals(canvas, axes, rows, colours)
    tried = [row for row in rows if row["recipe"] not in RIVALS]
    best = hull(tried)
    canvas.path([at(axes, row) for row in best], stroke=theme.soft, stroke_width=1.2, stroke_opacity=0.7)
    for keep in targets:  # the best of each has a name, on the hull or not
        top = max((row for row in tried if row["keep"] == keep), key=lambda row: row["recall"]["mean"], default=None)
        if top is not None and top not in best:
            best.append(top)
    for row in sorted(rows, key=standing(figures), reverse=True):
        mark(canvas, theme, at(axes, row), standing(figures)(row), colours[row["keep"]])
    named = [(row["recipe"], at(axes, row), colours[row["keep"]]) for row in best]
    for name, row in {"unshrunk, int8": whole, **finished}.items():
        star(canvas, theme, at(axes, row))
        named.append((name, at(axes, row), theme.colours[0]))
    labels(canvas, theme, axes, named, [at(axes, row) for row in (whole, *rows, *finished.values())])
    legend(canvas, theme, colours)
    return canvas.render()


def speed(row) -> float:
    return row["speed_against_float32"]


def scaled(rows: Sequence[Mapping[str, object]]) -> Axes:
    """Axes that hold them all."""
    speeds = [speed(row) for row in rows]
    recalls = [row["recall"]["mean"] for row in rows]
    across = (floor(min(speeds) - 0.2), max(speeds) + 0.4)
    return Axes(72, 76, WIDTH - 104, 420, across, (5 * floor(min(recalls) / 5 - 0.2), 5 * ceil(max(recalls) / 5 + 0.3)))


def at(axes: Axes, row) -> tuple[float, float]:
    return axes.place(speed(row), row["recall"]["mean"])


def grid(canvas: Canvas, theme: Theme, axes: Axes, whole) -> None:
    low, high = axes.y
    step = 5 if high - low <= 40 else 10
    for value in range(-(-int(low) // step) * step, int(high) + 1, step):
        x, y = axes.place(axes.x[0], value)
        canvas.line(x, y, x + axes.width, y, stroke=theme.grid)
        canvas.text(x - 9, y + 4, str(value), fill=theme.soft, font_size=12, text_anchor="end")
    bottom, middle = axes.top + axes.height, axes.top + axes.height / 2
    for value in range(ceil(axes.x[0]), floor(axes.x[1]) + 1):
        x, _ = axes.place(value, low)
        canvas.line(x, bottom, x, bottom + 5, stroke=theme.soft)
        canvas.text(x, bottom + 20, f"{value}×", fill=theme.soft, font_size=12, text_anchor="middle")
    float32 = whole["ms"] * speed(whole)
    words = f"times as fast as the float32 graph ({float32:.0f} ms for ten windows of 213 tokens)"
    canvas.text(axes.left + axes.width / 2, bottom + 41, words, fill=theme.ink, font_size=13, text_anchor="middle")
    canvas.text(
        26, middle, "evidence recall, %", fill=theme.ink, font_size=13, text_anchor="middle",
        transform=f"rotate(-90 26 {middle:.0f})",
    )  # fmt: skip


def rivals(canvas: Canvas, axes: Axes, rows, colours: Mapping[float, str]) -> None:
    """By target a line as high as random removal and one as high as training from scratch, as wide as the target."""
    for keep, colour in colours.items():
        here = [row for row in rows if row["keep"] == keep]
        ends = min(map(speed, here)), max(map(speed, here))
        for row in here:
            if row["recipe"] in RIVALS:
                recall = row["recall"]["mean"]
                (left, y), (right, _) = axes.place(ends[0], recall), axes.place(ends[1], recall)
                dash = RIVALS[row["recipe"]][1]
                canvas.line(
                    left - 14, y, right + 14, y, stroke=colour, stroke_width=1.4, stroke_dasharray=dash,
                    stroke_opacity=0.75,
                )  # fmt: skip


def hull(rows) -> list:
    """The upper hull from the best to the fastest: no mixture of two others is both faster and better."""
    found: list = []
    for row in sorted(rows, key=lambda row: (-speed(row), -row["recall"]["mean"])):
        if found and row["recall"]["mean"] <= found[-1]["recall"]["mean"]:
            continue
        while len(found) > 1 and slope(found[-2], row) >= slope(found[-2], found[-1]):
            found.pop()
        found.append(row)
    return found[::-1]


def slope(fast, slow) -> float:
    """Recall that is gained for each step of speed that is given up."""
    lost = speed(fast) - speed(slow)
    return (slow["recall"]["mean"] - fast["recall"]["mean"]) / lost if lost else float("inf")


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


def mark(canvas: Canvas, theme: Theme, place: tuple[float, float], stands: int, colour: str) -> None:
    x, y = place
    if stands == 0:
        canvas.dot(x, y, 5.0, fill=colour, stroke=theme.back, stroke_width=1)
    elif stands == 1:
        canvas.dot(x, y, 4.2, fill=theme.back, stroke=colour, stroke_width=1.8)
    elif stands == 2:
        for way in (-1, 1):
            canvas.line(x - 4, y - 4 * way, x + 4, y + 4 * way, stroke=colour, stroke_width=1.8)
    else:
        canvas.rect(x - 3.5, y - 3.5, 7, 7, fill=theme.back, stroke=colour, stroke_width=1.6)


def star(canvas: Canvas, theme: Theme, place: tuple[float, float]) -> None:
    x, y = place
    corners = [(x, y - 8), (x + 8, y), (x, y + 8), (x - 8, y)]
    canvas.path([*corners, corners[0]], fill=theme.colours[0], stroke=theme.back, stroke_width=1)


def labels(canvas: Canvas, theme: Theme, axes: Axes, named, marks: Iterable[tuple[float, float]]) -> None:
    """Names beside their marks, with a line where they stand off."""
    taken = [Box(x - 6, y - 6, 12, 12) for x, y in marks]
    sizes = [(len(name) * SMALL * 0.56 + 4, SMALL + 3) for name, _, _ in named]
    frame = Box(axes.left, axes.top - 6, axes.width, axes.height + 6)
    boxes = beside([place for _, place, _ in named], sizes, taken, frame)
    for (name, (x, y), colour), box in zip(named, boxes, strict=True):
        near = min(max(x, box.left), box.left + box.width), min(max(y, box.top), box.top + box.height)
        if abs(near[0] - x) + abs(near[1] - y) > 18:
            canvas.line(x, y, *near, stroke=colour, stroke_width=1, stroke_opacity=0.6)
        canvas.text(
            box.left + box.width / 2, box.top + SMALL, name, fill=colour, font_size=SMALL, font_weight=600,
            text_anchor="middle", stroke=theme.back, stroke_width=4, paint_order="stroke",
        )  # fmt: skip


def legend(canvas: Canvas, theme: Theme, colours: Mapping[float, str]) -> None:
    x, y = 72.0, HEIGHT - 58.0
    for keep, colour in colours.items():
        canvas.dot(x + 5, y - 4, 5.0, fill=colour)
        x = _said(canvas, theme, x + 16, y, f"{100 * keep:.0f} %")
    x = _said(canvas, theme, x - 12, y, "of the layers' multiply-adds left at most")
    for said, dash in RIVALS.values():
        canvas.line(x, y - 4, x + 26, y - 4, stroke=theme.ink, stroke_width=1.4, stroke_dasharray=dash)
        mark(canvas, theme, (x + 13, y - 4), 3, theme.ink)
        x = _said(canvas, theme, x + 34, y, said)
    x, y = 72.0, HEIGHT - 32.0
    words = ("better than both", "no better than training from scratch", "no better than random removal")
    for stands, said in enumerate(words):
        mark(canvas, theme, (x + 5, y - 4), stands, theme.ink)
        x = _said(canvas, theme, x + 16, y, said)


def _said(canvas: Canvas, theme: Theme, x: float, y: float, words: str) -> float:
    """Writes it; gives where the next may stand."""
    canvas.text(x, y, words, fill=theme.soft, font_size=SMALL)
    return x + len(words) * SMALL * 0.55 + 20
