"""Schema linking by the bundled model: ranked alone, pruner alone, both, at the same share of columns kept.

    python benchmarks/studies/linking_pruner.py [--model FOLDER] [--sweep]    # benchmarks/results/linking_pruner.json

For each share the shipped policy's limit on columns is moved until the mean share of the columns that are kept, keys
included, is at most that; the figure is strict recall in percent, None where even the highest limit keeps more. Value
hits come from the databases that are present, BIRD questions carry their evidence. Neither the model nor the networks
have seen these databases. "fit" is the pruner's share of the weight in a logistic regression on both log-odds, over the
training questions that were set aside when the model was trained (their databases were not). --sweep prints rows for
other weights of the pruner and records nothing. Four minutes on one idle core.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

import numpy as np

from benchmarks.common.record import SHARED, record
from ctxprune.policies import Request
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.linking import linking_cases
from ctxprune.sql.linking import PrunerLinker, SchemaContext
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.pruner import PrunerSchemaScorer
from ctxprune.sql.linking.ranked import RankedSchemaScorer
from ctxprune.sql.linking.ranked_pruner import RankedPrunerScorer, log_odds
from ctxprune.sql.linking.statistics import StatisticsCache
from ctxprune.sql.schema.schema import Schema
from ctxprune.train.examples import Example
from ctxprune.train.fusion import logistic
from ctxprune.train.mixture import split_examples

DATA = SHARED / "data" / "nl2sql"
SETS = ("bird_dev", "spider", "spider_syn", "spider_dk", "kaggledbqa")
SHARES = (10, 15, 20, 25, 30, 40, 50)
WEIGHTS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
STEPS = 16  # of the search for a limit
WIDE = 500  # columns


@dataclass
class Asked:
    """One question: its context, which units are needed, and what both scorers say."""

    context: SchemaContext
    needed: np.ndarray
    columns: np.ndarray
    ranked: np.ndarray
    pruner: np.ndarray
    told: np.ndarray
    ms: float


def main() -> None:
    folder = sys.argv[sys.argv.index("--model") + 1] if "--model" in sys.argv else None
    scorer = PrunerSchemaScorer(PrunerScorer(folder))
    figures, data = {}, {}
    for name in SETS:
        benchmark = load(DATA / name)
        data[name] = benchmark.fingerprint
        asked = collect(benchmark, scorer)
        rows = {"ranked.v1": [one.ranked for one in asked], "pruner.v1": [one.pruner for one in asked]}
        mixers = {"ranked_pruner.v1": RankedPrunerScorer(pruner=scorer)}
        if "--sweep" in sys.argv:
            mixers |= {f"ranked_pruner.v1, {w}": RankedPrunerScorer(pruner=scorer, weight=w) for w in WEIGHTS}
        for label, mixer in mixers.items():
            rows[label] = [mixer.mixed(one.ranked, one.told) for one in asked]
        ms = sorted(one.ms for one in asked)
        figures[name] = {
            "items": len(asked),
            "ms_of_the_model": round(median(ms), 1),
            "ms_of_the_model_p99": round(ms[int(0.99 * (len(ms) - 1))], 1),
            "rows": {label: report(asked, scores) for label, scores in rows.items()},
        }
        for label, row in figures[name]["rows"].items():
            sys.stderr.write(f"{name:10} {label:24} {row}\n")
    figures |= {"fit": {name: fit(name, scorer) for name in ("spider", "bird_train_mini")}, "wide": wide(scorer)}
    sys.stderr.write(f"{figures['fit']}\n{figures['wide']}\n")
    if "--sweep" not in sys.argv:
        data["model"] = scorer.model.fingerprint
        record("linking_pruner", figures, seed=None, data=data)


def collect(benchmark, scorer: PrunerSchemaScorer) -> list[Asked]:
    cases, cache, ranked = linking_cases(benchmark).cases, StatisticsCache(100), RankedSchemaScorer()
    asked = []
    for case in cases:
        statistics = cache.get(case.schema)
        context = SchemaContext(case.schema, hits=case.hits, evidence=case.evidence, statistics=statistics)
        needed = np.zeros(len(context.units), bool)
        needed[list(context.column_units)] = [ref in case.gold.columns for ref in statistics.refs]
        needed[list(context.table_units)] = [table.name in case.gold.tables for table in case.schema.tables]
        start = perf_counter()
        told = scorer.read(case.item.question, context)
        ms = 1e3 * (perf_counter() - start)
        first, columns = ranked.score(case.item.question, context), np.array(context.column_units, np.intp)
        asked.append(Asked(context, needed, columns, first, scorer.lifted(told, context), told, ms))
    return asked


def report(asked: list[Asked], scores: list[np.ndarray]) -> dict[str, object]:
    strict, kept = kept_by(JoinablePolicy(), asked, scores)
    found = {str(share): at_share(share, asked, scores) for share in SHARES}
    return {"strict_recall": round(strict, 2), "kept_share": round(kept, 2), "strict_recall_at": found}


def at_share(share: float, asked: list[Asked], scores: list[np.ndarray]) -> float | None:
    """Strict recall at the lowest limit that keeps at most `share` percent."""
    low, high, best = np.log(1e-4), np.log(1e3), None
    for _ in range(STEPS):
        middle = (low + high) / 2
        strict, kept = kept_by(replace(JoinablePolicy(), columns=float(np.exp(middle))), asked, scores)
        if kept > share:
            low = middle
        else:
            high, best = middle, round(strict, 2)
    return best


def kept_by(policy: JoinablePolicy, asked: list[Asked], scores: list[np.ndarray]) -> tuple[float, float]:
    strict, shares = [], []
    for one, values in zip(asked, scores, strict=True):
        kept = policy.select(Request("", one.context, values, np.zeros(0, np.int64))).kept
        strict.append(not (one.needed & ~kept).any())
        shares.append(kept[one.columns].mean() if len(one.columns) else 1.0)
    return 100 * float(np.mean(strict)), 100 * float(np.mean(shares))


def fit(folder: str, scorer: PrunerSchemaScorer) -> dict[str, object]:
    """Without value hits. Every question counts the same."""
    benchmark = load(DATA / folder, split="train")
    examples = [
        Example(str(number), "schema", " ".join(part for part in (item.question, item.evidence) if part), ())
        for number, item in enumerate(benchmark.items)
    ]
    _, aside = split_examples(examples, frozenset())
    items = tuple(benchmark.items[int(example.source)] for example in aside)
    asked = collect(replace(benchmark, items=items, databases={}), scorer)
    found: dict[str, object] = {"items": len(asked)}
    for name, of_columns in (("columns", True), ("tables", False)):
        rows, labels, weights = [], [], []
        for one in asked:
            chosen = np.isin(np.arange(len(one.ranked)), one.columns) == of_columns
            chosen &= ~np.isnan(one.told)
            odds = [log_odds(scores[chosen]) for scores in (one.ranked, one.told)]
            rows.append(np.column_stack([*odds, np.ones(chosen.sum())]))
            labels.append(one.needed[chosen].astype(float))
            weights.append(np.full(chosen.sum(), 1 / max(chosen.sum(), 1)))
        ranked, pruner, _ = logistic(*map(np.concatenate, (rows, labels, weights)), penalty=1e-5)
        found[name] = round(float(pruner / (ranked + pruner)), 2)
    return found


def wide(scorer: PrunerSchemaScorer) -> dict[str, object]:
    """Milliseconds of a question on the first tables of BIRD's training schemas that have 500 columns together."""
    benchmark = load(DATA / "bird_train_mini", split="train")
    tables, size = [], 0
    for name, schema in sorted(benchmark.schemas.items()):
        for table in schema.tables:
            if size < WIDE:
                tables.append(replace(table, name=f"{name} {table.name}"))
                size += len(table.columns)
    schema, linker = Schema("wide", tuple(tables)), PrunerLinker(scorer)
    linker.link("the first question reads the schema", schema)
    times = []
    for item in benchmark.items[:10]:
        start = perf_counter()
        linker.link(item.question, schema, evidence=item.evidence)
        times.append(1e3 * (perf_counter() - start))
    return {"columns": schema.n_columns, "tables": len(tables), "ms_per_question": round(median(times), 1)}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
