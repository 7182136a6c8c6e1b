"""Fits the likelihood of a value hit on Spider's training databases and writes sql/values/weights.json.

    python benchmarks/training/values_weights.py    # weights.json, and benchmarks/results/values_weights.json

Logistic regression with an L2 penalty, by Newton's method. Questions that name a stored value verbatim are seen a
second time with one typing error in that value, since benchmark questions have hardly any; such copies count neither
for the threshold nor for the figures. The threshold keeps at least 99 % of the stored literals in a five-fold
cross-validation split by database. Nothing but train_spider.json and its databases is read.
"""

from __future__ import annotations

import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.errors import InputError
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.values import gold_literals, stored
from ctxprune.sql.values import ValueIndex
from ctxprune.sql.values.features import NAMES, WAYS, features
from ctxprune.sql.values.spans import Question
from ctxprune.sql.values.stages import Finder
from ctxprune.storage.sealed import seal

SEED = 0
PENALTY = 1.0
FOLDS = 5
THRESHOLDS = (0.0, 0.002, 0.003, 0.004, 0.005, 0.0075, 0.01, 0.02, 0.03, 0.05, 0.1)
WANTED = 0.99
COPY_WEIGHT = 0.3


@dataclass
class Asked:
    """One question, or its copy with a typing error, and its candidates."""

    db_id: str
    copy: bool
    needed: int
    rows: np.ndarray
    labels: np.ndarray
    values: list


def main() -> None:
    benchmark = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    asked = list(collect(benchmark))
    names = sorted({one.db_id for one in asked})
    random.Random(SEED).shuffle(names)
    likely = {}
    for k in range(FOLDS):
        weights = fit([one for one in asked if one.db_id not in names[k::FOLDS]])
        for number, one in enumerate(asked):
            if one.db_id in names[k::FOLDS]:
                likely[number] = predict(one.rows, weights)
    curve = [curve_point(threshold, asked, likely) for threshold in THRESHOLDS]
    threshold = max((point["threshold"] for point in curve if point["recall"] >= 100 * WANTED), default=0.0)
    document = {
        "made_by": "benchmarks/training/values_weights.py",
        "data": f"Spider train_spider.json (CC BY-SA 4.0), {len(names)} databases, fingerprint {benchmark.fingerprint}",
        "seed": SEED,
        "threshold": threshold,
        "weights": {name: round(float(w), 4) for name, w in zip([*NAMES, "bias"], fit(asked), strict=True)},
    }
    path = Path(__file__).resolve().parents[2] / "sql" / "values" / "weights.json"
    path.write_text(seal(document, indent=1) + "\n", encoding="utf-8")
    figures = {
        "questions": sum(not one.copy for one in asked),
        "copies_with_a_typing_error": sum(one.copy for one in asked),
        "candidates": sum(len(one.rows) for one in asked if not one.copy),
        "cross_validated": curve,
        "threshold": threshold,
    }
    record("values_weights", figures, seed=SEED, data={"spider train": benchmark.fingerprint})
    for point in curve:
        sys.stderr.write(f"{point}\n")


def collect(benchmark):
    random_state = random.Random(SEED)
    with ExitStack() as stack:
        indexes = {}
        for item in benchmark.present:
            if item.db_id not in indexes:
                database = stack.enter_context(Database(benchmark.databases[item.db_id], isolated=False))
                indexes[item.db_id] = (database, ValueIndex.build(database))
                database.close()
            database, index = indexes[item.db_id]
            try:
                wanted = stored(database, gold_literals(item.gold, database.schema()))
            except InputError:
                continue
            yield look_up(item.db_id, item.question, wanted, index, copy=False)
            for literal in sorted(wanted):
                text = literal[1]
                if len(text) > 4 and text in item.question and any(char.isalpha() for char in text):
                    question = item.question.replace(text, mistyped(text, random_state))
                    yield look_up(item.db_id, question, frozenset({literal}), index, copy=True)


def look_up(db_id, text, wanted, index, *, copy):
    question = Question.parse(text)
    finder = Finder(question, index._store, index._signer, index._facts)
    # the others have a likelihood of their own
    found = [candidate for candidate in finder.find() if candidate.way in WAYS]
    rows = features(question, found, finder.stored, index._facts) if found else np.zeros((0, len(NAMES)))
    values = [(index.columns[finder.stored.columns[c.row]].ref, finder.stored.value(c.row)) for c in found]
    return Asked(db_id, copy, len(wanted), rows, np.array([value in wanted for value in values], dtype=float), values)


def mistyped(text, random_state):
    """`text` with one letter of it left out, doubled, replaced or exchanged with the next."""
    places = [k for k in range(1, len(text) - 1) if text[k].isalpha() and text[k + 1].isalpha()]
    if not places:
        return text
    k = random_state.choice(places)
    changes = (
        text[:k] + text[k + 1 :],
        text[:k] + text[k] + text[k:],
        text[:k] + random_state.choice("aeinrst") + text[k + 1 :],
        text[:k] + text[k + 1] + text[k] + text[k + 2 :],
    )
    return random_state.choice(changes)


def fit(asked):
    rows = np.concatenate([one.rows for one in asked])
    labels = np.concatenate([one.labels for one in asked])
    return newton(
        rows, labels, np.concatenate([np.full(len(one.rows), COPY_WEIGHT if one.copy else 1) for one in asked])
    )


def newton(rows, labels, share):
    """Weights, the bias last, that fit `labels`; `share` is how much each row counts."""
    x = np.c_[rows, np.ones(len(rows))]
    weights, ridge = np.zeros(x.shape[1]), PENALTY * np.eye(x.shape[1])
    ridge[-1, -1] = 1e-6
    for _ in range(50):
        likely = 1 / (1 + np.exp(-(x @ weights)))
        slope = x.T @ (share * (likely - labels)) + ridge @ weights
        curvature = (x * (share * likely * (1 - likely))[:, None]).T @ x + ridge
        step = np.linalg.solve(curvature, slope)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def predict(rows, weights):
    return 1 / (1 + np.exp(-(rows @ weights[:-1] + weights[-1])))


def curve_point(threshold, asked, likely):
    kept = {False: 0, True: 0}
    right = {False: 0, True: 0}
    for number, one in enumerate(asked):
        chosen = [(v, y) for v, p, y in zip(one.values, likely[number], one.labels, strict=True) if p >= threshold]
        kept[one.copy] += len({value for value, _right in chosen})
        right[one.copy] += len({value for value, good in chosen if good})
    needed = {copy: sum(one.needed for one in asked if one.copy == copy) for copy in (False, True)}
    return {
        "threshold": threshold,
        "recall": round(100 * right[False] / needed[False], 2),
        "values_per_question": round(kept[False] / sum(not one.copy for one in asked), 3),
        "recall_of_mistyped": round(100 * right[True] / needed[True], 2),
    }


if __name__ == "__main__":
    main()
