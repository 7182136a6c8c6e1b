"""Cells that questions need, left when 25 and 50 % of a table's cells are kept: the tabular scorer, alone and with the
bundled model, beside BM25 rows, columns by overlap and chance.

    python benchmarks/quality/tables.py [--limit N] [--fresh]    # benchmarks/results/tables.json

A run that was ended goes on where it was, unless the weights or the data are others or `--fresh` is given.

FeTaQA and TAT-QA: the half of the tables not used for training (`is_held_out`); WikiTableQuestions: dev,
of whose tables none was seen. Every cell of the body counts, the header of kept columns is free; see
`ctxprune.rag.evaluation.tables.TableReport`. Those that run the model are measured on 200 questions of a set at most.
"hindsight" is the best choice of rows and columns for who knows the cells that are needed (FeTaQA).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools

import numpy as np

from benchmarks.common.parts import Parts, say
from benchmarks.common.record import SHARED, record
from benchmarks.training.tabular_weights import WEIGHTS
from ctxprune.rag.evaluation.table_sets import TableItem, is_held_out, read_table_items
from ctxprune.rag.evaluation.tables import BASELINES, Kept, build_keeper, measure_tables

DATA = SHARED / "data" / "rag"
SETS = {"fetaqa": "dev", "wikitablequestions": "dev_questions", "tatqa": "dev"}
WAYS = {
    "tabular.v1": build_keeper("tabular.v1"),
    "tabular_pruner.v1": build_keeper("tabular_pruner.v1"),
    "lexical.v1": build_keeper("lexical.v1"),
    "cascade.v1": build_keeper("cascade.v1"),
    **BASELINES,
}
SLOW = ("tabular_pruner.v1", "cascade.v1")
SLOW_LIMIT = 200  # questions of a set for those that run the model
WIDEST = 12  # columns, up to which all choices of columns are tried


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="questions of a set, evenly spread; for a quick look")
    parser.add_argument("--fresh", action="store_true", help="measure all anew; by default an ended run goes on")
    options = parser.parse_args()
    limit, parts = options.limit, Parts("tables", keep=not options.fresh)
    weights = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16]
    figures, data = [], {}
    for name, stem in SETS.items():
        path = DATA / name / f"{stem}.jsonl.gz"
        data[f"{name} {stem}"] = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        items = [item for item in read_table_items(path) if name == "wikitablequestions" or is_held_out(item.table)]
        items = spread(items, limit)
        few = spread(items, SLOW_LIMIT)
        runs = [(way, few if way in SLOW else items, keep) for way, keep in WAYS.items()]
        runs.append(("tabular.v1, the questions of tabular_pruner.v1", few, WAYS["tabular.v1"]))
        if name == "fetaqa":
            runs.append(("hindsight", items, hindsight))
        for way, chosen, keep in runs:
            what = (data[f"{name} {stem}"], len(chosen), weights)
            found = parts.row(f"{name}, {way}", what, lambda: measure_tables(chosen, keep).to_dict())  # noqa: B023
            figures.append({"set": name, "scorer": way, **found})
            say(f"{figures[-1]}")
    record("tables", figures, seed=0, data=data)


def spread(items: list[TableItem], limit: int | None) -> list[TableItem]:
    """At most `limit` items, evenly spread."""
    return items if limit is None else items[:: max(-(-len(items) // limit), 1)]


def hindsight(item: TableItem, table, share: float) -> Kept:
    """The rows and columns that hold most of the needed cells; all choices of columns up to `WIDEST` are tried."""
    grid = table.grids[0]
    header_rows = len(item.lines) - len(grid.rows)
    needed = np.zeros((len(item.lines), len(grid.header)))
    for ((line, column),) in item.needed:
        needed[line, column] += 1
    room = int(share * len(grid.rows) * len(grid.header) + 1e-9)
    best, most = Kept(frozenset(), frozenset()), -1.0
    for columns in column_choices(needed):
        gains = needed[header_rows:, columns].sum(axis=1)
        rows = np.argsort(-gains, kind="stable")[: room // len(columns)]
        worth = gains[rows].sum() + needed[:header_rows, columns].sum()
        if len(rows) and worth > most:
            best, most = Kept(frozenset(rows.tolist()), frozenset(columns)), worth
    return best


def column_choices(needed: np.ndarray):
    width = needed.shape[1]
    for count in range(1, width + 1):
        if width <= WIDEST:
            yield from map(list, itertools.combinations(range(width), count))
        else:
            yield np.argsort(-needed.sum(axis=0), kind="stable")[:count].tolist()


if __name__ == "__main__":
    main()
