"""The picture of kv_presses.json: accuracy against the share of bytes held, blind and aware."""

from __future__ import annotations

from math import log2

from benchmarks.common.svg import Axes, Canvas, Theme, apart

WIDTH, HEIGHT = 920, 470
SHARES = ((0.875, "1/8"), (0.75, "1/4"), (0.5, "1/2"))
SHOWN = {  # a place in the theme's colours, -1 the soft grey; dashes
    "kvzip": (0, None),
    "snapkv": (1, None),
    "adakv(snapkv)": (1, "7 3"),
    "expected_attention": (3, None),
    "keydiff": (2, None),
    "lagkv": (4, None),
    "streaming_llm": (-1, "7 4"),
    "random": (-1, "2 3"),
}


def picture(figures, theme: Theme) -> str:
    canvas = Canvas(WIDTH, HEIGHT, "Right answers against the share of the cache that is held, by press")
    canvas.rect(0.5, 0.5, WIDTH - 1, HEIGHT - 1, rx=8, fill=theme.back, stroke=theme.grid)
    canvas.text(24, 30, "What a pruned cache still answers", fill=theme.ink, font_size=17, font_weight=600)
    told = (
        f"a needle, and pairs among 32, in {figures['tokens']:,} tokens, {len(figures['seeds'])} seeds;"
        " the other presses in grey"
    )
    canvas.text(24, 50, told, fill=theme.soft, font_size=13)
    rows = {(row["press"], row["ratio"], row["mode"], row["storage"]): row["accuracy"] for row in figures["rows"]}
    full = rows["full", 0.0, "blind", "plain"]
    for place, (mode, title) in enumerate((("blind", "before the question is known"), ("aware", "with the question"))):
        panel(canvas, theme, Axes(60 + place * 438, 98, 258, 300, (-3.1, -0.9), (0, 100)), title)
        curves(canvas, theme, Axes(60 + place * 438, 98, 258, 300, (-3.1, -0.9), (0, 100)), rows, mode, full)
    return canvas.render()


def panel(canvas: Canvas, theme: Theme, axes: Axes, title: str) -> None:
    canvas.text(axes.left, axes.top - 16, title, fill=theme.ink, font_size=13.5, font_weight=600)
    for value in range(0, 101, 20):
        x, y = axes.place(axes.x[0], value)
        canvas.line(x, y, x + axes.width, y, stroke=theme.grid)
        canvas.text(x - 8, y + 4, str(value), fill=theme.soft, font_size=12, text_anchor="end")
    bottom = axes.top + axes.height
    for ratio, word in SHARES:
        x, _ = axes.place(log2(1 - ratio), 0)
        canvas.line(x, bottom, x, bottom + 5, stroke=theme.soft)
        canvas.text(x, bottom + 20, word, fill=theme.soft, font_size=12, text_anchor="middle")
    canvas.text(
        axes.left + axes.width / 2,
        bottom + 42,
        "share of bytes held",
        fill=theme.ink,
        font_size=13,
        text_anchor="middle",
    )
    if axes.left < 100:
        middle = axes.top + axes.height / 2
        canvas.text(
            20, middle, "right answers, %", fill=theme.ink, font_size=13, text_anchor="middle",
            transform=f"rotate(-90 20 {middle:.0f})",
        )  # fmt: skip


def curves(canvas: Canvas, theme: Theme, axes: Axes, rows, mode: str, full: float) -> None:
    x, y = axes.place(axes.x[0], full)
    canvas.line(x, y, x + axes.width, y, stroke=theme.ink, stroke_dasharray="3 3", stroke_width=1.2)
    names = dict.fromkeys(name for name, _, _, storage in rows if storage == "plain" and name != "full")
    for name in names:
        if name not in SHOWN and name != "simlayerkv":  # which holds what its threshold says, not these shares
            canvas.path(points(axes, rows, name, mode), stroke=theme.soft, stroke_width=1, stroke_opacity=0.3)
    ends, shown = [], [name for name in SHOWN if name in names]
    for name in reversed(shown):
        colour, dash = shade(theme, name), SHOWN[name][1]
        line = points(axes, rows, name, mode)
        canvas.path(line, stroke=colour, stroke_width=2.2 if dash is None else 1.8, stroke_dasharray=dash)
        for x, y in line:
            canvas.dot(x, y, 3, fill=colour)
        ends.append((name, line[-1]))
    ends.append(("whole cache", (axes.left + axes.width - 10, axes.place(0, full)[1])))
    places = apart([y for _, (_, y) in ends], 16.5, axes.top - 4, axes.top + axes.height)
    for (name, (x, y)), place in zip(ends, places, strict=True):
        colour = theme.ink if name == "whole cache" else shade(theme, name)
        right = axes.left + axes.width
        canvas.path(
            [(x + 5, y), (right + 4, y), (right + 14, place), (right + 19, place)], stroke=colour, stroke_opacity=0.5
        )
        canvas.text(right + 23, place + 4.5, name, fill=colour, font_size=12.5)


def points(axes: Axes, rows, name: str, mode: str) -> list[tuple[float, float]]:
    mode = mode if (name, SHARES[0][0], mode, "plain") in rows else "blind"  # it chooses the same with a question
    return [axes.place(log2(1 - ratio), rows[name, ratio, mode, "plain"]) for ratio, _ in SHARES]


def shade(theme: Theme, name: str) -> str:
    colour = SHOWN[name][0]
    return theme.soft if colour < 0 else theme.colours[colour]
