"""Draws the figures of passages.json, shrink_frontier.json and kv_presses.json, in a light and in a dark form.

    python benchmarks/report/plots.py            # writes NAME.svg and NAME-dark.svg beside each
    benchmarks/results/NAME.json
    python benchmarks/report/plots.py --check    # exit code 1 where it would change something

Needs nothing but Python; tests/test_readme.py runs the check.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.common.svg import DARK, LIGHT, Axes, Canvas, Theme, apart
from benchmarks.report import _frontier, _kv_picture

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHARES = (10, 20, 30, 50)


@dataclass(frozen=True)
class Curve:
    """How a scorer is drawn: `colour` is a place in the theme's list, -1 the soft grey."""

    label: str
    colour: int
    width: float = 1.8
    dash: str | None = None
    small: bool = True


CURVES = {
    "oracle": Curve("best possible", -1, 1.4, "2 3"),
    "pruner.v1": Curve("pruner (bundled model)", 0, 3.4),
    "MiniLM cosine": Curve("MiniLM-L6 cosine, with title", 1),
    "titled.v1": Curve("titled (BM25 with title)", 2, 1.8, "7 3", small=False),
    "lexical.v1": Curve("lexical (BM25)", 2),
    "bm25s": Curve("bm25s", 4, 1.8, "4 3", small=False),
    "headroom TextCrusher": Curve("headroom TextCrusher", 3),
    "first sentences": Curve("first sentences", -1, 1.4, "7 3", small=False),
    "random": Curve("random", -1, 1.4),
}
NAMES = {
    "wikiqa": "WikiQA", "selqa": "SelQA", "qed": "QED", "scifact": "SciFact", "multirc": "MultiRC",
    "fever_eraser": "FEVER", "xquad_en": "XQuAD", "policyqa": "PolicyQA", "hotpotqa": "HotpotQA",
    "2wikimultihop": "2WikiMultihop",
}  # fmt: skip
WIDTH, BIG_TOP, BIG_HEIGHT, SMALL_TOP, COLUMNS = 920, 66, 330, 520, 5


def main() -> int:
    stale = 0
    for name, draw_all in PICTURES.items():
        recorded = RESULTS / f"{name}.json"
        if not recorded.exists():
            continue
        figures = json.loads(recorded.read_text(encoding="utf-8"))["figures"]
        for path, theme in ((RESULTS / f"{name}.svg", LIGHT), (RESULTS / f"{name}-dark.svg", DARK)):
            drawn = draw_all(figures, theme)
            if not path.exists() or path.read_text(encoding="utf-8") != drawn:
                stale = 1
                if "--check" not in sys.argv:
                    path.write_text(drawn, encoding="utf-8")
    return stale if "--check" in sys.argv else 0


def picture(figures, theme: Theme) -> str:
    sets = list(figures["sets"])
    rows = -(-len(sets) // COLUMNS)
    canvas = Canvas(WIDTH, SMALL_TOP + 158 * rows - 18, "Evidence recall against the share of characters kept")
    canvas.rect(0.5, 0.5, WIDTH - 1, canvas.height - 1, rx=8, fill=theme.back, stroke=theme.grid)
    canvas.text(
        24, 30, "Evidence that is left when sentences are pruned", fill=theme.ink, font_size=17, font_weight=600
    )
    canvas.text(24, 50, f"mean over {len(sets)} sets of questions", fill=theme.soft, font_size=13)
    canvas.text(24, SMALL_TOP - 30, "set by set, same axes", fill=theme.soft, font_size=13)
    mean = figures["mean_evidence_recall"]
    large(canvas, theme, {title: mean[title] for title in CURVES if title in mean})
    for place, name in enumerate(sets):
        found = figures["sets"][name]
        curves = {
            title: found[title]["evidence_recall"] for title, curve in CURVES.items() if curve.small and title in found
        }
        small(canvas, theme, place, name, curves)
    return canvas.render()


def large(canvas: Canvas, theme: Theme, curves) -> None:
    axes = Axes(72, BIG_TOP, 590, BIG_HEIGHT, (7, 51), (0, 100))
    for value in range(0, 101, 20):
        x, y = axes.place(axes.x[0], value)
        canvas.line(x, y, x + axes.width, y, stroke=theme.grid)
        canvas.text(x - 9, y + 4, str(value), fill=theme.soft, font_size=12, text_anchor="end")
    bottom = axes.top + axes.height
    for share in SHARES:
        x, _ = axes.place(share, 0)
        canvas.line(x, bottom, x, bottom + 5, stroke=theme.soft)
        canvas.text(x, bottom + 20, str(share), fill=theme.soft, font_size=12, text_anchor="middle")
    canvas.text(
        axes.left + axes.width / 2,
        bottom + 40,
        "characters kept, %",
        fill=theme.ink,
        font_size=13,
        text_anchor="middle",
    )
    middle = axes.top + axes.height / 2
    canvas.text(
        26, middle, "evidence recall, %", fill=theme.ink, font_size=13, text_anchor="middle",
        transform=f"rotate(-90 26 {middle:.0f})",
    )  # fmt: skip
    for title in reversed(curves):
        draw(canvas, theme, axes, CURVES[title], curves[title], dots=True)
    ends = [axes.place(SHARES[-1], curves[title][str(SHARES[-1])]) for title in curves]
    places = apart([y for _, y in ends], 18, axes.top - 4, bottom)
    for title, (x, y), place in zip(curves, ends, places, strict=True):
        curve = CURVES[title]
        colour = shade(theme, curve)
        canvas.path([(x + 6, y), (x + 16, y), (x + 28, place), (x + 34, place)], stroke=colour, stroke_opacity=0.6)
        weight = 600 if title == "pruner.v1" else None
        canvas.text(x + 39, place + 4.5, curve.label, fill=colour, font_size=13, font_weight=weight)


def small(canvas: Canvas, theme: Theme, place: int, name: str, curves) -> None:
    column, row = place % COLUMNS, place // COLUMNS
    axes = Axes(52 + column * 175.0, SMALL_TOP + row * 158.0, 134, 104, (7, 53), (0, 100))
    canvas.text(axes.left, axes.top - 8, NAMES.get(name, name), fill=theme.ink, font_size=12.5, font_weight=600)
    for value in (0, 50, 100):
        x, y = axes.place(axes.x[0], value)
        canvas.line(x, y, x + axes.width, y, stroke=theme.grid)
        canvas.text(x - 6, y + 4, str(value), fill=theme.soft, font_size=11, text_anchor="end")
    for share in SHARES:
        x, y = axes.place(share, 0)
        canvas.text(x, y + 15, str(share), fill=theme.soft, font_size=11, text_anchor="middle")
    for title in reversed(curves):
        draw(canvas, theme, axes, CURVES[title], curves[title], dots=False)


def draw(canvas: Canvas, theme: Theme, axes: Axes, curve: Curve, recall, *, dots: bool) -> None:
    points = [axes.place(share, recall[str(share)]) for share in SHARES]
    colour = shade(theme, curve)
    width = curve.width if dots else curve.width * 0.75
    canvas.path(points, stroke=colour, stroke_width=width, stroke_dasharray=curve.dash)
    for x, y in points if dots else ():
        canvas.dot(x, y, curve.width + 1.2, fill=colour)


def shade(theme: Theme, curve: Curve) -> str:
    return theme.soft if curve.colour < 0 else theme.colours[curve.colour]


PICTURES = {"passages": picture, "shrink_frontier": _frontier.picture, "kv_presses": _kv_picture.picture}

if __name__ == "__main__":
    raise SystemExit(main())
