"""The picture of kv_ruler.json: right answers by task at a quarter of the bytes, one panel for each length."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from benchmarks.report._figure import POINT, Picture, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TASKS = {
    "needle": "one needle",
    "key_value": "pairs among many",
    "multi_key": "one of four needles",
    "multi_value": "four values of one",
    "multi_query": "four needles at once",
    "passages": "one of many passages",
    "variables": "chains of variables",
    "common_words": "frequent words",
}
SHOWN = {  # press and storage: label, a place in the theme's colours (-1 the soft grey, -2 the ink), mark, size
    ("streaming_llm", "plain"): ("streaming_llm", -1, "x", 6),
    ("snapkv", "plain"): ("snapkv", 1, "o", 8),
    ("snapkv", "kivi4"): ("snapkv in 4 bits", 2, "D", 7),
    ("chunkkv(snapkv)", "plain"): ("chunkkv(snapkv)", 0, "s", 7.5),
    ("whole", "plain"): ("whole cache", -2, "|", 17),
}
LEFT, TOP, WIDTH, ROW = 168, 124, 316, 40


def draw_ruler(figures, theme: Theme) -> str:
    note = f"right answers, %, with the question; {count(figures)} questions of each task and length"
    tasks = [task for task in TASKS if any(task in row["by_task"] for row in figures["rows"])]
    height = TOP + ROW * len(tasks) + 46
    picture = Picture((920, height), theme, "A quarter of the cache's bytes, task by task", note)
    for place, tokens in enumerate(figures["tokens"]):
        left = LEFT + place * (WIDTH + 68)
        axes = picture.add_axes(left, TOP, WIDTH, ROW * len(tasks))
        picture.write(left, TOP - 10, f"{tokens:,} tokens", size=13.5, colour=theme.ink, weight="bold")
        axes.set(xlim=(-2, 102), ylim=(len(tasks) - 0.5, -0.5), xticks=range(0, 101, 20))
        axes.set_yticks(range(len(tasks)), [TASKS[task] for task in tasks] if not place else [""] * len(tasks))
        rows = {(row["press"], row["storage"]): row for row in figures["rows"] if row["tokens"] == tokens}
        draw_marks(axes, theme, [rows[key]["by_task"] if key in rows else {} for key in SHOWN], tasks)
    handles = [
        Line2D([], [], color=ink(theme, colour), marker=mark, linestyle="", markersize=size * POINT, label=label,
               markeredgewidth=2 * POINT if mark in "|x" else 0)
        for label, colour, mark, size in reversed(SHOWN.values())
    ]  # fmt: skip
    picture.add_legend(handles, 24, 68)
    return picture.render("Right answers of presses by task, at a quarter of the bytes of the whole cache")


def draw_marks(axes: Axes, theme: Theme, found: list[dict[str, float]], tasks: list[str]) -> None:
    """Marks of one task stand a little above each other, so that equal ones are seen."""
    for number, (by_task, (_, colour, mark, size)) in enumerate(zip(found, SHOWN.values(), strict=True)):
        shift = 0.0 if mark == "|" else 0.2 * (number - (len(SHOWN) - 2) / 2)
        axes.plot(
            [by_task[task] for task in tasks if task in by_task],
            [place + shift for place, task in enumerate(tasks) if task in by_task],
            color=ink(theme, colour), marker=mark, linestyle="", markersize=size * POINT, clip_on=False,
            markeredgewidth=2 * POINT if mark in "|x" else 0, zorder=3,
        )  # fmt: skip


def ink(theme: Theme, place: int) -> str:
    return theme.ink if place == -2 else theme.colour(place)


def count(figures) -> str:
    numbers = [number for row in figures["rows"] if row["press"] == "whole"
               for task, number in row["samples"].items() if task in TASKS]  # fmt: skip
    return f"{min(numbers)} to {max(numbers)}" if min(numbers) < max(numbers) else str(max(numbers))
