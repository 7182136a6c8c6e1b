"""Writes the figures that `ctxprune shrink list` shows and `auto` estimates with into the package.

    python benchmarks/report/first_choice.py            # ctxprune/shrink/recipes/measured.json
    python benchmarks/report/first_choice.py --check    # exit code 1 where it would change something

From `results/shrink_reranker.json` (loss and minutes at half the time; none before it is there), `shrink_sparse.json`
(error of a matrix's output at half the weights) and `shrink_costs.json` (forward passes). Means over seeds.
"""

from __future__ import annotations

import json
import re
import sys
from collections import defaultdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
PATH = ROOT / "ctxprune" / "shrink" / "recipes" / "measured.json"


def main() -> int:
    reranker = figures("shrink_reranker")
    document = {
        "about": about(reranker),
        "reranker": halved(reranker.get("rows", ())),
        "sparse": figures("shrink_sparse")["seed 0"]["50 %"]["median_error"],
        "passes": figures("shrink_costs")["passes"],
    }
    # a recipe a line, so that a change of figures is a change of few lines
    text = re.sub(r"\n +([]}])", r" \1", re.sub(r"\n {3,}", " ", json.dumps(document, indent=1))) + "\n"
    if "--check" in sys.argv:
        return int(not PATH.is_file() or PATH.read_text(encoding="utf-8") != text)
    PATH.write_text(text, encoding="utf-8")
    return 0


def figures(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8"))["figures"] if path.is_file() else {}


def about(found: Mapping[str, Any]) -> str:
    if not found:
        return ""
    full = found["full"]
    return f"MiniLM at half the time; {full['ndcg']['mean']:.1f} and {full['ms']:.0f} ms before"


def halved(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """By recipe, steps and all other settings: means over the seeds that were done at half the time."""
    by_run: dict[tuple[str, int, str], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["status"] == "done" and is_half(row["target"]):
            settings = " ".join(str(row.get(name)) for name in ("calibration", "pool", "rate", "objective"))
            by_run[row["recipe"].removesuffix(".v1"), int(row["steps"]), settings].append(row)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for (name, steps, _), own in sorted(by_run.items()):
        means = {key: round(fmean(row[key] for row in own), 2) for key in ("loss", "dev", "minutes")}
        found[name].append({"steps": steps, **means, "seeds": len(own), "plain": all(row["plain"] for row in own)})
    return dict(found)


def is_half(target: object) -> bool:
    return target in (0.5, "latency=0.5")


if __name__ == "__main__":
    raise SystemExit(main())
