"""Lines that `ctxprune train select` chooses, against random ones: a sentence scorer trained on each choice.

    python benchmarks/quality/data_selection.py [--questions 100] [--seeds 3]

Writes benchmarks/results/data_selection.json. The pool is what six sets allow to train on: pairs of question and
sentence, all sentences of a question together. Of each of three sets in turn, the target, 30 questions of its training
side are the reference (their texts alone, and they leave the pool); the figure is the mean average precision on the
target's held-out side, which no choice and no training sees (documents are divided by the hash of their titles:
`ctxprune.train.sentence_sets.for_training`). The scorer is a logistic model of hashed words and a few figures of
overlap, trained from zero with numpy. The selectors' constants are their papers'; the scorer's were set before the
first run but for the words' rate, which was chosen on the held-out side of selqa and qed, which are no targets. Seeds
draw the pool, the reference, the random choices and the order of training. "no training" ranks by the overlap alone.
"""

from __future__ import annotations

import argparse
import random
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from time import process_time

import numpy as np

from benchmarks.common.parts import fingerprint, say
from benchmarks.common.record import SHARED, record
from ctxprune.text.words import terms
from ctxprune.train.line_mix import mix_counts
from ctxprune.train.line_selectors import LINE_SELECTORS, Line
from ctxprune.train.select_lines import index_lines, keep_counts, keep_share
from ctxprune.train.sentence_sets import Item, items_of

DATA = SHARED / "data" / "rag"
SETS = {
    "qed": "dev.jsonl.gz", "selqa": "dev.jsonl.gz", "xquad_en": "test_questions.jsonl.gz",
    "fever_eraser": "dev_questions.jsonl.gz", "scifact": "sel_dev.jsonl.gz", "2wikimultihop": "dev.jsonl.gz",
}  # fmt: skip
TARGETS = ("fever_eraser", "scifact", "xquad_en")
SHARES = (0.1, 0.25)  # of the larger one an equal mix would ask more of the smallest set than it has
REFERENCE = 30  # questions
BUCKETS, DENSE = 1 << 14, 5
EPOCHS, RATE, DECAY = 5, 0.1, 1e-5
WORD_RATE = 0.004  # of 0.1, 0.02, 0.004, 0: best mean over selqa and qed, which are no targets, trained on all lines
WAYS = ("random", "mix", "frequency", "importance", "nearest", "importance, half at random")


@dataclass(frozen=True)
class Sentences:
    """One question: hashed words (indices) and figures (n, 5) of each sentence, and which of them are evidence."""

    words: list[np.ndarray]
    figures: np.ndarray
    labels: np.ndarray


def featurize(item: Item) -> Sentences:
    texts = [text for document in item.documents for text in document.sentences]
    labels = np.asarray([label for document in item.documents for label in document.labels])
    asked, own = set(terms(item.question)), [terms(text) for text in texts]
    holders = {term: sum(term in set(found) for found in own) for term in asked}
    idf = {term: np.log1p(len(texts) / (1 + count)) for term, count in holders.items()}
    whole = sum(idf.values()) or 1.0
    figures = np.asarray(
        [
            [
                1.0,
                sum(idf[term] for term in asked & set(found)) / whole,
                len(asked & set(found)) / max(len(set(found)), 1),
                min(len(found), 40) / 40,
                1 / (1 + place),
            ]
            for place, found in enumerate(own)
        ]
    )
    kind = item.question.split(" ", 1)[0].lower()
    words = [
        np.asarray(
            [zlib.crc32(f"{prefix}{term}".encode()) % BUCKETS for term in set(found) for prefix in ("", f"{kind} ")],
            dtype=np.int64,
        )
        for found in own
    ]
    return Sentences(words, figures, labels)


def train(chosen: list[Sentences], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights of words and of figures, by AdaGrad."""
    words, figures = np.zeros(BUCKETS), np.zeros(DENSE)
    seen_words, seen_figures = np.full(BUCKETS, 1e-3), np.full(DENSE, 1e-3)
    pairs = [(one, place) for one in chosen for place in range(len(one.words))]
    rng = random.Random(seed)
    for _ in range(EPOCHS):
        rng.shuffle(pairs)
        for one, place in pairs:
            ids, row = one.words[place], one.figures[place]
            scale = 1 / np.sqrt(len(ids) + 1)
            error = 1 / (1 + np.exp(-np.clip(words[ids].sum() * scale + figures @ row, -30, 30))) - one.labels[place]
            step = error * scale + DECAY * words[ids]
            seen_words[ids] += step**2
            words[ids] -= WORD_RATE * step / np.sqrt(seen_words[ids])
            seen_figures += (error * row) ** 2
            figures -= RATE * error * row / np.sqrt(seen_figures)
    return words, figures


def average_precision(one: Sentences, scores: np.ndarray) -> float:
    right = one.labels[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean())


def measure(tests: list[Sentences], words: np.ndarray, figures: np.ndarray) -> float:
    found = []
    for one in tests:
        scores = np.asarray([words[ids].sum() / np.sqrt(len(ids) + 1) for ids in one.words]) + one.figures @ figures
        found.append(average_precision(one, scores))
    return fmean(found)


def choose(way: str, lines: list[Line], reference: list[Line], share: float, seed: int) -> np.ndarray:
    index = index_lines(lines)
    if way == "mix":
        counts = mix_counts(dict.fromkeys(index.names, 1.0), index.lines_by_source, share)
        return keep_counts(index, LINE_SELECTORS.get("random")(seed).score(lines), counts, seed=seed)
    name, _, half = way.partition(", ")
    build = LINE_SELECTORS.get(name)
    scores = (build(reference) if build.compared else build(seed)).score(lines)
    return keep_share(index, scores, share, explore=0.5 if half else 0.0, seed=seed)


def lines_of(items: list[tuple[str, Item]]) -> tuple[list[Line], list[int]]:
    """A line a sentence, and which item each is of."""
    lines, owners = [], []
    for number, (source, item) in enumerate(items):
        for document in item.documents:
            for text in document.sentences:
                row = {"query": f"{item.question}", "passage": text, "source": source}
                lines.append(Line(len(lines) + 1, b"", row))
                owners.append(number)
    return lines, owners


def run(target: str, sets: dict[str, list[Item]], seed: int, questions: int) -> dict[str, float]:
    rng = random.Random(seed)
    pool: list[tuple[str, Item]] = []
    wanted: list[tuple[str, Item]] = []
    for name, items in sets.items():
        own = [item for item in items if item.for_training]
        # one question's lines are of one source: the same question in another set would be another group
        drawn = rng.sample(own, min(questions + REFERENCE, len(own)))
        if name == target:
            wanted, drawn = [(name, item) for item in drawn[:REFERENCE]], drawn[REFERENCE:]
        pool += [(name, item) for item in drawn[:questions]]
    held = [item for item in sets[target] if not item.for_training]
    tests = [featurize(item) for item in rng.sample(held, min(300, len(held)))]
    features = [featurize(item) for _, item in pool]
    lines, owners = lines_of(pool)
    reference, _ = lines_of(wanted)
    overlap = np.zeros(DENSE)
    overlap[1] = 1.0
    found = {"no training": measure(tests, np.zeros(BUCKETS), overlap)}
    found["all lines"] = measure(tests, *train(features, seed))
    for share in SHARES:
        for way in WAYS:
            kept = choose(way, lines, reference, share, seed)
            chosen = sorted({owner for owner, stays in zip(owners, kept, strict=True) if stays})
            found[f"{way}, {share:g}"] = measure(tests, *train([features[place] for place in chosen], seed))
    return found


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    start = process_time()
    sets = {name: [item for item in items_of(Path(DATA / name / file)) if item.mixed] for name, file in SETS.items()}
    figures: dict[str, dict[str, dict[str, object]]] = {}
    for target in TARGETS:
        runs = []
        for seed in range(options.seeds):
            runs.append(run(target, sets, seed, options.questions))
            say(f"{target}, seed {seed}: {process_time() - start:.0f} s")
        figures[target] = {
            way: {"map": round(fmean(own[way] for own in runs), 4), "by_seed": [round(own[way], 4) for own in runs]}
            for way in runs[0]
        }
    beaten = {
        f"{way}, {share:g}": sum(
            own > other
            for target in TARGETS
            for own, other in zip(
                figures[target][f"{way}, {share:g}"]["by_seed"],
                figures[target][f"random, {share:g}"]["by_seed"],
                strict=True,
            )
        )
        for share in SHARES
        for way in WAYS[1:]
    }
    split = "documents by the hash of their titles; the reference's 30 questions leave the pool"
    record(
        "data_selection",
        {
            "metric": "mean average precision of evidence sentences, held-out side of the target",
            "split": split, "reference_questions": REFERENCE, "targets": figures,
            "better_than_random": beaten, "runs": len(TARGETS) * options.seeds,
            "cpu_seconds": round(process_time() - start),
        },
        seed=0,
        data={name: fingerprint(items) for name, items in sets.items()},
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
