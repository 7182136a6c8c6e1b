"""Prompt styles and generators for a small chat model, measured on training items: one answer each, the whole schema.

    python benchmarks/chat_prompts.py MODEL.gguf      # benchmarks/results/chat_prompts.json

40 items of Spider train, 4 of each of 10 databases (seed 1), none of which is in dev. `ex` is of the statement as
written, `ex_repaired` of the same statement after repair without a model; `seconds` is the processor time of the model
when the answers were made, database by database, so that a schema that several prompts begin with is read once.
`DEFAULT_STYLES` in `ctxprune.sql.generate.styles` follows from these rows. Answers are kept in a cache (--cache FILE).
"""

from __future__ import annotations

import argparse
import random
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time

from _meter import Meter
from _record import SHARED, record

from ctxprune.errors import DatabaseError
from ctxprune.integrations.chat_models import LlamaCppModel
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.execution import GuardedRunner
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.cache import CachedModel, GenerationCache
from ctxprune.sql.generate.examples import Example, ExampleStore
from ctxprune.sql.generate.styles import generator_of
from ctxprune.sql.guard import Guard
from ctxprune.sql.repair import mechanical_repairers
from ctxprune.sql.steps import Execute, State
from ctxprune.sql.values import ValueIndex

SEED, DATABASES, EACH = 1, 10, 4
LARGEST = 60  # columns; a larger schema would be the same test of patience for every row


@dataclass(frozen=True)
class Row:
    """One way to measure; `shots` similar answered questions of other databases are shown, `stored` values a column."""

    name: str
    style: str
    values: bool = True
    shots: int = 0
    stored: int = 0


# those that begin with the same text stand together
ROWS = (
    Row("small", "small"),
    Row("small without matched values", "small", values=False),
    Row("plain", "plain"),
    Row("small + 2 similar examples", "small", shots=2),
    Row("skeleton", "skeleton"),
    Row("decompose", "decompose"),
    Row("compact", "compact"),
    Row("mschema", "mschema", stored=3),
    Row("ddl", "ddl"),
    Row("small, 3 values a column", "small", stored=3),
)


@dataclass(frozen=True)
class ProcessorTime:
    """A local model whose answers say how much processor time they took, which a busy machine does not change."""

    model: LlamaCppModel

    @property
    def fingerprint(self):
        return self.model.fingerprint

    def complete(self, messages, sampling):
        start = process_time()
        answers = self.model.complete(messages, sampling)
        ms = (process_time() - start) * 1e3 / len(answers)
        return [replace(answer, ms=ms) for answer in answers]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rows", nargs="*", default=[row.name for row in ROWS], help="only these; records nothing")
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    local = ProcessorTime(LlamaCppModel(words.model, threads=words.threads))
    model = CachedModel(local, GenerationCache(words.cache))
    rows = [row for row in ROWS if row.name in words.rows]
    meters = {row.name: Meter(model) for row in rows}
    store = ExampleStore(tuple(Example(i.question, i.gold, i.db_id) for i in bench.items), same_database=False)
    made = {row.name: [] for row in rows}
    for items, database in chosen(bench):
        index = ValueIndex.build(database)
        for row in rows:
            generator = writer(row, meters[row.name], store)
            made[row.name] += [measure(row, item, database, index, generator) for item in items]
        sys.stderr.write(
            f"{items[0].db_id:30} {[(row.name, sum(v.repaired for v in made[row.name])) for row in rows]}\n"
        )
    figures = {row.name: summary(made[row.name], meters[row.name]) for row in rows}
    for name, figure in figures.items():
        pairs = [(new.repaired, old.repaired) for new, old in zip(made[name], made[rows[0].name], strict=True)]
        figure["against_small"] = {
            "won": sum(a and not b for a, b in pairs),
            "lost": sum(b and not a for a, b in pairs),
        }
        sys.stderr.write(f"{name:30} {figure}\n")
    if rows == list(ROWS):
        document = {"model": words.model.name, "items": DATABASES * EACH, "rows": figures}
        record("chat_prompts", document, seed=SEED, data={"spider train": bench.fingerprint})


def writer(row, model, store):
    """The generator of a row."""
    return generator_of(model, (row.style,), examples=store if row.shots else None, shots=row.shots or 1)


def chosen(bench):
    """Items and their open database, database by database; items whose reference fails are passed over."""
    rng = random.Random(SEED)
    found = 0
    names = sorted({item.db_id for item in bench.present})
    for name in rng.sample(names, len(names)):
        with Database(bench.databases[name]) as database:
            if database.schema().n_columns > LARGEST:
                continue
            own = [item for item in bench.present if item.db_id == name]
            working = [item for item in rng.sample(own, min(len(own), 3 * EACH)) if answers(database, item)]
            if len(working) >= EACH:
                yield working[:EACH], database
                found += 1
        if found == DATABASES:
            return


def answers(database, item):
    """Whether the reference runs."""
    try:
        return score(database, item.gold, item.gold)
    except DatabaseError:
        return False


@dataclass(frozen=True)
class Verdict:
    """One item: whether the statement ran, whether it is right, and whether it is right once repaired."""

    ran: bool
    right: bool
    repaired: bool


def measure(row, item, database, index, generator):
    schema = database.with_examples(n=row.stored) if row.stored else database.schema()
    hits = index.lookup(item.question)
    request = Request(item.question, schema, hits=hits if row.values else (), path="full", n=1)
    runner = GuardedRunner(database, Guard("sqlite", database.schema()))
    bound = generator.with_runner(runner, private=False) if hasattr(generator, "with_runner") else generator
    (candidate,) = bound.generate(request)
    state = State(item.question, database.schema(), hits=hits, candidates=(candidate,))
    plain = Execute(runner, rounds=0).run(state).executed[0]
    mended = Execute(runner, mechanical_repairers()).run(state).executed[0]
    return Verdict(
        ran=plain.result is not None,
        right=plain.result is not None and score(database, item.gold, plain.sql),
        repaired=mended.result is not None and score(database, item.gold, mended.sql),
    )


def summary(verdicts, meter):
    n = len(verdicts)
    return {
        "ex": round(100 * sum(verdict.right for verdict in verdicts) / n, 2),
        "ex_repaired": round(100 * sum(verdict.repaired for verdict in verdicts) / n, 2),
        "executable": round(100 * sum(verdict.ran for verdict in verdicts) / n, 2),
        "calls": round(meter.calls / n, 2),
        "tokens_in": round(meter.tokens_in / n, 1),
        "tokens_out": round(meter.tokens_out / n, 1),
        "seconds": round(meter.ms / n / 1e3, 2),
    }


if __name__ == "__main__":
    main()
