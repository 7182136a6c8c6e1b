"""Trains the ranked linker's networks on Spider, Spider-Syn and BIRD train and writes sql/linking/ranked.json.

    python benchmarks/linking_weights.py    # ranked.json, and benchmarks/results/linking_weights.json

Nothing but training questions and their databases is read: spider/train_spider.json (with value hits, and a third of it
again without, for databases that have no index), spider_syn/train_spider.json and bird_train_mini. Scores that feed a
later network come from networks that did not see the question's database (four folds by database); figures are those of
the held-out folds. Two minutes on one core.
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _networks import Networks, train
from _record import SHARED, record

from ctxprune.errors import CtxpruneError
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.features import COLUMN_FEATURES, Question, column_features, table_features
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.linking.network import FORMAT, LinkingWeights
from ctxprune.sql.linking.ranked import final_features
from ctxprune.sql.linking.statistics import SchemaStatistics
from ctxprune.sql.values import ValueIndex

DATA = SHARED / "data" / "nl2sql"
FOLDS = 4
SETS = (  # folder, one question in how many, weight of a question, with value hits
    ("spider", 1, 0.5, True),
    ("spider", 3, 0.5, False),
    ("spider_syn", 1, 0.25, True),
    ("bird_train_mini", 1, 1.0, False),
)
FIRST = Networks(hidden=16, epochs=12, decay=3e-4, seeds=(0,))
TABLE = Networks(hidden=8, epochs=20, decay=1e-4, seeds=(0, 1))
FINAL = Networks(hidden=32, epochs=12, decay=5e-4, seeds=(0, 1, 2))


@dataclass
class Example:
    """One question with the features and labels of all columns and tables of its schema."""

    statistics: SchemaStatistics
    columns: np.ndarray
    tables: np.ndarray
    gold_columns: np.ndarray
    gold_tables: np.ndarray
    fold: int
    weight: float


def main() -> None:
    examples, fingerprints = collect()
    weights, held_out = fit(examples)
    document = {
        "format": FORMAT,
        "version": 1,
        "made_by": "benchmarks/linking_weights.py",
        "trained_on": "Spider and BIRD train (CC BY-SA 4.0), Spider-Syn train (MIT)",
        "data": fingerprints,
        "features": COLUMN_FEATURES,
        "networks": {name: getattr(weights, name).to_dict() for name in ("first", "table", "final")},
    }
    path = Path(__file__).resolve().parent.parent / "sql" / "linking" / "ranked.json"
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    record("linking_weights", {"questions": len(examples), "held_out": held_out}, seed=0, data=fingerprints)
    sys.stderr.write(f"{held_out}\n")


def collect() -> tuple[list[Example], dict[str, str]]:
    examples: list[Example] = []
    fingerprints = {}
    with ExitStack() as stack:
        indexes: dict[Path, ValueIndex] = {}
        statistics: dict[tuple[str, str], SchemaStatistics] = {}
        for folder, step, weight, with_hits in SETS:
            benchmark = load(DATA / folder, split="train")
            fingerprints[f"{folder} train"] = benchmark.fingerprint
            for item in benchmark.items[::step]:
                schema = benchmark.schemas[item.db_id]
                key = (benchmark.name, item.db_id)
                if key not in statistics:
                    statistics[key] = SchemaStatistics(schema)
                path = benchmark.databases.get(item.db_id) if with_hits else None
                if path is not None and path not in indexes:
                    database = stack.enter_context(Database(path))
                    indexes[path] = ValueIndex.build(database)
                    database.close()
                hits = indexes[path].lookup(item.question, item.evidence) if path is not None else ()
                example = build(statistics[key], item, hits, weight)
                if example is not None:
                    examples.append(example)
    return examples, fingerprints


def build(statistics: SchemaStatistics, item, hits, weight: float) -> Example | None:
    schema = statistics.schema
    try:
        gold = gold_links(item.gold, schema)
    except CtxpruneError:
        return None
    columns, tables = column_features(statistics, Question.read(item.question, item.evidence), hits)
    return Example(
        statistics,
        columns.astype(np.float32),
        tables.astype(np.float32),
        np.array([ref in gold.columns for ref in statistics.refs]),
        np.array([table.name in gold.tables for table in schema.tables]),
        int(hashlib.sha256(item.db_id.encode()).hexdigest(), 16) % FOLDS,
        weight,
    )


def fit(examples: list[Example]) -> tuple[LinkingWeights, dict[str, float]]:
    columns = [example.columns.astype(float) for example in examples]
    gold_columns = [example.gold_columns for example in examples]
    gold_tables = [example.gold_tables for example in examples]
    first, first_logits = stage(FIRST, examples, columns, gold_columns)
    tables = [
        table_features(example.statistics, example.tables.astype(float), column, logits)
        for example, column, logits in zip(examples, columns, first_logits, strict=True)
    ]
    table, table_logits = stage(TABLE, examples, tables, gold_tables)
    inputs = [
        final_features(example.statistics, column, logits, tables_of)
        for example, column, logits, tables_of in zip(examples, columns, first_logits, table_logits, strict=True)
    ]
    final, final_logits = stage(FINAL, examples, inputs, gold_columns)
    figures = {
        "log_loss_columns": log_loss(final_logits, gold_columns),
        "log_loss_columns_first": log_loss(first_logits, gold_columns),
        "log_loss_tables": log_loss(table_logits, gold_tables),
    }
    return LinkingWeights(first, table, final), figures


def stage(shape: Networks, examples: list[Example], inputs: list[np.ndarray], labels: list[np.ndarray]):
    """A network trained on everything, and the logits that networks without the example's fold give."""
    logits: list[np.ndarray] = [np.zeros(0)] * len(examples)
    for fold in range(FOLDS):
        rows = [number for number, example in enumerate(examples) if example.fold != fold]
        network = fitted(shape, examples, inputs, labels, rows)
        for number, example in enumerate(examples):
            if example.fold == fold:
                logits[number] = network(inputs[number])
    return fitted(shape, examples, inputs, labels, range(len(examples))), logits


def fitted(shape: Networks, examples, inputs, labels, rows):
    weights = np.concatenate([np.full(len(labels[row]), examples[row].weight) for row in rows])
    stacked = np.concatenate([inputs[row] for row in rows])
    return train(shape, stacked, np.concatenate([labels[row] for row in rows]).astype(float), weights)


def log_loss(logits: list[np.ndarray], labels: list[np.ndarray]) -> float:
    values, truth = np.concatenate(logits), np.concatenate(labels)
    return round(float(np.mean(np.logaddexp(0, np.where(truth, -values, values)))), 5)


if __name__ == "__main__":
    main()
