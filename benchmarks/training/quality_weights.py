"""Trains the passage quality model and writes `rag/corpus/quality.json`.

    python benchmarks/training/quality_weights.py [--no-write]

Two linear models. "asked": a passage is positive where it answers some question of its pool, negative where it answers
none; pools are all passages of a source (benchmarks/quality/_corpus_pools.py), from sets that may be trained on and
that benchmarks/quality/corpus.py does not report. "text": passages and tables against junk that is made of their
words. The decay is chosen by the mean area under the ROC curve on the pools, each left out in turn. `left_out` is that
area by weights trained on the other pools; `with_vectors` the same with the mean of the bundled word vectors, its
length and the mean rarity of the words as 66 more columns; `length` that of the number of words alone. `text_held_out`
is the area of "text" on junk and passages of another seed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import ctxprune.rag.corpus as package
from benchmarks.common.record import record
from benchmarks.quality._corpus_pools import TRAINING, Pool, fingerprints, noise
from ctxprune.models.network import Network
from ctxprune.models.vectors import load_vectors
from ctxprune.rag.corpus.features import FEATURES, LONGEST, describe_passages
from ctxprune.rag.corpus.fitting import fit_logistic
from ctxprune.rag.corpus.quality import PassageQuality, QualityWeights
from ctxprune.text.words import stem, words

DECAYS = (0.001, 0.01, 0.1)


def area(scores: np.ndarray, answered: np.ndarray) -> float:
    """Chance that an answering passage has the higher quality; ties count one half."""
    ranked = np.unique(scores, return_inverse=True)[1]
    counts = np.bincount(ranked)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[ranked]
    positive = int(answered.sum())
    return float((ranks[answered].sum() - positive * (positive + 1) / 2) / (positive * (len(answered) - positive)))


def fit(pools: dict[str, Pool], rows: dict[str, np.ndarray], names: list[str], decay: float) -> Network:
    labels = [pools[name].answered for name in names]
    groups = np.repeat(np.arange(len(names)), [len(one) for one in labels])
    return fit_logistic(np.vstack([rows[name] for name in names]), np.concatenate(labels), groups, decay=decay)


def left_out(pools: dict[str, Pool], rows: dict[str, np.ndarray], names: list[str], decay: float) -> dict[str, float]:
    """For each pool the area by weights of the other ones."""
    return {
        name: round(area(fit(pools, rows, [one for one in names if one != name], decay)(rows[name]), pool.answered), 3)
        for name, pool in pools.items()
    }


def add_vectors(texts: list[str], rows: np.ndarray) -> np.ndarray:
    vectors, found = load_vectors(), []
    for text in texts:
        stems = [stem(word) for word in words(text[:LONGEST])]
        mean = vectors.of(stems).mean(axis=0) if stems else np.zeros(vectors.table.shape[1])
        rare = vectors.rarity(stems).mean() if stems else 0.0
        found.append([*mean, np.linalg.norm(mean), rare])
    return np.hstack([rows, found])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    pools = {name: load() for name, load in TRAINING.items()}
    rows = {name: describe_passages(pool.texts) for name, pool in pools.items()}
    areas = {decay: left_out(pools, rows, [*pools], decay) for decay in DECAYS}
    decay = max(DECAYS, key=lambda one: float(np.mean([*areas[one].values()])))
    wider = {name: add_vectors(pool.texts, rows[name]) for name, pool in pools.items()}
    junk = {str(seed): noise([*pools.values()], seed) for seed in (0, 1)}
    junk_rows = {seed: describe_passages(pool.texts) for seed, pool in junk.items()}
    weights = QualityWeights(fit(junk, junk_rows, ["0"], decay), fit(pools, rows, [*pools], decay))
    figures = {
        "decay": decay,
        "passages": {name: len(pool.texts) for name, pool in pools.items()},
        "answered": {name: int(pool.answered.sum()) for name, pool in pools.items()},
        "left_out": areas,
        "with_vectors": left_out(pools, wider, [*pools], decay),
        "length": {name: round(area(rows[name][:, 0], pool.answered), 3) for name, pool in pools.items()},
        "text_held_out": round(area(weights.text(junk_rows["1"]), junk["1"].answered), 3),
        "weights": {
            name: dict(zip(FEATURES, network.out.round(3).tolist(), strict=True))
            for name, network in (("text", weights.text), ("asked", weights.asked))
        },
    }
    record("quality_weights", figures, seed=0, data=fingerprints([*pools, "wikitablequestions"]))
    if not options.no_write:
        card = {
            "purpose": "query-agnostic quality of English passages, for static pruning of corpora",
            "trained_on": [*pools, "wikitablequestions"],
            "licence": "Apache-2.0; the sets allow training, none of their text is in this file",
            "left_out_area": areas[decay],
            "script": "benchmarks/training/quality_weights.py",
        }
        PassageQuality(weights).save(Path(package.__file__).parent / "quality.json", card=card)


if __name__ == "__main__":
    main()
