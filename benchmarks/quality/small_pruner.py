"""A candidate for the bundled pruner beside it, its teacher and BM25: bytes, speed, evidence recall on ten sets.

    python benchmarks/quality/small_pruner.py CANDIDATE FLOAT [--sets a,b] [--limit N] [--rounds 21] [--note TEXT]

CANDIDATE is what `benchmarks/training/small_pruner.py` made; FLOAT the folder of the unshrunk model in float32, made
where it is not there. Writes benchmarks/results/small_pruner.json: what was asked, what was reached. Recall of the
others is taken from passages.json and passages_unshrunk.json, where it was measured on the same items (compared by
their fingerprints); speed is measured anew, all models by turns, on one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import fmean, median
from time import perf_counter, process_time

from benchmarks.common.parts import Parts, fingerprint, say, ticker
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.quality.passages import TEN
from benchmarks.speed.pruner_speed import QUESTION, TOKENS, passages, spread
from benchmarks.speed.shrunk_pruner import UNSHRUNK, float_folder
from ctxprune.models.pruner import bundled
from ctxprune.rag import Passages
from ctxprune.rag.evaluation.passages import SHARES, measure
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.train.sentence_sets import read_items

DATA = SHARED / "data" / "rag"
ASKED = {"bytes": 6_000_000, "times_as_fast": 8.0, "points_lost_at_30": 1.0}
OTHERS = {"bundled": "pruner.v1", "unshrunk int8": "pruner.v1 model, int8", "BM25": "lexical.v1"}
"""Rows of passages.json: its scorer pruner.v1 is the bundled model."""


def speed(folders: dict[str, Path], rounds: int) -> dict[str, object]:
    """Scores of ten passages of 200 tokens with a question; ratios of processor time to that of float32, by round."""
    scorers = {name: PrunerScorer(model=folder) for name, folder in folders.items()}
    context = Passages(passages(scorers["float32"].loaded._tokenizer, TOKENS))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in scorers}
    for number in range(rounds + 2):  # two to warm up
        for name, scorer in scorers.items():
            wall, cpu = perf_counter(), process_time()
            scorer.score(QUESTION, context)
            if number >= 2:
                taken[name].append((perf_counter() - wall, process_time() - cpu))
    ratios = {
        name: [whole / own for (_, whole), (_, own) in zip(taken["float32"], times, strict=True)]
        for name, times in taken.items()
    }
    return {
        "ms": {name: spread(times, 1000) for name, times in taken.items()},
        "times_as_fast": {name: round(median(found), 2) for name, found in ratios.items()},
        "rounds": rounds,
    }


def recall(folder: Path, names: list[str], limit: int | None) -> tuple[dict[str, dict[str, float]], dict[str, str]]:
    """Evidence recall by set and share, and the fingerprints of the items."""
    scorer, found, data = PrunerScorer(model=folder), {}, {}
    parts = Parts("small_pruner", keep=True)
    for name in names:
        items = [item for item in read_items(DATA / name) if item.mixed][:limit]
        data[name] = fingerprint(items)
        found[name] = parts.row(
            name,
            (data[name], scorer.fingerprint),
            lambda: measure(items, scorer, progress=ticker(name)).evidence_recall,  # noqa: B023
        )
        say(f"{name}: {found[name]}")
    return found, data


def others(data: dict[str, str]) -> dict[str, dict[str, dict[str, float]]]:
    """Recall of the others by set, as recorded; only sets with the same items."""
    known = json.loads((RESULTS / "passages.json").read_text(encoding="utf-8"))
    whole = json.loads((RESULTS / "passages_unshrunk.json").read_text(encoding="utf-8"))
    found = {
        title: {
            name: known["figures"]["sets"][name][row]["evidence_recall"]
            for name in data
            if known["data"].get(name) == data[name]
        }
        for title, row in OTHERS.items()
    }
    found["float32"] = {
        name: whole["figures"]["sets"][name]["pruner.v1, float32"]["evidence_recall"]
        for name in data
        if whole["data"].get(name) == data[name]
    }
    return found


def mean(sets: dict[str, dict[str, float]]) -> dict[str, float]:
    return {str(share): round(fmean(row[str(share)] for row in sets.values()), 2) for share in SHARES}


def main() -> int:
    options = arguments()
    if not (options.float / "manifest.json").is_file():
        float_folder(UNSHRUNK, options.float)
    folders = {
        "float32": options.float,
        "unshrunk int8": UNSHRUNK,
        "bundled": bundled(),
        "candidate": options.candidate,
    }
    timed = speed(folders, options.rounds)
    say(json.dumps(timed["times_as_fast"]))
    own, data = recall(options.candidate, options.sets.split(","), options.limit)
    sets = {"candidate": own} | others(data)
    means = {
        title: mean({name: rows[name] for name in own}) for title, rows in sets.items() if own.keys() <= rows.keys()
    }
    size = (options.candidate / "model.onnx").stat().st_size
    reached = {"bytes": size, "times_as_fast": timed["times_as_fast"]["candidate"]}
    if "float32" in means:
        reached["points_lost_at_30"] = round(means["float32"]["30"] - means["candidate"]["30"], 2)
    figures = {
        "asked": ASKED,
        "reached": reached,
        "worse_than_bm25_at_30": [name for name, row in sets["BM25"].items() if own[name]["30"] < row["30"]],
        "mean_evidence_recall": means,
        "speed": timed,
        "bytes": {name: (folder / "model.onnx").stat().st_size for name, folder in folders.items()},
        "sets": {name: {title: rows[name] for title, rows in sets.items() if name in rows} for name in own},
        "training": json.loads((options.candidate / "training.json").read_text(encoding="utf-8")),
        "notes": options.note,
    }
    say(json.dumps({"reached": reached, "means": means}, indent=1))
    record("small_pruner", figures, seed=None, data=data)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("candidate", type=Path)
    parser.add_argument("float", type=Path, help="folder of the unshrunk model in float32; made where it is not there")
    parser.add_argument("--sets", default=",".join(TEN))
    parser.add_argument("--limit", type=int, default=None, help="items of a set")
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--note", action="append", default=[], help="of how the candidate came about")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
