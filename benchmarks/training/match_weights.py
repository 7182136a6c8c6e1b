"""Trains the combination of scorers for schema matching: sql/match/weights.json.

    python benchmarks/training/match_weights.py               # ten minutes on one core

Pairs are fabricated (benchmarks/quality/_fabricated.py) from the tuning part alone: 41 databases of Spider's training
part, renamed six times each, and tables of those and of WikiTableQuestions' training part. In every third pair no
values are known. Two of five folds by database or table are left out to fit the probability scale and to print how
well the networks do against the mean of all scorers; the shipped networks are then trained on all of it.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np

from benchmarks.common.networks import Networks, train
from benchmarks.quality._fabricated import rename_database
from benchmarks.quality._match_sets import database_path, databases, table_pairs
from ctxprune.sql.database.database import Database
from ctxprune.sql.match.candidates import choose_pairs
from ctxprune.sql.match.features import context_features, pair_features, score_all
from ctxprune.sql.match.matcher import mean_chances
from ctxprune.sql.match.model import MatchWeights
from ctxprune.sql.match.profile import profile_schema
from ctxprune.sql.schema.schema import Column, ColumnRef, Schema, Table
from ctxprune.storage.sealed import seal

SEED, COPIES, EACH, FOLDS, ROUNDS = 11, 6, 70, 5, 2
ALONE = Networks(hidden=20, epochs=30, decay=3e-5, seeds=(1, 2))
AMONG = Networks(hidden=12, epochs=40, decay=3e-5, seeds=(1, 2))
EASY = 0.1  # share of the pairs that nothing speaks for that are kept, with their weight
OUT = Path(__file__).resolve().parents[2] / "sql" / "match" / "weights.json"


def main():
    sets = list(collect())
    report(sets)
    folds = [crc32(group.encode()) % FOLDS for group, _, _ in sets]
    held = fit([s for s, fold in zip(sets, folds, strict=True) if fold > 1])
    slope, offset = scale(held, [s for s, fold in zip(sets, folds, strict=True) if fold <= 1])
    final = fit(sets)
    names = (f"{len(databases('tuning'))} databases of Spider train, renamed", "tables of WikiTableQuestions train")
    final = replace(final, slope=slope, offset=offset, trained_on=names)
    OUT.write_text(seal(final.to_dict()) + "\n", encoding="utf-8")
    sys.stderr.write(f"wrote {OUT.name}: slope {slope:.3f}, offset {offset:.3f}\n")


def collect():
    """(group, pairs with scores, labels) of each fabricated pair of schemas."""
    rng = random.Random(SEED)
    for name in databases("tuning"):
        for copy in range(COPIES):
            yield labelled_database(name, SEED + copy, hide=rng.random() < 0.3)
    for pair in table_pairs("tuning", EACH, SEED):
        left, right, truth = profiles_of(pair, hide=rng.random() < 0.15)
        yield (pair.name, *labelled(left, right, truth))


def labelled_database(name, seed, *, hide=False):
    with tempfile.TemporaryDirectory() as folder:
        renamed = rename_database(database_path(name), Path(folder) / f"{name}_new.sqlite", seed)
        sides = []
        for path in (database_path(name), renamed.path):
            with Database(path) as database:
                sides.append(profile_schema(database.schema(), None if hide else database))
    truth = {(old, new) for old, places in renamed.columns.items() for new in places}
    return (name, *labelled(*sides, {((a[0], a[1]), b) for a, b in truth}))


def profiles_of(pair, *, hide=False):
    """Profiles of both tables of a pair, and the truth by (table, column)."""
    sides = []
    for (header, rows), table in ((pair.left, pair.name), (pair.right, pair.name)):
        schema = Schema(table, (Table(table, tuple(Column(column) for column in header)),))
        values = {ColumnRef(table, c): [row[i] for row in rows] for i, c in enumerate(header)}
        sides.append(profile_schema(schema, None if hide else values))
    return (*sides, {((pair.name, a), (pair.name, b)) for a, b in pair.truth})


def labelled(left, right, truth):
    pairs = choose_pairs(left, right)
    scores = score_all(pairs)
    fold = {((a[0].lower(), a[1].lower()), (b[0].lower(), b[1].lower())) for a, b in truth}
    key = (
        [(p.ref.table.lower(), p.ref.column.lower()) for p in left],
        [(p.ref.table.lower(), p.ref.column.lower()) for p in right],
    )
    labels = np.array(
        [(key[0][r], key[1][c]) in fold for r, c in zip(pairs.rows.tolist(), pairs.columns.tolist(), strict=True)]
    )
    return (pairs, scores), labels


def thinned(scores, labels, rng):
    """Places of the rows that are trained on, and their weights: of hopeless pairs only some."""
    hard = labels | (mean_chances(scores) > 0.45)
    keep = hard | (rng.random(len(labels)) < EASY)
    weights = np.where(hard, 1.0, 1.0 / EASY)[keep]
    return np.flatnonzero(keep), weights


def fit(sets):
    rng = np.random.default_rng(SEED)
    rows, labels, weights = [], [], []
    for _, (pairs, scores), truth in sets:
        if not len(truth):
            continue
        places, weight = thinned(scores, truth, rng)
        rows.append(pair_features(pairs, scores)[places])
        labels.append(truth[places].astype(float))
        weights.append(weight)
    rows, labels, weights = np.concatenate(rows), np.concatenate(labels), np.concatenate(weights)
    sys.stderr.write(f"{len(rows)} pairs, {int(labels.sum())} of them true\n")
    networks = (train(ALONE, rows, labels, weights, np.arange(len(rows))),)
    logits = [networks[0](pair_features(pairs, scores)) if len(truth) else None for _, (pairs, scores), truth in sets]
    for _ in range(ROUNDS):
        found = [
            context_features(pairs, scores, before) if len(truth) else None
            for (_, (pairs, scores), truth), before in zip(sets, logits, strict=True)
        ]
        rows, labels, weights = [], [], []
        for features, (_, (_, scores), truth) in zip(found, sets, strict=True):
            if len(truth):
                places, weight = thinned(scores, truth, rng)
                rows.append(features[places])
                labels.append(truth[places].astype(float))
                weights.append(weight)
        rows, labels, weights = np.concatenate(rows), np.concatenate(labels), np.concatenate(weights)
        networks = (*networks, train(AMONG, rows, labels, weights, np.arange(len(rows))))
        logits = [networks[-1](features) if features is not None else None for features in found]
    return MatchWeights(networks[0], networks[1:], 1.0, 0.0)


def scale(weights, sets):
    """Slope and offset of a logistic regression of the truth on the logits, by Newton's method."""
    logits, labels = [], []
    for _, (pairs, scores), truth in sets:
        chances = weights.chances(pairs, scores)
        logits.append(np.log(np.clip(chances, 1e-9, 1 - 1e-9) / np.clip(1 - chances, 1e-9, 1)))
        labels.append(truth)
    x, y = np.concatenate(logits), np.concatenate(labels).astype(float)
    beta = np.array([1.0, 0.0])
    inputs = np.column_stack([x, np.ones_like(x)])
    for _ in range(30):
        p = 1 / (1 + np.exp(-np.clip(inputs @ beta, -30, 30)))
        hessian = (inputs * (p * (1 - p))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        beta = beta - np.linalg.solve(hessian, inputs.T @ (p - y) + 1e-6 * (beta - [1, 0]))
    return float(beta[0]), float(beta[1])


def report(sets):
    """Recall at the size of the truth on the folds that are left out, beside the mean of all scorers."""
    folds = [crc32(group.encode()) % FOLDS for group, _, _ in sets]
    weights = fit([s for s, fold in zip(sets, folds, strict=True) if fold > 1])
    rows = []
    for _, (pairs, scores), truth in (s for s, fold in zip(sets, folds, strict=True) if fold <= 1):
        if truth.any():
            rows.append([recall(values, truth) for values in (weights.chances(pairs, scores), mean_chances(scores))])
    learned, mean = np.mean(rows, axis=0)
    sys.stderr.write(f"left out, {len(rows)} pairs: learned {learned:.4f}, mean of the scorers {mean:.4f}\n")


def recall(chances, truth):
    best = np.argsort(-chances, kind="stable")[: int(truth.sum())]
    return truth[best].mean()


if __name__ == "__main__":
    main()
