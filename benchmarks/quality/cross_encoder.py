"""The cross-encoder against the sketch's own score and a bag of features, on databases left out and on Spider dev.

Run as `python benchmarks/quality/cross_encoder.py --groups FILE --blind FILE [--weights FOLDER]`: `--groups` is the
groups.jsonl that `ctxprune train cross-encoder` wrote, `--blind` the weights of a sketch generator that saw only one
half of Spider's training databases. Of the databases that the cross-encoder did not see, those of the other half are
measured. The share of the cross-encoder in a sum with the sketch's log probability is chosen there, and dev is measured
with it.
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.cross_encoder_training.groups import Group, left_out, read_groups
from ctxprune.sql.evaluation.cross_encoder_training.measure import measure, word_overlap
from ctxprune.sql.evaluation.sketch_training.examples import Example, execute, folds, read_examples
from ctxprune.sql.evaluation.spider import equal_results, order_matters, prepare_gold
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.sketch import SketchGenerator
from ctxprune.sql.trust.cross_encoder.scorer import CrossEncoder
from ctxprune.sql.trust.cross_encoder.words import describe_sql

WEIGHTS = Path(__file__).parents[1] / "models" / "cross-encoder-v1"
SPIDER = SHARED / "data" / "nl2sql" / "spider"
N, SHARES, MUTATED = 8, (0.1, 0.2, 0.3, 0.5, 0.75, 1.0), 250
Scores = list[NDArray[np.float64]]


@dataclass(frozen=True)
class Offer:
    """One question with the sketch's candidates, each wording once: which are right, and their log probabilities."""

    question: str
    queries: list[str]
    right: NDArray[np.bool_]
    own: NDArray[np.float64]


def offers(examples: list[Example], generator: SketchGenerator) -> list[Offer]:
    """The candidates of every question whose gold query runs."""
    found = []
    for example in examples:
        gold = execute(example.database, [prepare_gold(example.gold)])[0] if example.database is not None else None
        if example.database is None or gold is None:
            continue
        made = generator.generate(Request(example.question, example.view.schema, hits=example.hits, n=N))
        rows = execute(example.database, [prepare_gold(one.sql) for one in made])
        ordered = order_matters(example.gold)
        kept: dict[str, tuple[bool, float]] = {}
        for one, result in zip(made, rows, strict=True):
            right = result is not None and equal_results(gold, result, ordered=ordered)
            kept.setdefault(describe_sql(one.sql), (bool(right), np.log(max(one.score, 1e-6))))
        right, own = [value[0] for value in kept.values()], [value[1] for value in kept.values()]
        found.append(Offer(example.question, list(kept), np.array(right, bool), np.array(own, float)))
    return found


def figures(found: list[Offer], scores: Scores) -> dict[str, float | int]:
    """EX of the first choice, how well right ones are told from wrong ones, and right first choices from wrong ones."""
    groups = [
        Group("offer", "", one.question, tuple(one.queries), tuple(one.right), ("offered",) * len(one.queries), ())
        for one in found
    ]
    inner = measure(groups, scores, ("offered",))
    best = [
        (values.max(), one.right[values.argmax()]) for one, values in zip(found, scores, strict=True) if one.queries
    ]
    top, good = (np.array(part) for part in zip(*best, strict=True))
    wrong = top[~good]
    known = np.mean([(value > wrong).mean() + (value == wrong).mean() / 2 for value in top[good]])
    return {"ex": round(float(good.sum() / len(found)), 4), "first_choice_auc": round(float(known), 4), **inner}


def fit_features(groups: list[Group]) -> NDArray[np.float64]:
    """Weights of `word_overlap`, by gradient steps on the share of right queries in a softmax over a group."""
    chosen = [one for one in groups if not left_out(one.database) and "offered" in one.origin]
    chosen = [one for one in chosen if any(one.right) and not all(one.right)]
    rows = [
        (np.array([word_overlap(one.question, query) for query in one.queries]), np.array(one.right, float))
        for one in random.Random(0).sample(chosen, min(500, len(chosen)))
    ]
    weights = np.zeros(rows[0][0].shape[1])
    for _ in range(600):
        step = np.zeros_like(weights)
        for inputs, right in rows:
            share = np.exp(inputs @ weights - (inputs @ weights).max())
            share /= share.sum()
            wanted = share * right / (share * right).sum()
            step += inputs.T @ (wanted - share)
        weights += 0.5 * step / len(rows)
    return weights


def overlap_scores(questions: list[tuple[str, list[str]]], weights: NDArray[np.float64]) -> Scores:
    """What the bag of features says of each question's queries."""
    return [
        np.array([word_overlap(question, query) for query in queries]).reshape(-1, len(weights)) @ weights
        for question, queries in questions
    ]


def compare(
    found: list[Offer], model: CrossEncoder, weights: NDArray[np.float64], shares: list[float]
) -> dict[str, object]:
    """Figures of each score alone, and of the sketch's with a share of another."""
    asked = [(one.question, one.queries) for one in found]
    start = time.process_time()
    crossed = [model.score(question, queries).astype(float) for question, queries in asked]
    ms = 1000 * (time.process_time() - start) / len(found)
    own, plain = [one.own for one in found], overlap_scores(asked, weights)
    table: dict[str, object] = {
        "questions": len(found),
        "cpu_ms_a_question": round(ms, 1),
        "sketch": figures(found, own),
        "features": figures(found, plain),
        "cross_encoder": figures(found, crossed),
    }
    for share in shares:
        for name, other in (("features", plain), ("cross_encoder", crossed)):
            both = [first + share * second for first, second in zip(own, other, strict=True)]
            table[f"sketch + {share} {name}"] = figures(found, both)
    return table


def mutated(groups: list[Group], model: CrossEncoder, weights: NDArray[np.float64]) -> dict[str, object]:
    """The right query among mutated ones and among other questions' queries, on databases left out."""
    table: dict[str, object] = {}
    for source in ("spider", "spider+"):
        part = [one for one in groups if one.source == source and left_out(one.database)]
        part = [_gold_first(one) for one in random.Random(0).sample(part, min(MUTATED, len(part)))]
        crossed = [model.score(one.question, one.queries).astype(float) for one in part]
        plain = overlap_scores([(one.question, list(one.queries)) for one in part], weights)
        for kind in ("mutated", "other"):
            for name, scores in (("cross_encoder", crossed), ("features", plain)):
                table[f"{source}, {kind}, {name}"] = measure(part, scores, ("gold", kind))
    return table


def _gold_first(group: Group) -> Group:
    """The group without what the generator offered; its first query is the gold one, whether it was offered or not."""
    kept = [place for place, origin in enumerate(group.origin) if place == 0 or origin in ("mutated", "other")]
    return replace(
        group,
        queries=tuple(group.queries[place] for place in kept),
        right=tuple(group.right[place] for place in kept),
        origin=tuple("gold" if place == 0 else group.origin[place] for place in kept),
        logits=(),
    )


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--groups", type=Path, required=True)
    parser.add_argument("--blind", type=Path, required=True, help="a sketch generator's weights, blind to half 0")
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="default: those in the repository")
    options = parser.parse_args()
    model, groups = CrossEncoder(options.weights), read_groups(options.groups)
    weights = fit_features(groups)
    examples = read_examples(SPIDER)
    half = folds(examples, 2, 0)
    blind = [one for one in examples if half[one.db_id] == 0 and left_out(one.db_id)]
    aside = compare(offers(blind, SketchGenerator(options.blind)), model, weights, list(SHARES))
    best = max(SHARES, key=lambda share: _value(aside[f"sketch + {share} cross_encoder"]))
    dev = compare(offers(read_examples(SPIDER, split="dev"), SketchGenerator()), model, weights, [best])
    found = {"left_out": aside, "share": best, "spider_dev": dev, "changed": mutated(groups, model, weights)}
    record("cross_encoder", found, seed=0, data={"groups": f"{len(groups)} groups"})


def _value(row: object) -> float:
    return float(row["ex"] + row["first_choice_auc"])  # type: ignore[index]


if __name__ == "__main__":
    main()
