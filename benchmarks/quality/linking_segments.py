"""Linking over pooled databases with the schema that a chat model invents, against the pool alone.

    python benchmarks/quality/linking_segments.py MODEL.gguf --minutes 20    # benchmarks/results/linking_segments.json

CRUSH4SQL's BIRD pool, each question alone and with its evidence; the model reads the question alone. A sample of
questions in random order (seed 0), as many as the model answers in the given minutes (its answers are kept, so that a
second run goes on). The set's own segments, which a large model invented, stand beside them on the first `--others`
questions. The weight of the segments is chosen on the questions of three databases ("tuning"; the first ones by the
hash of their name) and reported on those of the other three ("reported").

What the segments add to the question alone is added to the scores with evidence too, as `SchemaPool` does: the model is
not shown the evidence. Its default weight is the one whose two figures of the tuning part, with evidence and without,
are best together for the small model ("default_weight"). Until all questions were asked, a sample of 69 had chosen 0.4,
and none beside evidence.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql.evaluation.pooled import load_pooled
from ctxprune.sql.linking.chat_segments import ChatSegments
from ctxprune.sql.linking.collective import invented_elements
from ctxprune.sql.linking.pool import SchemaPool

DATA = SHARED / "data" / "nl2sql" / "crush4sql"
SEED, WEIGHTS, TUNING = 0, (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8), 3
CURRENT = [[]]  # the segments of the question that is being read


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune-bench/generations.sqlite")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--others", type=int, default=822, help="questions with the segments of the set")
    parser.add_argument("--fill", action="store_true", help="only ask the model; records nothing")
    words = parser.parse_args()
    whole = load_pooled(DATA)
    model = CachedModel(LlamaCppModel(words.model, threads=1, context=1024), GenerationCache(words.cache))
    items = random.Random(SEED).sample(list(whole.items), len(whole.items))
    invented = ask(items, ChatSegments(model, seconds=200), words.minutes)
    sys.stderr.write(f"{len(invented)} questions have segments\n")
    if words.fill:
        return
    given = {item.question: invented_elements(item.segments) for item in items}
    asked = [item for item in items if item.question in invented]
    figures = {}
    for label, evidence in (("question", False), ("question and evidence", True)):
        figures[label] = {
            "small model": measure(whole, asked, invented, evidence=evidence),
            "segments of the set": measure(whole, items[: words.others], given, evidence=evidence),
        }
    rows = [figures[label]["small model"]["strict_at_20"] for label in figures]
    figures["default_weight"] = max(
        rows[0], key=lambda weight: (sum(row[weight]["tuning"] for row in rows), -float(weight))
    )
    figures["model"] = words.model.name
    record("linking_segments", figures, seed=SEED, data={"crush4sql": whole.fingerprint})


def ask(items, segments, minutes: float) -> dict[str, list[str]]:
    """The segments of each question, until the time is over."""
    found, end = {}, time.monotonic() + 60 * minutes
    for item in items:
        if time.monotonic() > end:
            break
        found[item.question] = segments(item.question)
    return found


def measure(whole, items, segments, *, evidence) -> dict[str, object]:
    """Share of questions (percent) all of whose columns are among the first 20, by weight of the segments."""
    order = sorted(
        {database_of(item) for item in whole.items}, key=lambda name: hashlib.sha256(name.encode()).hexdigest()
    )
    tuning = set(order[:TUNING])
    parts = {
        "tuning": [item for item in items if database_of(item) in tuning],
        "reported": [item for item in items if database_of(item) not in tuning],
    }
    rows = {}
    found = {
        name: [read(whole, item, segments[item.question], evidence) for item in part] for name, part in parts.items()
    }
    for weight in WEIGHTS:
        rows[weight] = {name: round(100 * strict(part, weight), 1) for name, part in found.items()}
        sys.stderr.write(f"{weight} {rows[weight]}\n")
    best = max(WEIGHTS, key=lambda weight: (rows[weight]["tuning"], -weight))
    return {
        "questions": {name: len(part) for name, part in parts.items()},
        "strict_at_20": {str(weight): row for weight, row in rows.items()},
        "chosen_weight": best,
        "reported": rows[best]["reported"],
        "pool_alone": rows[0.0]["reported"],
    }


@cache
def pool_of(schemas, weight: float) -> SchemaPool:
    return SchemaPool(schemas, segments=lambda _, __: CURRENT[0], weight=weight)


def read(whole, item, segments, evidence):
    """Gold columns, and for each column of the pool its score alone and what a weight of 1 adds to it."""
    CURRENT[0] = segments
    given = item.evidence if evidence else ""
    alone, without, more = (
        scores_of(pool_of(whole.schemas, weight).rank(item.question, told, k=10_000))
        for weight, told in ((0.0, given), (0.0, ""), (1.0, ""))
    )
    keys = [(database.lower(), ref.table.lower(), ref.column.lower()) for database, ref in alone]
    return item.columns, keys, np.array([[alone[key], more[key] - without[key]] for key in alone])


def scores_of(ranking) -> dict[object, float]:
    return {(one.database, one.ref): one.score for one in ranking.columns}


def strict(rows, weight: float) -> float:
    """Share of the questions whose columns are all among the first 20; sums are what `SchemaPool` makes of a weight."""
    hits = 0
    for gold, keys, scores in rows:
        best = np.argsort(-(scores[:, 0] + weight * scores[:, 1]), kind="stable")[:20]
        hits += gold <= {keys[index] for index in best}
    return hits / max(len(rows), 1)


def database_of(item) -> str:
    return min(database for database, _, _ in item.columns)


if __name__ == "__main__":
    main()
