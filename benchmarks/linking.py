"""Schema linking inside a known database: the ranked linker against the baseline of character TF-IDF.

    python benchmarks/linking.py [--sweep]    # benchmarks/results/linking.json

Baseline: the ten best columns by cosine of character 3-5-gram TF-IDF, with all primary- and foreign-key columns of
their tables. The linker runs with its shipped defaults on every set; value hits come from the databases that are
present, and BIRD questions carry their evidence. Nothing here was trained on (benchmarks/linking_weights.py).
"""

from __future__ import annotations

import statistics
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict

import numpy as np
from _record import SHARED, record

from ctxprune.errors import CtxpruneError
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import linking_scores
from ctxprune.sql.linking import Linked
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.linking.ngrams import NgramIndex
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.linking.words import natural
from ctxprune.sql.schema import ColumnRef
from ctxprune.sql.values import ValueIndex

DATA = SHARED / "data" / "nl2sql"
SETS = ("spider", "spider_syn", "spider_dk", "bird_dev", "kaggledbqa")
SWEEP = (0.5, 0.25, 0.16, 0.12, 0.1, 0.08, 0.06, 0.04)


class NgramBaseline:
    """The `k` best columns by character TF-IDF and the keys of their tables."""

    def __init__(self, k: int) -> None:
        self.k = k
        self._indexes: dict[int, NgramIndex] = {}

    def link(self, question, schema, *, hits=(), evidence=""):  # noqa: ARG002
        refs = list(schema.refs())
        if id(schema) not in self._indexes:
            texts = [f"{r.table} {natural(r.table)} {r.column} {natural(r.column)}" for r in refs]
            self._indexes[id(schema)] = NgramIndex(texts)
        values = self._indexes[id(schema)].score(f"{question} {evidence}")
        kept = {refs[index] for index in np.argsort(-values, kind="stable")[: self.k]}
        tables = {ref.table for ref in kept}
        for table in schema.tables:
            if table.name in tables:
                kept |= {ColumnRef(table.name, name) for name in table.primary_key}
        for key in schema.foreign_keys:
            for table, names in ((key.table, key.columns), (key.ref_table, key.ref_columns)):
                if table in tables:
                    kept |= {ColumnRef(table, name) for name in names}
        return Linked(schema.subset(kept), schema, dict(zip(refs, values.tolist(), strict=True)), {})


def main() -> None:
    linkers = {"baseline: char TF-IDF@10 + keys": NgramBaseline(10), "ranked.v1": RankedLinker()}
    if "--sweep" in sys.argv:
        linkers |= {f"ranked.v1, columns={limit}": RankedLinker(policy=JoinablePolicy(limit)) for limit in SWEEP}
    figures, data = {}, {}
    for name in SETS:
        benchmark = load(DATA / name)
        data[name] = benchmark.fingerprint
        items, hits, missing = prepare(benchmark)
        figures[name] = {"unlabelled": missing, "value_hits": sum(map(bool, hits))}
        for label, linker in linkers.items():
            figures[name][label] = row = run(linker, items, hits, benchmark.schemas)
            sys.stderr.write(
                f"{name:12} {label:32} strict {row['strict_recall']:5.1f} columns {row['column_recall']:5.1f} "
                f"tables {row['table_recall']:5.1f} kept {row['kept_share']:5.1f} p50 {row['ms_p50']} ms\n"
            )
    if "--sweep" not in sys.argv:
        record("linking", figures, seed=None, data=data)


def prepare(benchmark):
    """Labelled items, their value hits, and how many gold queries have no label."""
    items, hits, missing = [], [], 0
    with ExitStack() as stack:
        indexes = {}
        for item in benchmark.items:
            try:
                gold = gold_links(item.gold, benchmark.schemas[item.db_id])
            except CtxpruneError:
                missing += 1
                continue
            path = benchmark.databases.get(item.db_id)
            if path is not None and item.db_id not in indexes:
                database = stack.enter_context(Database(path))
                indexes[item.db_id] = ValueIndex.build(database)
                database.close()
            index = indexes.get(item.db_id)
            items.append((item, gold))
            hits.append(index.lookup(item.question, item.evidence) if index else [])
    return items, hits, missing


def run(linker, items, hits, schemas):
    pairs, times = [], []
    for (item, gold), found in zip(items, hits, strict=True):
        start = time.perf_counter()
        linked = linker.link(item.question, schemas[item.db_id], hits=found, evidence=item.evidence)
        times.append(1000 * (time.perf_counter() - start))
        pairs.append((linked, gold))
    scores = asdict(linking_scores(pairs))
    shares = {key: round(100 * value, 1) for key, value in scores.items() if isinstance(value, float) and value <= 1}
    tokens = {key: round(scores[key], 1) for key in ("tokens_before", "tokens_after")}
    tokens = {**tokens, "tokenizer": scores["tokenizer"]} if scores["tokenizer"] else {}
    times_ms = {"ms_p50": round(statistics.median(times), 2), "ms_max": round(max(times), 2)}
    return {"items": scores["items"], **shares, **tokens, **times_ms}


if __name__ == "__main__":
    main()
