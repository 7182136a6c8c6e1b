"""Draw the figures that are listed under PICTURES at the end, light and dark.

    python benchmarks/report/plots.py            # writes NAME.svg and NAME-dark.svg beside each
    benchmarks/results/NAME.json
    python benchmarks/report/plots.py --check    # exit code 1 where it would change something

Needs matplotlib, of the version that the extra `dev` names: another one may draw the same picture in other bytes.
tests/test_readme.py runs the check.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import (
    _field_picture,
    _frontier,
    _kv_picture,
    _kv_ruler_picture,
    _prompt_cache_picture,
    _trust_picture,
)
from benchmarks.report._figure import DARK, LIGHT, POINT, Picture, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESULTS = Path(__file__).resolve().parents[1] / "results"
SHARES = (10, 20, 30, 50)


@dataclass(frozen=True)
class Curve:
    """How a scorer is drawn: `colour` is a place in the theme's list, -1 the soft grey."""

    label: str
    colour: int
    width: float = 1.8
    dash: Any = "-"
    small: bool = True


CURVES = {
    "oracle": Curve("best possible", -1, 1.4, (0, (1, 1.5))),
    "mixture.v1": Curve("mixture (the default)", 0, 3.4),
    "pruner.v1": Curve("pruner (the model, BM25)", 0, 1.8, (0, (4, 2)), small=False),
    "MiniLM cosine": Curve("MiniLM-L6 cosine, with title", 1),
    "titled.v1": Curve("titled (BM25 with title)", 2, 1.8, (0, (4, 2)), small=False),
    "lexical.v1": Curve("lexical (BM25)", 2),
    "bm25s": Curve("bm25s", 4, 1.8, (0, (2.5, 2)), small=False),
    "headroom TextCrusher": Curve("headroom TextCrusher", 3),
    "first sentences": Curve("first sentences", -1, 1.4, (0, (4, 2)), small=False),
    "random": Curve("random", -1, 1.4),
}
NAMES = {
    "wikiqa": "WikiQA", "selqa": "SelQA", "qed": "QED", "scifact": "SciFact", "multirc": "MultiRC",
    "fever_eraser": "FEVER", "xquad_en": "XQuAD", "policyqa": "PolicyQA", "hotpotqa": "HotpotQA",
    "2wikimultihop": "2WikiMultihop",
}  # fmt: skip
WIDTH, SMALL_TOP, COLUMNS = 920, 520, 5


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


def draw_passages(figures, theme: Theme) -> str:
    sets = list(figures["sets"])
    height = SMALL_TOP + 158 * -(-len(sets) // COLUMNS) - 18
    note = f"mean over {len(sets)} sets of questions"
    picture = Picture((WIDTH, height), theme, "Evidence that is left when sentences are pruned", note)
    picture.write(24, SMALL_TOP - 30, "set by set, same axes", size=13)
    mean = figures["mean_evidence_recall"]
    draw_mean(picture, {title: mean[title] for title in CURVES if title in mean})
    for place, name in enumerate(sets):
        entry = figures["sets"][name]
        chosen = [title for title, curve in CURVES.items() if curve.small and title in entry]
        draw_set(picture, place, name, {title: entry[title]["evidence_recall"] for title in chosen})
    return picture.render("Evidence recall against the share of characters kept")


def draw_mean(picture: Picture, curves) -> None:
    axes = picture.add_axes(72, 66, 570, 330)
    axes.set(xlim=(7, 51), ylim=(0, 100), xticks=SHARES, yticks=range(0, 101, 20))
    picture.name_axes(axes, "characters kept, %", "evidence recall, %")
    draw_curves(picture, axes, curves, dots=True)
    last = SHARES[-1]
    ends = [
        (CURVES[title].label, last, curves[title][str(last)], picture.theme.colour(CURVES[title].colour))
        for title in curves
    ]
    picture.label_ends(axes, ends, 18)


def draw_set(picture: Picture, place: int, name: str, curves) -> None:
    column, row = place % COLUMNS, place // COLUMNS
    left, top = 52 + column * 175.0, SMALL_TOP + row * 158.0
    axes = picture.add_axes(left, top, 134, 104)
    axes.set(xlim=(7, 53), ylim=(0, 100), xticks=SHARES, yticks=(0, 50, 100))
    axes.tick_params(labelsize=11 * POINT)
    axes.tick_params(axis="x", length=0)
    picture.write(left, top - 8, NAMES.get(name, name), size=12.5, colour=picture.theme.ink, weight="bold")
    draw_curves(picture, axes, curves, dots=False)


def draw_curves(picture: Picture, axes: Axes, curves, *, dots: bool) -> None:
    """Of the last one first, so that the first stands above the others."""
    for title in reversed(curves):
        curve = CURVES[title]
        axes.plot(
            SHARES, [curves[title][str(share)] for share in SHARES], color=picture.theme.colour(curve.colour),
            linestyle=curve.dash, linewidth=curve.width * (1 if dots else 0.75) * POINT, clip_on=False,
            marker="o" if dots else None, markersize=2 * (curve.width + 1.2) * POINT, markeredgewidth=0,
        )  # fmt: skip


PICTURES = {
    "passages": draw_passages,
    "shrink_frontier": _frontier.draw_frontier,
    "shrink_reranker": _frontier.draw_reranker,
    "kv_presses": _kv_picture.draw_presses,
    "kv_ruler": _kv_ruler_picture.draw_ruler,
    "trust": _trust_picture.draw_trust,
    "field": _field_picture.draw_field,
    "prompt_cache": _prompt_cache_picture.draw_prompt_cache,
}

if __name__ == "__main__":
    raise SystemExit(main())
