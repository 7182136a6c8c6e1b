"""Trains `ranked.v1` and writes its weights: `python benchmarks/training/select_weights.py [--items N] [--cache
FOLDER]`.

Candidates are variants of gold SQL (`_mutations`) in sets as several systems would give them (`_simulated`). What a
question lets one expect of its SQL is read by a model that did not see its database. The network learns from no
published prediction; its temperature and the margin by which it overrules a majority do, from the systems that a
licence allows, a fold of databases left out at a time, so that each of the networks in the file names the databases
that it knows nothing of. `left_out` are figures on simulated sets of databases that neither network nor margin saw.
Nothing here depends on time or chance: a second run on the same machine writes the same bytes. With a folder, a run
that was stopped goes on.
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
from benchmarks.common.ranking_network import fit_linear
from benchmarks.common.record import SHARED, record
from benchmarks.training._expectations import train_expectations
from benchmarks.training._select_sets import CandidateSet, SetCache, bird_sets, licensed_sets, spider_sets
from ctxprune.models.network import Network
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.select.features import FEATURES
from ctxprune.sql.select.ranked import RankingWeights
from ctxprune.storage.sealed import seal_text

FOLDER = SHARED / "data" / "nl2sql"
FOLDS, ITEMS, LARGEST = 3, 1_600, 500_000
BIRD_WEIGHT = 0.5
_EMPTY, _SIZE = FEATURES.index("empty"), FEATURES.index("log_size")
DECAY = 0.1
TEMPERATURES = np.arange(0.8, 3.01, 0.05)
MARGINS = np.arange(0.0, 2.01, 0.1)
REGRET = 2.0  # a majority that was right and is overruled costs so many that were wrong and are
LEFT_OUT = 5
TRAINED_ON = (
    "variants of the gold SQL of Spider train and of the BIRD train sample",
    "answers of the sketch generator to questions of Spider train",
    "questions and gold SQL of Spider train and of the BIRD train sample",
    "two numbers, cross-fitted: candidates of DIN-SQL (MIT), DAIL-SQL (Apache-2.0) and C3SQL (MIT) for Spider dev",
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
    networks, unseen, numbers, margins = [], [], [], []
    for place in range(FOLDS):
        seen = [one for one in real if parts[one.database] != place]
        value = temperature(network, seen)
        networks.append(replace(network, out=network.out / value, bias=network.bias / value))
        margins.append(margin(networks[-1], seen))
        unseen.append(frozenset(name for name in parts if parts[name] == place))
        numbers.append(round(value, 2))
    weights = RankingWeights(everything, tuple(networks), tuple(margins), TRAINED_ON, tuple(unseen))
    path = Path(package.__file__).parent / "ranked.json"
    path.write_text(seal_text(json.dumps(weights.to_dict(), separators=(",", ":"))) + "\n", encoding="utf-8")
    figures = {
        "items": options.items, "sets": len(sets), "sets_with_evidence": len(told), "licensed_sets": len(real),
        "temperatures": numbers, "margins": margins, "left_out": left_out(sets, told), "bytes": path.stat().st_size,
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
    return fit_linear(rows, owner, right, weights, decay=DECAY)


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


def margin(network: Network, sets: list[CandidateSet]) -> float:
    """The least margin in `MARGINS` with the most majorities overruled rightly, less `REGRET` times those wrongly."""
    logits = [network(one.rows) for one in sets]

    def gain(value: float) -> float:
        won, lost, _ = _overruled(sets, logits, value)
        return won - REGRET * lost

    return round(float(max(MARGINS, key=gain)), 2)


def _overruled(sets: list[CandidateSet], logits: list[np.ndarray], value: float) -> tuple[int, int, int]:
    """Sets that are right only where the network chooses, only where the majority does, and by the majority."""
    won = lost = right = 0
    for one, scores in zip(sets, logits, strict=True):
        full = np.where(one.rows[:, _EMPTY] == 1, -1.0, one.rows[:, _SIZE])
        major = int(np.argmax(np.where(full == full.max(), scores, -np.inf)))
        best = int(np.argmax(scores))
        choice = best if scores[best] - scores[major] >= value else major
        won += one.right[choice] > one.right[major]
        lost += one.right[choice] < one.right[major]
        right += bool(one.right[major])
    return won, lost, right


def left_out(sets: list[CandidateSet], told: list[CandidateSet]) -> dict[str, float]:
    """Percentages on the simulated sets, each by a network and a margin from the databases of other folds."""
    parts, total = _folds({one.database for one in sets}, LEFT_OUT), np.zeros(3, dtype=int)
    for place in range(LEFT_OUT):
        seen = [one for one in sets if parts[one.database] != place]
        unseen = [_complete(one) for one in sets if parts[one.database] == place]
        network = fit([(seen, 1.0), (told, BIRD_WEIGHT)])
        value = margin(network, [_complete(one) for one in seen])
        total += _overruled(unseen, [network(one.rows) for one in unseen], value)
    won, lost, right = (round(100 * float(count) / len(sets), 2) for count in total)
    return {"majority": right, "ranked": round(right + won - lost, 2), "won": won, "lost": lost}


def _complete(one: CandidateSet) -> CandidateSet:
    """With 0 for what is not known, as at run time."""
    return replace(one, rows=np.nan_to_num(one.rows))


def _folds(names: set[str], count: int) -> dict[str, int]:
    order = sorted(names)
    random.Random(1).shuffle(order)
    return {name: place % count for place, name in enumerate(order)}


if __name__ == "__main__":
    if os.environ.get("PYTHONHASHSEED") != "0":  # sums over sets differ in their last digits with the order of hashes
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
