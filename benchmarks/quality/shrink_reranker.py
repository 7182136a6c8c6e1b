"""nDCG@10 of a MiniLM cross-encoder at half its time, shrunk by one recipe after another, before and after recovery.

    python benchmarks/quality/shrink_reranker.py --model FOLDER [--recipes a,b] [--seeds 0] [--report]
                                        [--recovery 0,100:1e-4:output]

Writes benchmarks/results/shrink_reranker.json; benchmarks/report/plots.py draws it. FOLDER is what
benchmarks/training/reranker.py wrote. Questions of all parts: benchmarks/common/ranked_questions.py. A recipe prunes
with calibration questions of part "recovery" to half of the full model's time (10 pairs of 200 tokens, one thread,
within 3 %; the share of multiply-adds that gives it is searched). The smaller model is measured as it is (steps 0),
then after so many steps of `tune.v1` towards the full model's scores (batches of 16 pairs of the same part); recipes'
own training is left out, so that all get the same. Training and scoring run in bfloat16.

The loss is the difference of nDCG@10 in points, mean over the reported sets, with a 95 % interval of a paired bootstrap
over questions, set by set. `dev` is the same on the dev part, where options are chosen. A row is "recommended" with
three seeds: a seed draws the calibration questions and the order of training.

Needs the train extra. Finished rows are kept in results/shrink_reranker.part.jsonl and the next run goes on from there;
`--report` writes the record from these alone.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import Any

import numpy as np
import torch

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.ranked_questions import questions_of, reported
from benchmarks.common.record import SHARED, record
from ctxprune.errors import CtxpruneError, UsageError
from ctxprune.shrink import Subject, Target, load_model, load_recipe, save_model, shrink
from ctxprune.shrink.data.batches import batches_of, pad_batch
from ctxprune.shrink.data.pairs import Pair
from ctxprune.shrink.io.loaded import Loaded
from ctxprune.shrink.model.tasks.base import inputs_of
from ctxprune.shrink.recipes.recipe import Piece, Recipe, build_piece
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.run.timing import measure_times, timing_batch
from ctxprune.utils.metrics import ndcg

RECIPES = (
    "kprune", "fisher_knapsack", "top_layers", "liar", "random", "flap", "minitron", "distilled_scratch", "shortgpt",
    "greedy_output", "kcm", "cfsp", "replaceme",
)  # fmt: skip
TOKENS, ROWS, TOLERANCE, SEEDS = 128, 16, 0.03, 3
SHARES = {"layer": 0.5, "width": 0.455}  # of the multiply-adds: where the search for half the time begins


@dataclass(frozen=True)
class Training:
    """Recovery: steps, peak rate, and how the full model is followed (`loss` of tune.v1)."""

    steps: int
    rate: float
    objective: str

    @classmethod
    def read(cls, text: str) -> Training | None:
        """From "steps:rate:objective"; None from "0"."""
        if text == "0":
            return None
        steps, rate, objective = text.split(":")
        return cls(int(steps), float(rate), objective)


@dataclass(frozen=True)
class Bench:
    """What every row is measured with.

    Attributes:
        full: The full model.
        pool: Pairs for calibration and recovery, by question.
        sets: Reported questions by set, and "dev".
        before: nDCG@10 of the full model for each question, by set.
    """

    full: Loaded
    pool: list[list[Pair]]
    sets: dict[str, list]
    before: dict[str, list[float]]


def scores_of(loaded: Loaded, pairs: list[tuple[str, str]]) -> list[float]:
    """The model's scores in bfloat16, pairs of like length together."""
    rows = loaded.form.pairs(pairs, TOKENS)
    order = sorted(range(len(rows)), key=lambda place: len(rows[place].ids))
    found = [0.0] * len(rows)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for at in range(0, len(order), 32):
            part = order[at : at + 32]
            batch = pad_batch([rows[place] for place in part], loaded.form)
            logits = loaded.model(**inputs_of(batch)).logits[:, 0].float().tolist()
            for place, value in zip(part, logits, strict=True):
                found[place] = value
    return found


def rank(loaded: Loaded, sets) -> dict[str, list[float]]:
    """nDCG@10 of each question, by set."""
    asked = [(entry.question, passage) for own in sets.values() for entry in own for passage in entry.passages]
    scores, at, found = scores_of(loaded, asked), 0, {}
    for name, own in sets.items():
        found[name] = []
        for entry in own:
            here = scores[at : at + len(entry.passages)]
            at += len(entry.passages)
            order = sorted(range(len(here)), key=lambda place: (-here[place], place))
            found[name].append(round(ndcg([entry.gains[place] for place in order], entry.attainable), 5))
    return found


def summary(values: dict[str, list[float]]) -> dict[str, float]:
    """nDCG@10 in percent: the mean over the reported sets, and each set."""
    found = {name: round(100 * fmean(own), 2) for name, own in values.items() if name != "dev"}
    return {"mean": round(fmean(found.values()), 2)} | found


def losses(before, after, seed: int = 0) -> dict[str, Any]:
    """Points of nDCG@10 lost, on the reported sets with an interval, and on the dev part."""
    gaps = {name: 100 * (np.array(before[name]) - np.array(after[name])) for name in before}
    rng = np.random.default_rng(seed)
    drawn = [
        own[rng.integers(len(own), size=(2_000, len(own)))].mean(axis=1) for name, own in gaps.items() if name != "dev"
    ]
    low, high = np.quantile(np.mean(drawn, axis=0), [0.025, 0.975])
    mean = fmean(float(own.mean()) for name, own in gaps.items() if name != "dev")
    return {
        "loss": round(mean, 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "dev": round(float(gaps["dev"].mean()), 2),
    }


def subject(bench: Bench, seed: int, questions: int) -> Subject:
    """The full model with batches of some questions of the pool."""
    chosen = random.Random(seed).sample(bench.pool, questions)
    pairs = [pair for own in chosen for pair in own]
    made = batches_of(pairs, bench.full.form, rows=ROWS, tokens=TOKENS, seed=seed)
    return Subject(bench.full.model, bench.full.task, made.batches, seed=seed)


def prune(whole: Subject, recipe: Recipe, keep: float) -> tuple[Subject, float, float]:
    """The model at a share of the time: with its subject that share as measured and the share of multiply-adds."""
    batch = timing_batch(whole.model, 512)
    share = SHARES["layer" if recipe.stages[0].units == ("layer",) else "width"] * keep / 0.5
    ratio = 1.0
    for _ in range(4):
        small = shrink(whole, recipe, Target("flops", share)).subject
        before, after = measure_times([whole.model, small.model], batch, rounds=3)
        ratio = after / before
        if abs(ratio / keep - 1) <= TOLERANCE:
            break
        share *= keep / ratio
    if ratio > keep * (1 + TOLERANCE):
        raise UsageError(f"{recipe.name} leaves {ratio:.1%} of the time, not {keep:.0%}", hint="raise the target")
    return small, ratio, share


def recover(bench: Bench, small: Subject, name: str, training: Training) -> Subject:
    """The smaller model after so many steps of `tune.v1` towards the full model's scores."""
    seed, steps = small.seed, training.steps
    data = subject(bench, seed, min(len(bench.pool), max(steps * ROWS // 8, 8)))
    work = replace(small, calibration=data.calibration)
    with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):  # weights change inside
        if name == "distilled_scratch":
            pieces = load_recipe(name).finish
            piece = Piece(pieces[0].name, {**pieces[0].parameters, "steps": steps})
        else:
            piece = Piece("tune.v1", {"steps": steps, "rate": training.rate, "loss": training.objective})
        done = build_piece(RECOVERIES, piece)(work.copy())
    done.model.eval()
    return done


def is_plain(loaded: Loaded, folder: Path) -> bool:
    """Whether transformers alone reads the folder, with equal outputs."""
    from transformers import AutoModelForSequenceClassification

    batch = timing_batch(loaded.model, 64)
    try:
        model = AutoModelForSequenceClassification.from_pretrained(str(folder)).eval()
        with torch.no_grad():
            return torch.allclose(model(**batch).logits, loaded.model(**batch).logits, atol=1e-4)
    except (OSError, ValueError, RuntimeError, KeyError):
        return False


def row_of(bench: Bench, small: Subject, title: dict[str, Any], minutes: float) -> dict[str, Any]:
    """Save, measure, compare."""
    loaded = bench.full.with_model(small.model)
    with tempfile.TemporaryDirectory() as place:
        folder = save_model(loaded, Path(place) / "small")
        size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
        plain = is_plain(loaded, folder)
    after = rank(loaded, bench.sets)
    found = title | {"status": "done", "minutes": round(minutes, 2), "ndcg": summary(after)}
    found |= losses(bench.before, after) | {"bytes": size, "plain": plain}
    say(f"{title['recipe']} seed {title['seed']} steps {title['steps']}: lost {found['loss']}, dev {found['dev']}")
    return found


def titles(bench: Bench) -> str:
    """How titles of rows of this model and these sets begin, so that no other model's rows get into the record."""
    return f"row {fingerprint(bench.before)}"


def run_recipe(bench: Bench, parts: Parts, options, name: str, seed: int) -> list[dict[str, Any]]:
    """The rows of one recipe and seed, one for each number of steps; pruned once."""
    held: list[tuple[Subject, float, dict[str, Any]]] = []

    def pruned():
        if not held:
            started = process_time()
            recipe = replace(load_recipe(name), finish=())
            small, left, share = prune(subject(bench, seed, options.calibration), recipe, options.keep)
            held.append((small, (process_time() - started) / 60, {"time_left": round(left, 4), "flops_left": share}))
        return held[0]

    def make(training: Training | None) -> dict[str, Any]:
        title = {"recipe": name, "seed": seed, "target": f"latency={options.keep:g}", "steps": 0}
        title |= {"calibration": options.calibration, "pool": options.questions}
        title |= vars(training) if training else {}
        try:
            small, minutes, more = pruned()
            started = process_time()
            done = recover(bench, small, name, training) if training else small
            return row_of(bench, done, title | more, minutes + (process_time() - started) / 60)
        except CtxpruneError as error:
            return title | {"status": str(error)}

    found = []
    for training in options.recovery:
        what = (options.calibration, options.questions, options.keep, training)
        if training is not None or name != "distilled_scratch":
            found.append(parts.row(f"{titles(bench)} {name} {seed} {training}", what, lambda: make(training)))  # noqa: B023
    return found


def prepare(options, parts: Parts) -> tuple[Bench, dict[str, str]]:
    """The full model, its quality, which is kept like a row, and the pool."""
    rag = SHARED / "data" / "rag"
    sets = reported(rag) | {"dev": questions_of(rag, "dev")[:80]}
    recovery = questions_of(rag, "recovery")
    # a third of them sentences of SQuAD, which are three fifths of the part
    squad = [entry for entry in recovery if entry.source == "squad_pairs"][: options.questions // 3]
    others = [entry for entry in recovery if entry.source != "squad_pairs"][: options.questions - len(squad)]
    chosen = squad + others
    pool = [
        [
            Pair(entry.question, passage, float(gain > 0), source=entry.source)
            for passage, gain in zip(entry.passages, entry.gains, strict=True)
        ]
        for entry in chosen
    ]
    full = load_model(options.model)
    sums = [(name, float(entry.detach().double().sum())) for name, entry in full.model.named_parameters()]
    data = {name: fingerprint(own) for name, own in sets.items()} | {"model": fingerprint(sums)}
    before = parts.row("full", data, lambda: rank(full, sets))
    return Bench(full, pool, sets, before), data | {"recovery": fingerprint(chosen)}


def recommended(rows) -> list[dict[str, Any]]:
    """What has three seeds or more, the least loss first."""
    named = ("recipe", "steps", "target", "calibration", "pool", "rate", "objective")
    groups: dict[tuple, list] = {}
    for row in rows:
        if row["status"] == "done":
            groups.setdefault(tuple((name, row[name]) for name in named if name in row), []).append(row)
    found = [
        dict(key)
        | {
            "seeds": len(own),
            "loss_mean": round(fmean(row["loss"] for row in own), 2),
            "loss_worst": max(row["loss"] for row in own),
            "dev_mean": round(fmean(row["dev"] for row in own), 2),
            "minutes": round(fmean(row["minutes"] for row in own), 1),
            "time_left": round(fmean(row["time_left"] for row in own), 3),
            "plain": all(row["plain"] for row in own),
            "bytes": max(row["bytes"] for row in own),
        }
        for key, own in groups.items()
        if len(own) >= SEEDS
    ]
    return sorted(found, key=lambda entry: entry["loss_mean"])


def main() -> int:
    options = arguments()
    torch.set_num_threads(1)
    parts = Parts("shrink_reranker")
    bench, data = prepare(options, parts)
    say(f"full: {summary(bench.before)}, dev {100 * fmean(bench.before['dev']):.2f}")
    if not options.report:
        for seed in options.seeds:
            for name in options.recipes:
                run_recipe(bench, parts, options, name, seed)
    write(bench, parts, data)
    return 0


def write(bench: Bench, parts: Parts, data) -> None:
    rows = parts.titled(titles(bench))
    model = bench.full.model
    figures = {
        "full": {
            "ndcg": summary(bench.before),
            "dev": round(100 * fmean(bench.before["dev"]), 2),
            "ms": round(measure_times([model], timing_batch(model, 512))[0], 1),
            "bytes": sum(4 * entry.numel() for entry in model.parameters()),
        },
        "questions": {name: len(own) for name, own in bench.sets.items()},
        "rows": rows,
        "recommended": recommended(rows),
    }
    record("shrink_reranker", figures, seed=0, data=data)


def arguments() -> argparse.Namespace:
    def numbers(text: str) -> list[int]:
        return [int(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of the full cross-encoder")
    parser.add_argument("--recipes", type=lambda text: text.split(","), default=list(RECIPES))
    parser.add_argument("--seeds", type=numbers, default=[0])
    parser.add_argument(
        "--recovery", type=lambda text: [Training.read(word) for word in text.split(",")],
        default=[None, Training(100, 1e-4, "output")], help="a row each: 0, or steps:rate:loss of tune.v1",
    )  # fmt: skip
    parser.add_argument("--keep", type=float, default=0.5, help="share of the time")
    parser.add_argument("--calibration", type=int, default=16, help="questions that recipes read, 8 pairs each")
    parser.add_argument("--questions", type=int, default=1200, help="of the pool for calibration and recovery")
    parser.add_argument("--report", action="store_true", help="write the record from kept rows alone")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
