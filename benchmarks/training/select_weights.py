"""Trains `ranked.v1` and writes its weights: `python benchmarks/training/select_weights.py [--items N] [--cache
FOLDER]`.

Candidates are variants of gold SQL (`_mutations`) in sets as several systems would give them (`_simulated`). What a
question lets one expect of its SQL is read by a model that did not see its database. The network learns from no
published prediction; its temperature does, from the systems that a licence allows, a fold of databases left out at a
time, so that each of the networks in the file names the databases that it knows nothing of. Nothing here depends on
time or chance: a second run on the same machine writes the same bytes. With a folder, a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import ctxprune.sql.select as package
from benchmarks.common.ranking_network import Shape, train
from benchmarks.common.record import SHARED, record
from benchmarks.training._expectations import train_expectations
from benchmarks.training._select_sets import CandidateSet, SetCache, bird_sets, licensed_sets, spider_sets
from ctxprune.models.network import Network
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.select.ranked import RankingWeights
from ctxprune.storage.sealed import seal_text

FOLDER = SHARED / "data" / "nl2sql"
FOLDS, ITEMS, LARGEST = 3, 1_600, 500_000
BIRD_WEIGHT = 0.5
SHAPE = Shape(0, 20, decay=1e-2, drop=0.7)
TEMPERATURES = np.arange(0.8, 3.01, 0.05)
TRAINED_ON = (
    "variants of the gold SQL of Spider train and of the BIRD train sample",
    "answers of the sketch generator to questions of Spider train",
    "questions and gold SQL of Spider train and of the BIRD train sample",
    "one number, cross-fitted: candidates of DIN-SQL (MIT), DAIL-SQL (Apache-2.0) and C3SQL (MIT) for Spider dev",
)


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=ITEMS)
    parser.add_argument("--cache", type=Path)
    options, started = parser.parse_args(), time.process_time()
    spider, bird = load(FOLDER / "spider", split="train"), load(FOLDER / "bird_train_mini", split="train")
    known = [*spider.items, *bird.items]
    fold = _folds({item.db_id for item in known}, FOLDS)
    blind = [train_expectations([item for item in known if fold[item.db_id] != place]) for place in range(FOLDS)]
    everything = train_expectations(known)
    items = [item for item in spider.present if spider.databases[item.db_id].stat().st_size < LARGEST]
    random.Random(0).shuffle(items)
    cache = SetCache(options.cache, options.items)
    sets = spider_sets(spider, items[: options.items], lambda name: blind[fold[name]], cache)
    told = bird_sets(bird, lambda name: blind[fold[name]], cache)
    network = fit([(sets, 1.0), (told, BIRD_WEIGHT)])
    dev = load(FOLDER / "spider")
    real = licensed_sets(dev, everything)
    parts = _folds({one.database for one in real}, FOLDS)
    networks, unseen, numbers = [], [], []
    for place in range(FOLDS):
        value = temperature(network, [one for one in real if parts[one.database] != place])
        networks.append(replace(network, out=network.out / value, bias=network.bias / value))
        unseen.append(frozenset(name for name in parts if parts[name] == place))
        numbers.append(round(value, 2))
    weights = RankingWeights(everything, tuple(networks), TRAINED_ON, tuple(unseen))
    path = Path(package.__file__).parent / "ranked.json"
    path.write_text(seal_text(json.dumps(weights.to_dict(), separators=(",", ":"))) + "\n", encoding="utf-8")
    figures = {
        "items": options.items, "sets": len(sets), "sets_with_evidence": len(told), "licensed_sets": len(real),
        "temperatures": numbers, "bytes": path.stat().st_size,
        "cpu_seconds": round(time.process_time() - started),
    }  # fmt: skip
    data = {"spider": spider.fingerprint, "bird_train_mini": bird.fingerprint}
    record("select_weights", figures, seed=0, data=data)


def fit(parts: list[tuple[list[CandidateSet], float]]) -> Network:
    """One network for all sets; those of a part share its weight."""
    sets = [one for part, _ in parts for one in part]
    weights = np.concatenate([np.full(len(part), weight / len(part)) for part, weight in parts if part])
    owner = np.repeat(np.arange(len(sets)), [len(one.rows) for one in sets])
    rows, right = np.vstack([one.rows for one in sets]), np.concatenate([one.right for one in sets])
    return train(SHAPE, rows, owner, right, weights / weights.mean())


def temperature(network: Network, sets: list[CandidateSet]) -> float:
    """The number that the logits are divided by for the least loss; it does not change what one network chooses."""
    logits = [network(one.rows) for one in sets]

    def loss(value: float) -> float:
        total = 0.0
        for one, values in zip(sets, logits, strict=True):
            raw = np.exp(np.clip(values / value, -30, 30))
            good = raw[one.right > 0].sum() if one.right.any() else 1.0
            total -= np.log(good / (1 + raw.sum()))
        return total

    return float(min(TEMPERATURES, key=loss))


def _folds(names: set[str], count: int) -> dict[str, int]:
    order = sorted(names)
    random.Random(1).shuffle(order)
    return {name: place % count for place, name in enumerate(order)}


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sums over sets differ in their last digits with the order of hashes
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
