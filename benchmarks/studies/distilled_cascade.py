"""Is a distilled first step better than BM25 in a cascade?

    python benchmarks/studies/distilled_cascade.py

The strong scorer is the bundled model (`pruner.v1`); cheap ones are BM25 under titles (the default of `CascadeScorer`),
the first step of `mixture.v1` (same features, trained on labels), and `distil_scorer` on the model's scores for 60
questions of HotpotQA's train part with their ten paragraphs, whose order it learns without labels. Tested on 60
questions each of HotpotQA dev and of 2WikiMultihopQA, drawn with a seed. Windows of 250 characters; the model reads the
best k. `model_best` is the share of the model's own five best units that are among those read, `evidence` the share of
labelled sentences among those read; seconds are means a question. The training and test questions differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import fmean

import numpy as np

from benchmarks.common.record import record
from benchmarks.quality._corpus_pools import fingerprints, rows
from ctxprune.rag.corpus.distilled import distil_scorer
from ctxprune.scorers.combined.cascade import choose_units, number_windows
from ctxprune.scorers.combined.mixture import MixtureScorer
from ctxprune.scorers.lexical.titled import TitledScorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.train.contexts import DocumentsContext
from ctxprune.train.sentence_sets import Document

SEED, TRAINED, TESTED, WINDOW, BEST = 0, 60, 60, 250, 5
COUNTS = (2, 4, 8, 12)


def read(name: str, part: str, count: int) -> list[tuple[str, DocumentsContext]]:
    found = rows(name, part)
    order = np.random.default_rng(SEED).permutation(len(found))[:count]
    items = []
    for place in order:
        row = found[place]
        documents = [
            Document(doc["title"], tuple(doc["sentences"]), tuple(map(bool, doc["labels"]))) for doc in row["docs"]
        ]
        items.append((row["question"], DocumentsContext(documents)))
    return items


def measure(items, scores: list[np.ndarray], cheap: Callable) -> dict:
    found = {count: ([], [], []) for count in COUNTS}
    seconds = []
    for (question, context), strong in zip(items, scores, strict=True):
        started = time.perf_counter()
        rough = np.asarray(cheap(question, context), dtype=np.float32)
        seconds.append(time.perf_counter() - started)
        places = number_windows(context, WINDOW)
        best = set(np.argsort(-strong, kind="stable")[:BEST].tolist())
        labelled = {unit for unit, label in enumerate(context.labels) if label}
        for count, (model, evidence, share) in found.items():
            chosen = set(choose_units(rough, places, count).tolist())
            model.append(len(best & chosen) / len(best))
            evidence.extend([len(labelled & chosen) / len(labelled)] if labelled else [])
            share.append(len(chosen) / len(context.units))
    return {
        "seconds": round(fmean(seconds), 4),
        "windows": {
            str(count): {"model_best": round(fmean(a), 3), "evidence": round(fmean(b), 3), "read": round(fmean(c), 3)}
            for count, (a, b, c) in found.items()
        },
    }


def main() -> None:
    strong, mixture = PrunerScorer(), MixtureScorer()
    trained = read("hotpotqa", "train", TRAINED)
    started = time.perf_counter()
    distilled = distil_scorer(strong, [question for question, _ in trained], [context for _, context in trained])
    figures = {"distil_seconds": round(time.perf_counter() - started, 1), "sets": {}}
    cheap = {
        "titled": TitledScorer().score,
        "rough": lambda question, context: mixture.weights.rough(mixture.features(question, context)),
        "distilled": distilled.score,
        "random": lambda question, context: np.random.default_rng(len(question)).random(len(context.units)),
    }
    for name in ("hotpotqa", "2wikimultihop"):
        items = read(name, "dev", TESTED)
        started = time.perf_counter()
        scores = [strong.score(question, context) for question, context in items]
        own = {"strong_seconds": round((time.perf_counter() - started) / len(items), 3)}
        figures["sets"][name] = own | {one: measure(items, scores, score) for one, score in cheap.items()}
    record("distilled_cascade", figures, seed=SEED, data=fingerprints(["hotpotqa", "2wikimultihop"]))


if __name__ == "__main__":
    main()
