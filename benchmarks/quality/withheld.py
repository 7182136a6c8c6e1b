"""Questions of callers who may not see one column: is an answer from another column told as such?

    python benchmarks/quality/withheld.py [--questions N]

Writes benchmarks/results/withheld.json. For each question of Spider's dev set (sampled, seeded) whose gold query uses
a column that is no key, one such column is hidden ("needed"), and then instead one that the gold query does not use
("not needed"). Told of both: how many answers come as "answered", with the step that speaks of withheld columns and
without it. Of "needed" none should; "not needed" shows what that costs.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import sys
from collections import Counter
from typing import TYPE_CHECKING

from benchmarks.common.record import SHARED, record
from ctxprune.errors import CtxpruneError
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.linking.gold import gold_links
from ctxprune.sql.pipeline.pipeline import Pipeline, PipelineConfig
from ctxprune.sql.pipeline.steps import NoteWithheld
from ctxprune.sql.values import ValueIndex

if TYPE_CHECKING:
    from ctxprune.sql.evaluation.datasets import Item
    from ctxprune.sql.schema.schema import ColumnRef, Schema

DATA = SHARED / "data" / "nl2sql" / "spider"
SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100)
    options = parser.parse_args()
    spider = load(DATA)
    items = sample_items(spider.present, options.questions, seed=SEED)
    counts: Counter[str] = Counter()
    for name in sorted({item.db_id for item in items}):
        with Database(spider.databases[name], isolated=False) as database:
            index = ValueIndex.build(database)
            for item in (item for item in items if item.db_id == name):
                count_answers(database, index, item, counts)
        sys.stderr.write(f"{name}: {dict(counts)}\n")
    data = {"spider dev": hashlib.sha256("\n".join(item.question for item in items).encode()).hexdigest()[:16]}
    figures = {
        case: {
            "questions": counts[case],
            "answered without the step": counts[f"{case}, before"],
            "answered with it": counts[f"{case}, after"],
        }
        for case in ("needed", "not needed")
    }
    record("withheld", figures, seed=SEED, data=data)


def count_answers(database: Database, index: ValueIndex, item: Item, counts: Counter[str]) -> None:
    """Ask one question with a needed column hidden, and with another one hidden."""
    schema = database.schema()
    try:
        gold = set(gold_links(item.gold, schema).columns)
    except CtxpruneError:  # a query that cannot be resolved names no columns
        return
    rng = random.Random(f"{SEED} {item.question}")
    for case, hidden in (("needed", choices(schema, gold)), ("not needed", choices(schema, set(schema.refs()) - gold))):
        if not hidden:
            continue
        gone = rng.choice(hidden)
        visible = schema.subset([ref for ref in schema.refs() if ref != gone])
        pipeline = Pipeline(database, values=index, config=PipelineConfig(schema=visible))
        steps = [step for step in pipeline.steps if not isinstance(step, NoteWithheld)]
        before = Pipeline.of_steps(pipeline.schema, steps, config=pipeline.config).ask(item.question)
        counts[case] += 1
        counts[f"{case}, before"] += before.outcome == "answered"
        counts[f"{case}, after"] += pipeline.ask(item.question).outcome == "answered"


def choices(schema: Schema, refs: set[ColumnRef]) -> list[ColumnRef]:
    """Those that are neither a primary key nor part of a foreign key, in the order of the schema."""
    keys = {(key.table, column) for key in schema.foreign_keys for column in key.columns}
    keys |= {(key.ref_table, column) for key in schema.foreign_keys for column in key.ref_columns}
    return [
        ref
        for ref in schema.refs()
        if ref in refs and tuple(ref) not in keys and not schema.table(ref.table).column(ref.column).primary_key
    ]


if __name__ == "__main__":
    main()
