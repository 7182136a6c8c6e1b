"""Trains the ranked linker's networks on Spider, Spider-Syn and BIRD train and writes sql/linking/ranked.json.

    python benchmarks/training/linking_weights.py    # ranked.json, and benchmarks/results/linking_weights.json

Nothing but training questions and their databases is read: spider/train_spider.json, spider_syn/train_spider.json and
bird_train_mini, each as it is and again in harder ways (`PARTS`): without value hits or evidence, with abbreviated
names, among the tables of other databases. Scores that feed a later network come from networks that did not see the
question's database (four folds by database); figures are those of the held-out folds. Two minutes on one core. The
word vectors come first (benchmarks/training/word_vectors.py).
"""

from __future__ import annotations

import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.common.networks import Networks, train
from benchmarks.common.record import SHARED, record
from benchmarks.training._hard_schemas import abbreviated, merged
from ctxprune.errors import CtxpruneError
from ctxprune.policies import Request
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.linking.context import SchemaContext
from ctxprune.sql.linking.features import COLUMN_FEATURES, Question, column_features, sigmoid
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.linking.network import FORMAT, VERSION, LinkingWeights
from ctxprune.sql.linking.policy import JoinablePolicy
from ctxprune.sql.linking.ranked import final_features
from ctxprune.sql.linking.statistics import SchemaStatistics
from ctxprune.sql.linking.table_features import table_features
from ctxprune.sql.values import ValueIndex
from ctxprune.storage.sealed import seal_text

DATA = SHARED / "data" / "nl2sql"
FOLDS = 4
FIRST = Networks(hidden=16, epochs=8, decay=3e-4, seeds=(0, 1, 2))
TABLE = Networks(hidden=8, epochs=10, decay=1e-4, seeds=(0, 1, 2), batch=256)
FINAL = Networks(hidden=24, epochs=8, decay=5e-4, seeds=(0, 1, 2, 3, 4), worst=0.4)


@dataclass(frozen=True)
class Part:
    """Which training questions are asked how.

    Attributes:
        folder: Of the set.
        start, step: Every `step`-th question from `start`.
        weight: Of a question.
        hits: With value hits, where there is a database.
        evidence: With the evidence that came along.
        twins: Of abbreviated schemas that the questions take turns in; 0 for the schema as it is.
        merged: In a schema with the tables of two others of the same fold.
    """

    folder: str
    start: int
    step: int
    weight: float
    hits: bool = False
    evidence: bool = True
    twins: int = 0
    merged: bool = False


PARTS = (
    Part("spider", 0, 1, 0.5, hits=True),
    Part("spider", 0, 4, 0.5),
    Part("spider", 1, 4, 0.5, twins=2),
    Part("spider", 2, 8, 0.4, hits=True, merged=True),
    Part("spider_syn", 0, 2, 0.5, hits=True),
    Part("spider_syn", 3, 8, 0.5, twins=1),
    Part("bird_train_mini", 0, 1, 1.0),
    Part("bird_train_mini", 0, 1, 0.6, evidence=False),
    Part("bird_train_mini", 0, 1, 0.5, evidence=False, twins=2),
    Part("bird_train_mini", 0, 3, 0.4, merged=True),
)


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
    part: int


def main() -> None:
    examples, fingerprints = collect()
    weights, held_out = fit(examples)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "benchmarks/training/linking_weights.py",
        "trained_on": "Spider and BIRD train (CC BY-SA 4.0), Spider-Syn train (MIT)",
        "data": fingerprints,
        "features": COLUMN_FEATURES,
        "networks": {name: getattr(weights, name).to_dict() for name in ("first", "table", "final")},
    }
    path = Path(__file__).resolve().parents[2] / "sql" / "linking" / "ranked.json"
    path.write_text(seal_text(json.dumps(document, separators=(",", ":"))) + "\n", encoding="utf-8")
    record("linking_weights", {"questions": len(examples), "held_out": held_out}, seed=0, data=fingerprints)
    sys.stderr.write(f"{held_out}\n")


def collect() -> tuple[list[Example], dict[str, str]]:
    sources = {folder: Source(folder) for folder in dict.fromkeys(part.folder for part in PARTS)}
    examples = []
    for number, part in enumerate(PARTS):
        source = sources[part.folder]
        for count, (item, gold) in enumerate(source.labelled[part.start :: part.step]):
            statistics, labels = source.schema(item.db_id, gold, part, count)
            hits = source.hits(item) if part.hits else ()
            evidence = item.evidence if part.evidence else ""
            question = Question.read(item.question, evidence)
            examples.append(build(statistics, question, hits, labels, (fold_of(item.db_id), part.weight, number)))
    return examples, {f"{name} train": source.benchmark.fingerprint for name, source in sources.items()}


class Source:
    """A training set with its labels, value indexes and schema twins, each made once."""

    def __init__(self, folder: str) -> None:
        self.benchmark = load(DATA / folder, split="train")
        self.labelled = []
        for item in self.benchmark.items:
            with suppress(CtxpruneError):
                self.labelled.append((item, gold_links(item.gold, self.benchmark.schemas[item.db_id])))
        self._used = {item.db_id for item, _ in self.labelled}
        self._indexes: dict[str, ValueIndex] = {}
        self._statistics: dict[tuple[str, int | str], tuple[SchemaStatistics, object]] = {}

    def hits(self, item):
        path = self.benchmark.databases.get(item.db_id)
        if path is None:
            return ()
        if item.db_id not in self._indexes:
            with Database(path) as database:
                self._indexes[item.db_id] = ValueIndex.build(database)
        return self._indexes[item.db_id].lookup(item.question, item.evidence)

    def schema(self, name: str, gold, part: Part, count: int):
        """Statistics of the schema or of its twin, and the labels there."""
        key = (name, "merged" if part.merged else count % part.twins + 1 if part.twins else 0)
        if key not in self._statistics:
            self._statistics[key] = self._made(name, part, count)
        statistics, relabel = self._statistics[key]
        return statistics, relabel(gold) if relabel else gold

    def _made(self, name: str, part: Part, count: int):
        schema = self.benchmark.schemas[name]
        if part.merged:
            mates = [other for other in sorted(self._used) if fold_of(other) == fold_of(name)]
            return SchemaStatistics(merged(schema, [self.benchmark.schemas[other] for other in mates], 0)), None
        if part.twins:
            twin, relabel = abbreviated(schema, count % part.twins)
            return SchemaStatistics(twin), relabel
        return SchemaStatistics(schema), None


def fold_of(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS


def build(statistics: SchemaStatistics, question: Question, hits, gold, place: tuple[int, float, int]) -> Example:
    columns, tables = column_features(statistics, question, hits)
    return Example(
        statistics,
        columns.astype(np.float32),
        tables.astype(np.float32),
        np.array([ref in gold.columns for ref in statistics.refs]),
        np.array([table.name in gold.tables for table in statistics.schema.tables]),
        *place,
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
        "parts": held_out(examples, final_logits, table_logits),
    }
    return LinkingWeights(first, table, final), figures


def held_out(examples: list[Example], columns: list[np.ndarray], tables: list[np.ndarray]) -> list[dict]:
    """Strict recall and kept share of the default policy for each part, up to 500 questions, from held-out folds."""
    rows = []
    for number, part in enumerate(PARTS):
        chosen = [index for index, example in enumerate(examples) if example.part == number]
        chosen = chosen[:: max(len(chosen) // 500, 1)]
        pairs = [kept_by_default(examples[index], columns[index], tables[index]) for index in chosen]
        strict, share = (round(100 * float(np.mean(values)), 1) for values in zip(*pairs, strict=True))
        rows.append({**asdict(part), "items": len(chosen), "strict_recall": strict, "kept_share": share})
    return rows


def kept_by_default(example: Example, columns: np.ndarray, tables: np.ndarray) -> tuple[bool, float]:
    context = SchemaContext(example.statistics.schema, statistics=example.statistics)
    places = [*context.column_units, *context.table_units]
    scores, needed = np.zeros(len(places), np.float32), np.zeros(len(places), bool)
    scores[places] = sigmoid(np.concatenate([columns, tables]))
    needed[places] = np.concatenate([example.gold_columns, example.gold_tables])
    kept = JoinablePolicy().select(Request("", context, scores, np.zeros(len(places), np.int64))).kept
    return not (needed & ~kept).any(), float(kept[list(context.column_units)].mean())


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
    owner = np.repeat(np.arange(len(rows)), [len(labels[row]) for row in rows])
    return train(shape, stacked, np.concatenate([labels[row] for row in rows]).astype(float), weights, owner)


def log_loss(logits: list[np.ndarray], labels: list[np.ndarray]) -> float:
    values, truth = np.concatenate(logits), np.concatenate(labels)
    return round(float(np.mean(np.logaddexp(0, np.where(truth, -values, values)))), 5)


if __name__ == "__main__":
    main()
