"""Prompt styles and generators for a small chat model, measured on training items: one answer each, the whole schema.

    python benchmarks/chat_prompts.py MODEL.gguf      # benchmarks/results/chat_prompts.json

60 items of Spider train, none of whose databases is in dev (seed 1, stratified by database). `ex` is of the statement
as written, `ex_repaired` of the same statement after repair without a model; `seconds` is the time that the model took
when the answers were made. `default` in `ctxprune.sql.generate.styles` follows from these rows. Answers are kept in a
cache (--cache FILE).
"""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from _record import SHARED, record
from chat_plain_vs_pipeline import Meter

from ctxprune.errors import DatabaseError
from ctxprune.integrations.chat_models import LlamaCppModel
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.execution import GuardedRunner
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.cache import CachedModel, GenerationCache
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.examples import Example, ExampleStore
from ctxprune.sql.generate.model import Message
from ctxprune.sql.generate.prompts.small import SmallPrompt
from ctxprune.sql.generate.styles import generator_of
from ctxprune.sql.guard import Guard
from ctxprune.sql.repair import mechanical_repairers
from ctxprune.sql.steps import Execute, State
from ctxprune.sql.values import ValueIndex

SEED, ITEMS = 1, 60


@dataclass(frozen=True)
class Expert:
    """`SmallPrompt` behind a system message."""

    base: SmallPrompt = field(default_factory=SmallPrompt)
    name: str = "expert"
    stop: tuple[str, ...] = ()

    def messages(self, request):
        return [Message("system", "You are a SQLite expert."), *self.base.messages(request)]


@dataclass(frozen=True)
class Row:
    """One way to measure; `shots` similar answered questions of other databases are shown, `stored` values a column."""

    name: str
    style: str
    values: bool = True
    shots: int = 0
    stored: int = 0


ROWS = (
    Row("small", "small"),
    Row("plain", "plain"),
    Row("small + 2 similar examples", "small", shots=2),
    Row("compact", "compact"),
    Row("mschema", "mschema"),
    Row("mschema, 3 values a column", "mschema", stored=3),
    Row("ddl", "ddl"),
    Row("skeleton", "skeleton"),
    Row("decompose", "decompose"),
    Row("small without matched values", "small", values=False),
    Row("small, 3 values a column", "small", stored=3),
    Row("small + system message", "expert"),
    Row("compact + 2 similar examples", "compact", shots=2),
    Row("skeleton + 2 similar examples", "skeleton", shots=2),
    Row("small + 4 similar examples", "small", shots=4),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", nargs="*", default=[row.name for row in ROWS], help="only these; records nothing")
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    model = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
    pairs = tuple(Example(item.question, item.gold, item.db_id) for item in bench.items)
    store = ExampleStore(pairs, same_database=False)
    figures, verdicts = {}, {}
    with ExitStack() as stack:
        databases = {}
        for item in sample_items(bench.present, ITEMS + 12, seed=SEED):
            databases.setdefault(item.db_id, stack.enter_context(Database(bench.databases[item.db_id])))
        items = chosen(bench, databases)
        indexes = {name: ValueIndex.build(database) for name, database in databases.items()}
        for row in ROWS:
            if row.name not in words.rows:
                continue
            meter = Meter(model)
            made = measure(row, items, databases, indexes, writer(row, meter, store))
            figures[row.name], verdicts[row.name] = summary(made, meter), made["repaired"]
            sys.stderr.write(f"{row.name:30} {figures[row.name]}\n")
    for name, row in figures.items():
        if "small" in verdicts:
            pairs = list(zip(verdicts[name], verdicts["small"], strict=True))
            row["against_small"] = {
                "won": sum(new and not old for new, old in pairs),
                "lost": sum(old and not new for new, old in pairs),
            }
    if len(figures) == len(ROWS):
        document = {"model": words.model.name, "items": ITEMS, "rows": figures}
        record("chat_prompts", document, seed=SEED, data={"spider train": bench.fingerprint})


def writer(row, model, store):
    """The generator of a row."""
    if row.style == "expert":
        return ChatGenerator(model, prompt=Expert())
    return generator_of(model, (row.style,), examples=store if row.shots else None, shots=row.shots or 1)


def chosen(bench, databases):
    """The sample without the items whose reference fails, database by database."""
    working = []
    for item in sample_items(bench.present, ITEMS + 12, seed=SEED):
        try:
            score(databases[item.db_id], item.gold, item.gold)
        except DatabaseError:
            continue
        working.append(item)
    random.Random(0).shuffle(working)
    return sorted(working[:ITEMS], key=lambda item: item.db_id)


def measure(row, items, databases, indexes, generator):
    """By item: whether the statement ran, whether it is right, and whether it is right once repaired."""
    ran, right, repaired = [], [], []
    for item in items:
        database = databases[item.db_id]
        schema = database.with_examples(n=row.stored) if row.stored else database.schema()
        hits = indexes[item.db_id].lookup(item.question)
        request = Request(item.question, schema, hits=hits if row.values else (), path="full", n=1)
        runner = GuardedRunner(database, Guard("sqlite", database.schema()))
        bound = generator.with_runner(runner, private=False) if hasattr(generator, "with_runner") else generator
        (candidate,) = bound.generate(request)
        state = State(item.question, database.schema(), hits=hits, candidates=(candidate,))
        plain = Execute(runner, rounds=0).run(state).executed[0]
        mended = Execute(runner, mechanical_repairers()).run(state).executed[0]
        ran.append(plain.result is not None)
        right.append(plain.result is not None and score(database, item.gold, plain.sql))
        repaired.append(mended.result is not None and score(database, item.gold, mended.sql))
    return {"ran": ran, "right": right, "repaired": repaired}


def summary(made, meter):
    n = len(made["ran"])
    return {
        "ex": round(100 * sum(made["right"]) / n, 2),
        "ex_repaired": round(100 * sum(made["repaired"]) / n, 2),
        "executable": round(100 * sum(made["ran"]) / n, 2),
        "calls": round(meter.calls / n, 2),
        "tokens_in": round(meter.tokens_in / n, 1),
        "tokens_out": round(meter.tokens_out / n, 1),
        "seconds": round(meter.ms / n / 1e3, 2),
    }


if __name__ == "__main__":
    main()
