"""Trains the tabular scorer's networks and writes ctxprune/scorers/structured/table_reading/weights.json.

    python benchmarks/training/tabular_weights.py

Trained on the tables that are not `is_held_out`: half of FeTaQA dev and of TAT-QA dev; and on WikiTableQuestions train.
`benchmarks/quality/tables.py` measures the rest. Under two minutes on one core.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

import ctxprune.scorers
from benchmarks.common.cell_networks import CellNetworks, Example, train
from benchmarks.common.record import SHARED
from ctxprune.rag.evaluation.table_sets import TableItem, is_held_out, read_table_items
from ctxprune.rag.tables import Table, TableOptions
from ctxprune.scorers.structured.table_reading.asked import ask
from ctxprune.scorers.structured.table_reading.column_features import COLUMN_FEATURES, column_features
from ctxprune.scorers.structured.table_reading.reading import TableReading
from ctxprune.scorers.structured.table_reading.row_features import ROW_FEATURES, row_features
from ctxprune.scorers.structured.table_reading.weights import FORMAT, VERSION, TabularWeights
from ctxprune.storage.sealed import seal_text

DATA = SHARED / "data" / "rag"
WEIGHTS = Path(ctxprune.scorers.__file__).parent / "structured" / "table_reading" / "weights.json"
SOURCES = {  # of each set its file, the weights of a question for rows and for columns, and whether half is held out
    "fetaqa": ("fetaqa/dev.jsonl.gz", (20.0, 40.0), True),
    "wikitablequestions": ("wikitablequestions/train_questions.jsonl.gz", (1.0, 1.0), False),
    "tatqa": ("tatqa/dev.jsonl.gz", (2.0, 3.0), True),
}


def main() -> None:
    examples = [example for name in SOURCES for example in examples_of(name)]
    networks = dict(zip(("rows", "columns"), train(CellNetworks(), examples), strict=True))
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "benchmarks/training/tabular_weights.py",
        "trained_on": "WikiTableQuestions train, half of FeTaQA dev (CC BY-SA 4.0), half of TAT-QA dev (CC BY 4.0)",
        "data": {file: fingerprint(file) for file, _, _ in SOURCES.values()},
        "features": {"rows": ROW_FEATURES, "columns": COLUMN_FEATURES},
        "networks": {name: network.to_dict() for name, network in networks.items()},
    }
    TabularWeights.from_dict(json.loads(json.dumps(document)))
    path = WEIGHTS
    path.write_text(seal_text(json.dumps(document, separators=(",", ":"))) + "\n", encoding="utf-8")
    sys.stderr.write(f"{len(examples)} questions, wrote {path.name}\n")


def examples_of(name: str, *, without: Collection[str] = ()) -> list[Example]:
    """Of a set the questions to train on, but those about the tables `without`."""
    file, weights, halved = SOURCES[name]
    items = read_table_items(DATA / file, lookup=name != "tatqa")
    return [
        example_of(item, weights)
        for item in items
        if not (halved and is_held_out(item.table)) and item.table not in without
    ]


def example_of(item: TableItem, weights: tuple[float, float]) -> Example:
    reading = reading_of(item.lines, item.header_rows, item.title)
    header_rows = len(item.lines) - reading.shape[0]
    cells = tuple(
        tuple((max(line - header_rows, -1), column) for line, column in alternatives) for alternatives in item.needed
    )
    asked = ask(item.question, reading)
    return Example(row_features(asked).astype("f4"), column_features(asked).astype("f4"), cells, weights)


@lru_cache(maxsize=64)
def reading_of(lines: tuple[tuple[str, ...], ...], header_rows: int | None, title: str) -> TableReading:
    return TableReading(Table(lines, TableOptions(header_rows=header_rows, title=title)).grids[0])


def fingerprint(file: str) -> str:
    return hashlib.sha256((DATA / file).read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    main()
