"""Trains the tabular scorer's networks and writes ctxprune/scorers/_tabular/weights.json.

python benchmarks/tabular_weights.py    # weights.json, and benchmarks/results/tabular_weights.json
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

from _cell_networks import CellNetworks, Example, train
from _record import SHARED

from ctxprune.grid import Grid
from ctxprune.rag.evaluation.table_sets import held_out, read_table_items
from ctxprune.scorers._tabular.features import COLUMN_FEATURES, ROW_FEATURES, table_features
from ctxprune.scorers._tabular.reading import TableReading
from ctxprune.scorers._tabular.weights import FORMAT, VERSION, TabularWeights

DATA = SHARED / "data" / "rag"
SOURCES = {  # of each set its file, the weight of a question, and whether half of it is held out
    "fetaqa": ("fetaqa/dev.jsonl.gz", 6.0, True),
    "wikitablequestions": ("wikitablequestions/train_questions.jsonl.gz", 1.0, False),
    "tatqa": ("tatqa/dev.jsonl.gz", 1.0, True),
}


def main() -> None:
    examples = [example for name in SOURCES for example in examples_of(name)]
    networks = dict(zip(("rows", "columns"), train(CellNetworks(), examples), strict=True))
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made_by": "benchmarks/tabular_weights.py",
        "trained_on": "WikiTableQuestions train, half of FeTaQA dev (CC BY-SA 4.0), half of TAT-QA dev (CC BY 4.0)",
        "data": {file: fingerprint(file) for file, _, _ in SOURCES.values()},
        "features": {"rows": ROW_FEATURES, "columns": COLUMN_FEATURES},
        "networks": {name: network.to_dict() for name, network in networks.items()},
    }
    TabularWeights.from_dict(json.loads(json.dumps(document)))
    path = Path(table_features.__code__.co_filename).parent / "weights.json"
    path.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    sys.stderr.write(f"{len(examples)} questions, wrote {path.name}\n")


def examples_of(name: str) -> list[Example]:
    file, weight, halved = SOURCES[name]
    found, readings = [], {}
    for item in read_table_items(DATA / file, lookup=name != "tatqa"):
        if halved and held_out(item.table):
            continue
        if item.needed:
            if item.table not in readings:
                readings = {item.table: TableReading(grid_of(item))}
            rows, columns = table_features(item.question, readings[item.table])
            found.append(Example(rows.astype("f4"), columns.astype("f4"), item.needed, weight))
    return found


def grid_of(item) -> Grid:
    names = tuple(" / ".join(dict.fromkeys(filter(None, cells))) for cells in zip(*item.levels, strict=True))
    return Grid(names, item.rows, tuple(range(len(item.rows))), title=item.title)


def fingerprint(file: str) -> str:
    return hashlib.sha256((DATA / file).read_bytes()).hexdigest()[:16]


if __name__ == "__main__":
    main()
