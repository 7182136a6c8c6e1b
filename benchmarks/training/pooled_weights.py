"""Trains the network that tells databases of a pool apart, and writes sql/linking/pool.json.

    python benchmarks/training/pooled_weights.py    # pool.json, and benchmarks/results/pooled_weights.json

Nothing but training questions is read: spider/train_spider.json over the schemas of its training databases and
bird_train_mini over its own, as they come and with nothing but lower-case names, in pools of all and of few databases,
with and without evidence. Figures are those of questions on databases that the network did not see (four folds by
database). A minute on one core.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.networks import Networks
from benchmarks.common.record import SHARED, record
from ctxprune.models.network import Network
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.features import Question
from ctxprune.sql.linking.pool import FORMAT, VERSION, _keyed
from ctxprune.sql.linking.pool_features import DATABASE_FEATURES, PoolStatistics
from ctxprune.sql.schema.schema import Column, Schema, Table
from ctxprune.storage.sealed import seal_text

DATA = SHARED / "data" / "nl2sql"
FOLDS, SEED = 4, 0
SMALL = 12  # databases of a small pool
CANDIDATES = 32  # databases per question that the network is trained on: the hardest
BATCH, RATE = 64, 3e-3
SHAPE = Networks(hidden=16, epochs=20, decay=1e-2, seeds=(0, 1, 2))


@dataclass
class Example:
    """One question: the features of all databases of its pool, and which is the right one."""

    features: np.ndarray
    gold: int
    db_id: str
    label: str


def main() -> None:
    spider, bird = load(DATA / "spider", split="train"), load(DATA / "bird_train_mini", split="train")
    synonyms = load(DATA / "spider_syn", split="train")
    examples = list(collect(spider, bird, synonyms.items))
    by_label: dict[str, list[tuple[float, float, float]]] = {}
    for fold in range(FOLDS):
        network = fit([example for example in examples if fold_of(example) != fold])
        for example in examples:
            if fold_of(example) == fold:
                by_label.setdefault(example.label, []).append(outcome(network, example))
    held_out = {
        label: {
            "questions": len(rows),
            **dict(zip(("first", "among_3", "log_loss"), np.mean(rows, axis=0).round(4).tolist(), strict=True)),
        }
        for label, rows in by_label.items()
    }
    data = {"spider train": spider.fingerprint, "bird_train_mini train": bird.fingerprint}
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "benchmarks/training/pooled_weights.py",
        "trained_on": "Spider and BIRD train (CC BY-SA 4.0)",
        "data": data,
        "features": DATABASE_FEATURES,
        "network": fit(examples).to_dict(),
    }
    path = Path(__file__).resolve().parents[2] / "sql" / "linking" / "pool.json"
    path.write_text(seal_text(json.dumps(document, separators=(",", ":"))) + "\n", encoding="utf-8")
    record("pooled_weights", {"questions": len(examples), "held_out": held_out}, seed=SEED, data=data)
    for label, row in held_out.items():
        sys.stderr.write(f"{label:32} {row}\n")


def collect(spider, bird, synonyms):
    rng = random.Random(SEED)
    of_spider = {item.db_id: spider.schemas[item.db_id] for item in spider.items}
    of_bird = {item.db_id: bird.schemas[item.db_id] for item in bird.items if item.db_id not in of_spider}
    both = {**of_spider, **of_bird}
    items = {"spider": list(spider.items), "bird": [item for item in bird.items if item.db_id in of_bird]}
    for some in items.values():
        rng.shuffle(some)
    few, many = items["bird"], items["spider"]
    yield from pooled("spider", of_spider, many[:1500])
    yield from pooled("spider, names only", bare(of_spider), many[1500:2300])
    yield from pooled("spider, synonyms", of_spider, synonyms[:: len(synonyms) // 800])
    yield from pooled("bird, names only", bare(of_bird), few)
    yield from pooled("bird, names only, no evidence", bare(of_bird), few[::2], evidence=False)
    yield from pooled("both", both, [*few[::2], *many[2300:2900]])
    yield from pooled("both, names only", bare(both), [*few[1::2], *many[2900:3300]])
    for label, schemas, questions in (("bird", bare(of_bird), few), ("spider", bare(of_spider), many[3300:])):
        names = sorted(schemas)
        rng.shuffle(names)
        for start in range(0, len(names), SMALL):
            part = {name: schemas[name] for name in names[start : start + SMALL]}
            yield from pooled(f"{label}, small pools, names only", part, questions)


def pooled(label, schemas, items, *, evidence=True):
    names = list(schemas)
    statistics = PoolStatistics([_keyed(schema) for schema in schemas.values()])
    for item in items:
        if item.db_id in schemas and len(names) > 1:
            features = statistics.features(Question.read(item.question, item.evidence if evidence else ""))
            yield Example(features.astype(np.float32), names.index(item.db_id), item.db_id, label)


def bare(schemas):
    """Nothing but names in lower case, as in published lists of elements."""
    return {
        name: Schema(
            name.lower(),
            tuple(
                Table(table.name.lower(), tuple(map(Column, dict.fromkeys(c.name.lower() for c in table.columns))))
                for table in schema.tables
            ),
        )
        for name, schema in schemas.items()
    }


def fold_of(example: Example) -> int:
    return int(hashlib.sha256(example.db_id.encode()).hexdigest(), 16) % FOLDS


def outcome(network: Network, example: Example) -> tuple[float, float, float]:
    """Right database first, right database among the first three, log loss."""
    logits = network(example.features.astype(float))
    ahead = int((logits > logits[example.gold]).sum())
    top = logits.max()
    loss = float(np.log(np.exp(logits - top).sum()) + top - logits[example.gold])
    return float(ahead == 0), float(ahead < 3), loss


def fit(examples: list[Example]) -> Network:
    """Cross-entropy of the softmax over the hardest databases of each question, with Adam and L2 decay."""
    stacked = np.concatenate([example.features for example in examples])
    mean, scale = stacked.mean(axis=0, dtype=float), stacked.std(axis=0, dtype=float) + 1e-6
    rows = np.zeros((len(examples), CANDIDATES, len(mean)))
    absent = np.full((len(examples), CANDIDATES), -np.inf)
    for number, example in enumerate(examples):
        chosen = hardest(example)
        rows[number, : len(chosen)] = (example.features[chosen] - mean) / scale
        absent[number, : len(chosen)] = 0.0
    members = [one(rows, absent, seed) for seed in SHAPE.seeds]
    return Network(
        mean,
        scale,
        np.concatenate([member[0] for member in members], axis=1),
        np.concatenate([member[1] for member in members]),
        np.concatenate([member[2] for member in members]) / len(members),
        0.0,
    )


def hardest(example: Example) -> list[int]:
    """The right database, then those that look best without training."""
    names = ("covered", "told_covered_exactly", "ngram", "covered_by_best_table", "ngram_best_column")
    look = example.features[:, [DATABASE_FEATURES.index(name) for name in names]].sum(axis=1)
    others = [index for index in np.argsort(-look, kind="stable").tolist() if index != example.gold]
    return [example.gold, *others[: CANDIDATES - 1]]


def one(rows: np.ndarray, absent: np.ndarray, seed: int) -> list[np.ndarray]:
    """The right candidate is the first of each question."""
    rng = np.random.default_rng(seed)
    width, hidden = rows.shape[2], SHAPE.hidden
    parameters = [
        rng.normal(0, 1 / np.sqrt(width), (width, hidden)),
        np.zeros(hidden),
        rng.normal(0, 1 / np.sqrt(hidden), hidden),
    ]
    decays = (SHAPE.decay, 0.0, SHAPE.decay)
    moments = [(np.zeros_like(value), np.zeros_like(value)) for value in parameters]
    step = 0
    for epoch in range(SHAPE.epochs):
        rate = RATE * (1 - epoch / SHAPE.epochs) + 1e-4
        order = rng.permutation(len(rows))
        for start in range(0, len(rows), BATCH):
            part = order[start : start + BATCH]
            step += 1
            gradients = gradients_of(parameters, rows[part], absent[part])
            for number, (first, second) in enumerate(moments):
                gradient = gradients[number] + decays[number] * parameters[number]
                first[...] = 0.9 * first + 0.1 * gradient
                second[...] = 0.999 * second + 0.001 * gradient**2
                change = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
                parameters[number] = parameters[number] - rate * change
    return parameters


def gradients_of(parameters: list[np.ndarray], rows: np.ndarray, absent: np.ndarray) -> list[np.ndarray]:
    before = rows @ parameters[0] + parameters[1]
    active = np.maximum(before, 0)
    logits = active @ parameters[2] + absent
    error = np.exp(logits - logits.max(axis=1, keepdims=True))
    error /= error.sum(axis=1, keepdims=True)
    error[:, 0] -= 1
    error /= len(rows)
    back = error[..., None] * parameters[2] * (before > 0)
    flat = rows.reshape(-1, rows.shape[2])
    return [
        flat.T @ back.reshape(-1, back.shape[2]),
        back.sum(axis=(0, 1)),
        active.reshape(-1, active.shape[2]).T @ error.ravel(),
    ]


if __name__ == "__main__":
    main()
