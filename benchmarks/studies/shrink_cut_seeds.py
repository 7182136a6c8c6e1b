"""The unshrunk pruner cut to four of its six layers, against Fisher's knapsack at the same speed, with three seeds.

    python benchmarks/studies/shrink_cut_seeds.py

Writes benchmarks/results/shrink_cut_seeds.json. Rows are those of shrink_frontier.py (same data, recovery and measure;
kept in its part file): `top_layers` at 0.75 leaves four layers; `fisher_knapsack` at half of the multiply-adds is as
fast or faster. A seed draws other examples for calibration and recovery.
"""

from __future__ import annotations

import sys
import tempfile
from itertools import islice
from pathlib import Path
from statistics import fmean, stdev

import torch

from benchmarks.common.parts import Parts, fingerprint
from benchmarks.common.record import SHARED, record
from benchmarks.quality import shrink_frontier as frontier
from benchmarks.quality.passages import TEN
from ctxprune.train.sentence_sets import read_items

ARMS = (("top_layers", 0.75), ("fisher_knapsack", 0.5))
SEEDS = (0, 1, 2)


def measured(parts, what, subject, folder: Path, options, sets):
    """The recall of the unshrunk model, and the arms' rows; those that are kept are not measured again."""
    unshrunk = frontier.folder_of(subject.model, folder)
    tools = options, frontier.Clock(unshrunk, options.rounds), sets
    first = parts.row("unshrunk", what, lambda: {"recall": frontier.recall(unshrunk, sets), **tools[1](unshrunk)})
    rows = [
        parts.row(f"{name} {keep}", what, lambda: frontier.trial(name, keep, subject, tools))  # noqa: B023
        for name, keep in ARMS
    ]
    return first["recall"]["mean"], rows


def main() -> None:
    sys.argv[1:] = []
    options = frontier.arguments()
    torch.set_num_threads(1)
    sets = {
        name: list(islice((item for item in read_items(SHARED / "data" / "rag" / name) if item.mixed), options.items))
        for name in TEN
    }
    data = {name: fingerprint(items) for name, items in sets.items()}
    parts, rows, whole = Parts("shrink_frontier"), [], 0.0
    for options.seed in SEEDS:
        subject, calibration = frontier.subject(options)
        what = (data | {"calibration": calibration}, options.calibration, options.steps, options.rate, options.seed)
        with tempfile.TemporaryDirectory() as place:
            whole, found = measured(parts, what, subject, Path(place) / "whole", options, sets)
        rows += [row | {"seed": options.seed, "lost": round(whole - row["recall"]["mean"], 2)} for row in found]
    figures = {"unshrunk": whole, "rows": rows}
    for name, _ in ARMS:
        lost = [row["lost"] for row in rows if row["recipe"] == name]
        figures[name] = {"lost": round(fmean(lost), 2), "deviation": round(stdev(lost), 2)}
    record("shrink_cut_seeds", figures, seed=SEEDS[0], data=data)


if __name__ == "__main__":
    main()
