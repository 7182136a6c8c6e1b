"""Fits the likelihood of a value hit on Spider's training databases and writes sql/values/weights.json.

    python benchmarks/values_weights.py    # weights.json, and benchmarks/results/values_weights.json

Logistic regression with an L2 penalty, by Newton's method. The threshold keeps at least 99 % of the stored literals in
a five-fold cross-validation split by database; nothing but train_spider.json and its databases is read.
"""

from __future__ import annotations

import json
import random
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from _record import SHARED, record

from ctxprune.errors import InputError
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.values import gold_literals, stored
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.features import NAMES, features
from ctxprune.sql.values.spans import Question
from ctxprune.sql.values.stages import Finder

SEED = 0
PENALTY = 1.0
FOLDS = 5
THRESHOLDS = (0.0, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1)
WANTED = 0.99


def main() -> None:
    benchmark = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    questions, needed, rows, labels, owners, databases = collect(benchmark)
    names = sorted(set(databases))
    random.Random(SEED).shuffle(names)
    fold_of = {name: k % FOLDS for k, name in enumerate(names)}
    folds = np.array([fold_of[databases[owner[0]]] for owner in owners])
    likely = np.zeros(len(rows))
    for k in range(FOLDS):
        likely[folds == k] = predict(rows[folds == k], fit(rows[folds != k], labels[folds != k]))
    curve = [curve_point(t, likely, labels, owners, needed, questions) for t in THRESHOLDS]
    threshold = max(point["threshold"] for point in curve if point["recall"] >= 100 * WANTED)
    weights = fit(rows, labels)
    document = {
        "made_by": "benchmarks/values_weights.py",
        "data": f"Spider train_spider.json (CC BY-SA 4.0), {len(names)} databases, fingerprint {benchmark.fingerprint}",
        "seed": SEED,
        "threshold": threshold,
        "weights": {name: round(float(weight), 4) for name, weight in zip([*NAMES, "bias"], weights, strict=True)},
    }
    path = Path(__file__).resolve().parent.parent / "sql" / "values" / "weights.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    figures = {"candidates": len(rows), "right": int(labels.sum()), "cross_validated": curve, "threshold": threshold}
    record("values_weights", figures, seed=SEED, data={"spider train": benchmark.fingerprint})
    for point in curve:
        sys.stderr.write(f"{point}\n")


def collect(benchmark):
    rows, labels, owners, databases, needed = [], [], [], [], 0
    with ExitStack() as stack:
        indexes = {}
        for item in benchmark.present:
            if item.db_id not in indexes:
                database = stack.enter_context(Database(benchmark.databases[item.db_id]))
                indexes[item.db_id] = (database, ValueIndex.build(database))
                database.close()
            database, index = indexes[item.db_id]
            try:
                wanted = stored(database, gold_literals(item.gold, database.schema()))
            except InputError:
                continue
            number = len(databases)
            databases.append(item.db_id)
            needed += len(wanted)
            question = Question.parse(item.question)
            found = Finder(question, index._arrays, index._signer).find()
            if not found:
                continue
            rows.append(features(question, found, index._arrays, index._facts))
            for candidate in found:
                ref = index.columns[int(index._arrays.columns[candidate.row])].ref
                labels.append((ref, index._arrays.value(candidate.row)) in wanted)
                owners.append((number, candidate.row))
    return len(databases), needed, np.concatenate(rows), np.array(labels, dtype=float), owners, databases


def fit(rows, labels):
    x = np.c_[rows, np.ones(len(rows))]
    weights, ridge = np.zeros(x.shape[1]), PENALTY * np.eye(x.shape[1])
    ridge[-1, -1] = 1e-6
    for _ in range(50):
        likely = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (likely - labels) + ridge @ weights
        curvature = (x * (likely * (1 - likely))[:, None]).T @ x + ridge
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def predict(rows, weights):
    return 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))


def curve_point(threshold, likely, labels, owners, needed, questions):
    kept = {owner for owner, p in zip(owners, likely, strict=True) if p >= threshold}
    right = {owner for owner, p, y in zip(owners, likely, labels, strict=True) if p >= threshold and y}
    return {
        "threshold": threshold,
        "recall": round(100 * len(right) / needed, 2),
        "values_per_question": round(len(kept) / questions, 3),
    }


if __name__ == "__main__":
    main()
