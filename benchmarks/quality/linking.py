"""Schema linking inside a known database: the linkers against the baseline of character TF-IDF.

    python benchmarks/quality/linking.py [--sweep] [--embedding FOLDER]    # benchmarks/results/linking.json
    ctxprune bench linking --data DIR --json                       # the same for one linker and one set

Baseline: the ten best columns by cosine of character 3-5-gram TF-IDF, with all primary- and foreign-key columns of
their tables. A linker runs with its shipped defaults on every set; value hits come from the databases that are
present, and BIRD questions carry their evidence. Nothing here was trained on (benchmarks/training/linking_weights.py)
but by the eight weights of presql.v1, whose figures without the database are in linking_presql_weights.json.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.sql.evaluation.candidates import read_candidates
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import linking_cases, measure
from ctxprune.sql.linking import LINKERS, Linked
from ctxprune.sql.linking.embedding import EmbeddingLinker
from ctxprune.sql.linking.ngrams import NgramIndex
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.presql import PresqlLinker
from ctxprune.sql.linking.ranked import RankedLinker
from ctxprune.sql.linking.words import natural
from ctxprune.sql.schema.schema import ColumnRef

DATA = SHARED / "data" / "nl2sql"
SETS = ("spider", "spider_syn", "spider_dk", "bird_dev", "kaggledbqa")
PRESQL = {  # a strong and a small model; predictions for the same questions exist for these sets only
    "spider": (
        "spider_dev_candidates.jsonl",
        ("DAIL-SQL.gpt-4", "Artessay.Base.Qwen.Qwen2.5-Coder-7B-Instruct.VanillaLinker"),
    ),
    "bird_dev": (
        "bird_dev_candidates.jsonl",
        ("RSL-SQL.gpt-4o.step1", "Artessay.Base.Qwen.Qwen2.5-Coder-7B-Instruct.VanillaLinker"),
    ),
}
SWEEP = (1.0, 0.5, 0.4, 0.32, 0.25, 0.2, 0.15, 0.1)


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
    linkers = {"baseline: char TF-IDF@10 + keys": NgramBaseline(10)}
    linkers |= {name: LINKERS.get(name)() for name in ("lexical.v1", "ranked.v1")}
    if "--sweep" in sys.argv:
        linkers |= {f"ranked.v1, columns={limit}": RankedLinker(policy=JoinablePolicy(limit)) for limit in SWEEP}
    if "--embedding" in sys.argv:
        folder = sys.argv[sys.argv.index("--embedding") + 1]
        linkers[f"embedding.v1, {Path(folder).parent.name}"] = EmbeddingLinker.load(folder)
    figures, data = {}, {}
    for name in SETS:
        benchmark = load(DATA / name)
        data[name] = benchmark.fingerprint
        cases = linking_cases(benchmark)
        rows = {label: measure(by_name(linker), cases) for label, linker in linkers.items()}
        file, systems = PRESQL.get(name, ("", ()))
        for system in systems:
            candidates = read_candidates(DATA / "candidates" / file)
            data[file] = candidates.fingerprint
            rows[f"presql.v1, {system}"] = measure(with_sql(candidates.of(system, benchmark.items)), cases)
        figures[name] = {label: report.to_dict() for label, report in rows.items()}
        for label, row in figures[name].items():
            sys.stderr.write(
                f"{name:12} {label:50.50} strict {row['strict_recall']:6.2f} columns {row['column_recall']:6.2f} "
                f"tables {row['table_recall']:6.2f} kept {row['kept_share']:5.2f} {row['ms_per_question']} ms\n"
            )
    if "--sweep" not in sys.argv:
        record("linking", figures, seed=None, data=data)


def by_name(linker):
    return lambda case: case.link(linker)


def with_sql(sqls):
    linker = PresqlLinker()

    def link(case):
        given = [sqls[case.item.index]] if case.item.index in sqls else []
        return linker.link_sql(given, case.item.question, case.schema, hits=case.hits, evidence=case.evidence)

    return link


if __name__ == "__main__":
    main()
