"""Linking over pooled databases: which columns and tables of all databases a question needs, without a model.

    python benchmarks/quality/linking_pooled.py    # benchmarks/results/linking_pooled.json

Rows, on CRUSH4SQL's BIRD pool (question alone, and with evidence) and on the pool of all tables of Spider: random
order; character 3-5-gram TF-IDF and BM25 (k1 1.2, b 0.75, stems) over database, table and column names; the greedy
cover of CRUSH4SQL over n-grams, its segments being content phrases of the question or, where the set has one, the
schema that a language model invented for it; and the pool with its shipped defaults, which was trained on none of these
questions (benchmarks/training/pooled_weights.py). For the baselines a table scores as its best column, a database as
its best
table. Times are wall-clock on one thread; those over the largest published lists of elements stand under "times".
"""

from __future__ import annotations

import json
import os
import random
import statistics
import sys
import time
from abc import ABC, abstractmethod
from collections import defaultdict

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.context.base import Unit
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.sql.evaluation.pooled import load_pooled, pooled, read_elements
from ctxprune.sql.linking.collective import content_phrases, greedy_cover, invented_elements
from ctxprune.sql.linking.ngrams import NgramIndex
from ctxprune.sql.linking.pool import PooledColumn, PooledDatabase, PooledTable, PoolRanking, SchemaPool
from ctxprune.sql.linking.words import natural
from ctxprune.sql.schema.schema import Column, Schema, Table

DATA = SHARED / "data" / "nl2sql"
RUNS = (("crush4sql", False), ("crush4sql", True), ("spider", False))
SEED = 0


class Flat(ABC):
    """A ranker that scores every column of the pool by itself."""

    def __init__(self, schemas) -> None:
        self.elements = [(schema.name, ref) for schema in schemas for ref in schema.refs()]
        self.texts = [f"{natural(name)} {natural(ref.table)} {natural(ref.column)}" for name, ref in self.elements]

    @abstractmethod
    def scores(self, question: str, evidence: str) -> np.ndarray: ...

    def rank(self, question: str, evidence: str = "", *, k: int = 50) -> PoolRanking:
        scores = self.scores(question, evidence)
        columns, tables, databases = [], {}, {}
        for index in np.argsort(-scores, kind="stable").tolist():
            name, ref = self.elements[index]
            score = float(scores[index])
            columns.append(PooledColumn(name, ref, score))
            tables.setdefault((name, ref.table), score)
            databases.setdefault(name, score)
        return PoolRanking(
            tuple(columns[:k]),
            tuple(PooledTable(*table, score) for table, score in list(tables.items())[:k]),
            tuple(PooledDatabase(name, score) for name, score in databases.items()),
        )


class Random(Flat):
    def scores(self, question, evidence):  # noqa: ARG002
        rng = random.Random(f"{SEED} {question}")
        return np.array([rng.random() for _ in self.elements])


class Ngrams(Flat):
    def __init__(self, schemas) -> None:
        super().__init__(schemas)
        self.index = NgramIndex(self.texts)

    def scores(self, question, evidence):
        return self.index.score(f"{question} {evidence}")


class Bm25(Flat):
    def __init__(self, schemas) -> None:
        super().__init__(schemas)
        self.units = tuple(Unit(text) for text in self.texts)
        self.scorer = LexicalScorer(k1=1.2, b=0.75)

    def scores(self, question, evidence):
        return self.scorer.score(f"{question} {evidence}", self)


class Collective(Ngrams):
    """What was not chosen follows by its n-grams."""

    def __init__(self, schemas, segments, candidates: int) -> None:
        super().__init__(schemas)
        self.segments, self.candidates = segments, candidates

    def scores(self, question, evidence):
        segments = self.segments(question, evidence)
        scores = super().scores(question, evidence)
        if segments:
            cosines = np.stack([self.index.score(segment) for segment in segments])
            picks = greedy_cover(cosines, self.candidates, candidates=self.candidates)
            for turn, pick in enumerate(picks):
                scores[pick.element] = 1 + len(picks) - turn
        return scores


def main() -> None:
    figures, data = {}, {}
    for folder, evidence in RUNS:
        whole = load_pooled(DATA / folder)
        data[folder] = whole.fingerprint
        label = f"{folder}, question and evidence" if evidence else f"{folder}, question"
        figures[label] = {}
        for name, ranker in rankers(whole).items():
            report = pooled(DATA / folder, ranker=ranker, evidence=evidence)
            figures[label][name] = {
                key: value for key, value in report.items() if key not in ("set", "data", "evidence")
            }
            sys.stderr.write(
                f"{label:34} {name:36} columns {report['recall_at']} strict {report['strict_at']} "
                f"tables {report['tables_at']} {report['ms_per_question']} ms\n"
            )
    figures["times"] = times()
    sys.stderr.write(f"{figures['times']}\n")
    record("linking_pooled", figures, seed=SEED, data=data)


def rankers(whole) -> dict[str, object]:
    invented = {item.question: invented_elements(item.segments) for item in whole.items}
    rows = {
        "random": Random(whole.schemas),
        "char TF-IDF": Ngrams(whole.schemas),
        "BM25": Bm25(whole.schemas),
        "collective, content phrases": Collective(whole.schemas, content_phrases, 200),
        "pool": SchemaPool(whole.schemas),
    }
    if any(invented.values()):
        both = lambda question, evidence: [question, *content_phrases(evidence), *invented[question]]  # noqa: E731
        rows["collective, invented schema"] = Collective(whole.schemas, lambda question, _: invented[question], 200)
        rows["collective, question and invented schema"] = Collective(whole.schemas, both, 200)
    return rows


def times() -> dict[str, object]:
    """Milliseconds a question over the largest published lists of elements, and seconds to prepare the pool."""
    questions = {
        "spider": [item.question for item in load_pooled(DATA / "spider").items][::5],
        "socialdb": [item.question for item in load_pooled(DATA / "crush4sql").items][::8],
    }
    union = (DATA / "crush4sql" / "spider_UNION.txt").read_text(encoding="utf-8")
    pools = {"spider": read_elements(union.splitlines()), "socialdb": socialdb()}
    found = {}
    for name, schemas in pools.items():
        start = time.perf_counter()
        pool = SchemaPool(schemas)
        built = time.perf_counter() - start
        taken = []
        for question in questions[name]:
            start = time.perf_counter()
            pool.rank(question)
            taken.append(1000 * (time.perf_counter() - start))
        found[name] = {
            "columns": sum(schema.n_columns for schema in schemas),
            "databases": len(schemas),
            "questions": len(taken),
            "build_s": round(built, 2),
            "ms_p50": round(statistics.median(taken), 2),
            "ms_p95": round(sorted(taken)[int(0.95 * len(taken))], 2),
        }
    return found


def socialdb() -> list[Schema]:
    """SocialDB: its publishers are the databases, its data sets the tables."""
    entries = json.loads((DATA / "crush4sql" / "socialdb" / "ndap_super.json").read_text(encoding="utf-8"))
    sources = defaultdict(list)
    for number, entry in entries.items():
        columns = tuple(map(Column, dict.fromkeys(map(str, entry["columns"]))))
        sources[entry["source"]].append(Table(f"{entry['name']} {number}", columns))
    return [Schema(source, tuple(tables)) for source, tables in sources.items()]


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
