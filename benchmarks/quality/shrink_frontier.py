"""Quality against time of the unshrunk pruner, shrunk by one recipe after another with the same short recovery.

    python benchmarks/quality/shrink_frontier.py [--recipes a,b] [--keep 0.75,0.5,0.33] [--steps 60] [--items 30]
    [--threads 1]
                                         [--finished FOLDER,FOLDER]

Writes benchmarks/results/shrink_frontier.json; `benchmarks/report/plots.py` draws it. The model is the unshrunk one of
benchmarks/models/pruner-v1, read back into float32. Every recipe gets the same finish (all weights towards that model,
`--steps` steps on the same examples), then the model is exported with int8 weights and run as users run it: evidence
recall when 30 % of the characters are kept, mean over ten sets, `--items` of each on the side that was not trained on;
processor time of ten windows of 213 tokens, one thread, the median of rounds that take turns with the unshrunk int8 and
float32 graphs. The sum with BM25 is weighted as in the unshrunk model. Calibration and recovery: examples of the
training mixture. `--finished` measures pruners in folders the same way, as they are.

Needs the train extra. Each finished row is kept in results/shrink_frontier.part.jsonl; the next run goes on from there.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import replace
from itertools import islice
from pathlib import Path
from shutil import copyfile
from statistics import fmean, median
from time import perf_counter, process_time

import numpy as np
import torch
from tokenizers import Tokenizer

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import RESULTS, SHARED, record
from benchmarks.common.rivals import lost
from benchmarks.quality.passages import TEN
from ctxprune.errors import CtxpruneError
from ctxprune.models.manifest import write_manifest
from ctxprune.models.pruner import load_pruner, read_manifest
from ctxprune.rag.evaluation.passages import measure
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.pruner import Pruner, pruner_batch
from ctxprune.shrink.recipes.recipe import Piece, build_piece, load_recipe
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.run.runner import shrink
from ctxprune.train.batches import batches, encode, view
from ctxprune.train.examples import passages
from ctxprune.train.export import export_float
from ctxprune.train.export_int8 import export_int8
from ctxprune.train.graph_reader import read_network
from ctxprune.train.mixture import held_out_questions, split_examples
from ctxprune.train.retrieval import with_distractors
from ctxprune.train.sentence_sets import read_items

FOLDER = RESULTS.parent / "models" / "pruner-v1"
RECIPES = (
    "random", "distilled_scratch", "top_layers", "shortgpt", "liar", "kprune", "fisher_knapsack", "flap", "cfsp",
    "replaceme", "minitron", "llm_pruner_element", "laco", "greedy_output", "finercut", "blockpruner", "kcm",
    "multipruner",
)  # fmt: skip
WINDOWS, TOKENS = 10, 213  # ten passages of 200 tokens with a question


def subject(options) -> tuple[Subject, str]:
    """The unshrunk model with batches of the training mixture."""
    tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    data = SHARED / "data"
    train, _ = split_examples(with_distractors(passages(data)), held_out_questions(data))
    chance = random.Random(options.seed)
    chosen = chance.sample(train, options.examples)
    views = [view(entry, chance) for entry in encode(chosen, tokenizer)]
    made = [pruner_batch(batch) for batch in batches(views, tokens=2048, rng=chance)]
    return Subject(read_network(FOLDER).eval(), Pruner(), made, seed=options.seed), fingerprint(chosen)


def folder_of(network, path: Path) -> Path:
    """A model folder that the runtime reads: int8, with the unshrunk model's weights of the sum."""
    path.mkdir()
    export_float(network, path / "float.onnx")
    export_int8(network, path / "model.onnx")
    copyfile(FOLDER / "tokenizer.json", path / "tokenizer.json")
    own = read_manifest(FOLDER)
    write_manifest(path, "shrunk.v1", limit=own.limit, unit=own.unit, document=own.document)
    return path


class Clock:
    """Times graphs by turns with the unshrunk ones."""

    def __init__(self, whole: Path, rounds: int) -> None:
        self.whole, self.rounds = whole, rounds
        ids = np.random.default_rng(0).integers(2000, 20000, (WINDOWS, 1, TOKENS))
        types = np.ones((1, TOKENS), dtype=np.int64)
        types[0, :13] = 0
        self.feeds = [{"ids": row, "types": types, "mask": np.ones_like(row)} for row in ids]

    def __call__(self, folder: Path) -> dict[str, float]:
        paths = {"float32": self.whole / "float.onnx", "int8": self.whole / "model.onnx", "own": folder / "model.onnx"}
        sessions = {name: session(path) for name, path in paths.items()}
        taken = {name: [] for name in sessions}
        names = {title: [given.name for given in entry.get_inputs()] for title, entry in sessions.items()}
        for number in range(self.rounds + 1):
            for title, entry in sessions.items():
                started = process_time()
                for feed in self.feeds:
                    entry.run(None, {name: feed[name] for name in names[title]})
                if number:
                    taken[title].append(1000 * (process_time() - started))
        middle = {name: median(values) for name, values in taken.items()}
        return {
            "ms": round(middle["own"], 2),
            "speed_against_float32": ratio(taken["float32"], taken["own"]),
            "speed_against_int8": ratio(taken["int8"], taken["own"]),
        }


def ratio(theirs: list[float], own: list[float]) -> float:
    return round(median(a / b for a, b in zip(theirs, own, strict=True)), 2)


def session(path: Path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def recall(folder: Path, sets) -> dict[str, float]:
    """Evidence recall at 30 % by set, and the mean."""
    scorer = PrunerScorer(model=folder)
    found = {name: measure(items, scorer).evidence_recall["30"] for name, items in sets.items()}
    return {"mean": round(fmean(found.values()), 2)} | found


def trial(name: str, keep: float, whole: Subject, tools) -> dict[str, object]:
    """One recipe at one target; a row with its error where it does not fit."""
    options, clock, sets = tools
    recipe = load_recipe(name)
    tune = Piece("tune.v1", {"steps": options.steps, "rate": options.rate})
    started = perf_counter()
    try:
        if name == "distilled_scratch":
            found = shrink(whole, recipe, Target("flops", keep))
        else:  # searches read their calibration many times over
            few = replace(whole, calibration=whole.calibration[: options.calibration])
            found = shrink(few, replace(recipe, finish=()), Target("flops", keep))
            with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):  # weights change inside
                model = build_piece(RECOVERIES, tune)(replace(found.subject, calibration=whole.calibration)).model
            found = replace(found, subject=replace(found.subject, model=model))
    except CtxpruneError as error:
        return {"recipe": name, "keep": keep, "error": str(error)}
    seconds = perf_counter() - started
    with tempfile.TemporaryDirectory() as place:
        folder = folder_of(found.subject.model, Path(place) / "model")
        row = {
            "recipe": name,
            "keep": keep,
            "flops_left": round(found.left, 4),
            "parameters": int(cost(found.subject.model, "parameters")),
            "bytes": (folder / "model.onnx").stat().st_size,
            "recall": recall(folder, sets),
            **clock(folder),
            "seconds": round(seconds, 1),
        }
    say(f"{name} at {keep}: recall {row['recall']['mean']}, {row['ms']} ms")
    return row


def finished(folder: Path, clock: Clock, sets) -> dict[str, object]:
    """A pruner as it is."""
    size = (folder / "model.onnx").stat().st_size
    row = {"bytes": size, "recall": recall(folder, sets), **clock(folder)}
    say(f"{folder.name}: recall {row['recall']['mean']}, {row['ms']} ms")
    return row


def main() -> int:
    options = arguments()
    torch.set_num_threads(options.threads)
    whole, calibration = subject(options)
    sets = {
        name: list(islice((item for item in read_items(SHARED / "data" / "rag" / name) if item.mixed), options.items))
        for name in TEN
    }
    data = {name: fingerprint(items) for name, items in sets.items()} | {"calibration": calibration}
    parts = Parts("shrink_frontier", keep=not options.fresh)
    with tempfile.TemporaryDirectory() as place:
        unshrunk = folder_of(whole.model, Path(place) / "whole")
        tools = options, Clock(unshrunk, options.rounds), sets
        what = (data, options.calibration, options.steps, options.rate, options.seed)
        first = parts.row("unshrunk", what, lambda: {"recall": recall(unshrunk, sets), **tools[1](unshrunk)})
        say(f"unshrunk: {first['recall']['mean']}, {first['ms']} ms")
        rows = [
            parts.row(f"{name} {keep}", what, lambda: trial(name, keep, whole, tools))  # noqa: B023
            for keep in map(float, options.keep.split(","))
            for name in options.recipes.split(",")
        ]
        ready = {}
        for folder in map(Path, filter(None, options.finished.split(","))):
            model = load_pruner(folder)
            ready[model.manifest.name] = parts.row(
                model.manifest.name,
                (data, model.fingerprint),
                lambda: finished(folder, tools[1], sets),  # noqa: B023
            )
    figures = {
        "unshrunk": first | {"bytes": (FOLDER / "model.onnx").stat().st_size},
        "calibration_batches": options.calibration,
        "steps": options.steps,
        "items_of_a_set": options.items,
        "rows": rows,
        "lost_to": lost(rows),
        "finished": ready,
    }
    record("shrink_frontier", figures, seed=options.seed, data=data)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipes", default=",".join(RECIPES))
    parser.add_argument("--keep", default="0.75,0.5,0.33", help="shares of the layers' multiply-adds that may be left")
    parser.add_argument("--steps", type=int, default=60, help="of recovery")
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--examples", type=int, default=1200, help="of the training mixture")
    parser.add_argument("--calibration", type=int, default=8, help="batches of 2,048 tokens that recipes read")
    parser.add_argument("--items", type=int, default=30, help="of each set")
    parser.add_argument("--finished", default="", help="folders of pruners that are measured as they are")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="forget the rows of earlier runs")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
