"""nDCG@10 of a MiniLM cross-encoder at parts of its time, shrunk by recipe after recipe, before and after recovery.

    python benchmarks/quality/shrink_reranker.py --model FOLDER [--recipes a,b] [--seeds 0] [--keep 0.5]
                                        [--recovery 0,100:1e-4:output] [--again] [--report]

Writes benchmarks/results/shrink_reranker.json; benchmarks/report/plots.py draws it. FOLDER is what
benchmarks/training/reranker.py wrote. Questions of all parts: benchmarks/common/ranked_questions.py. A recipe prunes
with calibration questions of part "recovery" to a share of the full model's time (10 pairs of 200 tokens, one thread,
within 3 %; the share of multiply-adds that gives it is searched; recipes that take whole layers get as near as these
allow). The smaller model is measured as it is (steps 0),
then after so many steps of `tune.v1` towards the full model's scores (batches of 16 pairs of the same part); recipes'
own training is left out, so that all get the same. Training and scoring run in bfloat16.

The loss is the difference of nDCG@10 in points, mean over the reported sets, with a 95 % interval of a paired bootstrap
over questions, set by set. `dev` is the same on the dev part, where options are chosen. A row is "recommended" with
three seeds: a seed draws the calibration questions and the order of training.

Needs the train extra. Rows are added to the record one by one, each with its command and commit, and one that is there
is not measured again without `--again`; `--report` measures none, and sums up the record's.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.ranked_questions import questions_of, reported
from benchmarks.common.record import SHARED, record
from benchmarks.common.recorded_rows import RecordedRows
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

if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPES = (
    "kprune", "fisher_knapsack", "top_layers", "liar", "random", "flap", "minitron", "distilled_scratch", "shortgpt",
    "greedy_output", "kcm", "cfsp", "replaceme",
)  # fmt: skip
TOKENS, ROWS, TOLERANCE, SEEDS, TRIES = 128, 16, 0.03, 3, 4
# multiply-adds for each share of the time, where the search begins: a little over what whole layers take, since a share
# just below it costs one layer more; heads and neurons leave norms and softmax, which take time and few multiply-adds
SHARES = {"layer": 1.01, "width": 0.91}


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


def prune(whole: Subject, recipe: Recipe, keep: float, share: float) -> tuple[Subject, float, float]:
    """The model at a share of the time: with its subject that share as measured and the share of multiply-adds.

    Args:
        whole: With the full model.
        recipe: How.
        keep: Share of the time that may be left.
        share: Of the multiply-adds, where the search begins.

    Raises:
        UsageError: No share that was tried leaves so little time.
    """
    batch = timing_batch(whole.model, 512)
    found: list[tuple[Subject, float, float]] = []
    for _ in range(TRIES):
        small = shrink(whole, recipe, Target("flops", share)).subject
        before, after = measure_times([whole.model, small.model], batch, rounds=3)
        ratio = after / before
        found.append((small, ratio, share))
        if abs(ratio / keep - 1) <= TOLERANCE:
            break
        share *= keep / ratio
        if share >= 1:  # a target is under 1
            break
    # of whole layers no number may be near enough: then the largest model that is not too slow
    fitting = [entry for entry in found if entry[1] <= keep * (1 + TOLERANCE)]
    if not fitting:
        raise UsageError(
            f"{recipe.name} leaves {found[-1][1]:.1%} of the time, not {keep:.0%}", hint="raise the target"
        )
    return max(fitting, key=lambda entry: entry[1])


def start_share(rows: RecordedRows, recipe: Recipe, name: str, target: str) -> float:
    """The share of multiply-adds that other seeds needed for a target, else one from the kind of units."""
    known = [
        row["flops_left"]
        for row in rows.rows
        if row["recipe"] == name and row["target"] == target and "flops_left" in row
    ]
    if known:
        return fmean(known)
    return SHARES["layer" if recipe.units == ("layer",) else "width"] * float(target.partition("=")[2])


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
    found = {"status": "done", "minutes": round(minutes, 2), "ndcg": summary(after)}
    found |= losses(bench.before, after) | {"bytes": size, "plain": plain}
    say(
        f"{title['recipe']} {title['target']} seed {title['seed']} steps {title['steps']}: lost {found['loss']},"
        f" dev {found['dev']}"
    )
    return found


def run_recipe(bench: Bench, rows: RecordedRows, options, title: dict[str, Any]) -> Iterator[None]:
    """Measure one recipe, target and seed, once for each number of steps; pruned once. Yields after each row."""
    name, seed, target = title["recipe"], title["seed"], title["target"]
    held: list[tuple[Subject, float, dict[str, Any]]] = []

    def pruned():
        if not held:
            started = process_time()
            recipe = replace(load_recipe(name), finish=())
            share = start_share(rows, recipe, name, target)
            whole = subject(bench, seed, options.calibration)
            small, left, share = prune(whole, recipe, float(target.partition("=")[2]), share)
            held.append((small, (process_time() - started) / 60, {"time_left": round(left, 4), "flops_left": share}))
        return held[0]

    def make(training: Training | None, own: dict[str, Any]) -> dict[str, Any]:
        try:
            small, minutes, more = pruned()
            started = process_time()
            done = recover(bench, small, name, training) if training else small
            return more | row_of(bench, done, own, minutes + (process_time() - started) / 60)
        except CtxpruneError as error:
            return {"status": str(error)}

    for training in options.recovery:
        if training is not None or name != "distilled_scratch":
            own = title | {"steps": 0} | (vars(training) if training else {})
            rows.row(own, lambda: make(training, own))  # noqa: B023
            yield


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
    # of the whole part: how much of it is the pool is a setting of each row
    return Bench(full, pool, sets, before), data | {"recovery": fingerprint(recovery)}


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
    bench, data = prepare(options, Parts("shrink_reranker"))
    say(f"full: {summary(bench.before)}, dev {100 * fmean(bench.before['dev']):.2f}")
    rows = RecordedRows("shrink_reranker", data, again=options.again)
    if not options.report:
        settings = {"calibration": options.calibration, "pool": options.questions}
        for seed, keep, name in product(options.seeds, options.keep, options.recipes):
            title = {"recipe": name, "target": f"latency={keep:g}", "seed": seed} | settings
            for _ in run_recipe(bench, rows, options, title):
                write(bench, rows, data)  # after each, since a run takes hours
    write(bench, rows, data)
    return 0


def write(bench: Bench, rows: RecordedRows, data) -> None:
    model = bench.full.model
    figures = {
        "full": {
            "ndcg": summary(bench.before),
            "dev": round(100 * fmean(bench.before["dev"]), 2),
            "ms": rows.figures.get("full", {}).get("ms") or full_time(model),
            "bytes": sum(4 * entry.numel() for entry in model.parameters()),
        },
        "questions": {name: len(own) for name, own in bench.sets.items()},
        "rows": rows.rows,
        "recommended": recommended(rows.rows),
    }
    record("shrink_reranker", figures, seed=0, data=data)


def full_time(model) -> float:
    """Milliseconds of the full model for 10 pairs of 200 tokens."""
    return round(measure_times([model], timing_batch(model, 512))[0], 1)


def arguments() -> argparse.Namespace:
    def numbers(kind):
        return lambda text: [kind(word) for word in text.split(",")]

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="folder of the full cross-encoder")
    parser.add_argument("--recipes", type=lambda text: text.split(","), default=list(RECIPES))
    parser.add_argument("--seeds", type=numbers(int), default=[0])
    parser.add_argument(
        "--recovery", type=lambda text: [Training.read(word) for word in text.split(",")],
        default=[None, Training(100, 1e-4, "output")], help="a row each: 0, or steps:rate:loss of tune.v1",
    )  # fmt: skip
    parser.add_argument("--keep", type=numbers(float), default=[0.5], help="shares of the time")
    parser.add_argument("--calibration", type=int, default=16, help="questions that recipes read, 8 pairs each")
    parser.add_argument("--questions", type=int, default=1200, help="of the pool for calibration and recovery")
    parser.add_argument("--again", action="store_true", help="measure rows of the record anew")
    parser.add_argument("--report", action="store_true", help="measure nothing, sum up the record's rows")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
