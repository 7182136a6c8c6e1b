"""Prompt styles and generators for a small chat model, measured on training items: one answer each, the whole schema.

    python benchmarks/studies/chat_prompts.py MODEL.gguf      # benchmarks/results/chat_prompts.json

Items of Spider train, none of whose databases is in dev (seed 1, stratified by database); the rows that cost most are
measured on those with the smallest schemas, `items` says how many, and `against_small` compares on the same items,
repaired. `ex` is of the statement as written, `ex_repaired` of the same statement after repair without a model;
`seconds` is what an answer took when it was made. `SmallPrompt` and `DEFAULT_STYLES` in
`ctxprune.sql.generate.prompt_styles`
follow from these rows. Answers are kept in a cache (--cache FILE); with --offline nothing else answers, and rows that
need more are named in `left_out`.
"""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time

from benchmarks.common.meter import Meter
from benchmarks.common.record import SHARED, record
from ctxprune.errors import DatabaseError, ModelError
from ctxprune.llm.base import Message
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.chat_models import LlamaCppModel
from ctxprune.sql.database.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.examples import Example, ExampleStore
from ctxprune.sql.generate.prompt_styles import build_generator
from ctxprune.sql.generate.prompts.small import SmallPrompt
from ctxprune.sql.guard import Guard
from ctxprune.sql.guard.execution import GuardedRunner
from ctxprune.sql.pipeline.steps import Execute, State
from ctxprune.sql.repair import mechanical_repairers
from ctxprune.sql.values import ValueIndex

SEED, ITEMS = 1, 80
BOOKS = """CREATE TABLE author (
  author_id INTEGER PRIMARY KEY,
  name TEXT,
  country TEXT
);

CREATE TABLE book (
  book_id INTEGER PRIMARY KEY,
  title TEXT,
  author_id INTEGER,
  pages INTEGER,
  FOREIGN KEY (author_id) REFERENCES author (author_id)
);

Question: {}
Write one SQLite query that answers the question. Answer with the SQL only."""
SHOTS = (
    (
        "What are the titles of books by authors from Norway, longest first?",
        "SELECT T1.title FROM book AS T1 JOIN author AS T2 ON T1.author_id = T2.author_id "
        "WHERE T2.country = 'Norway' ORDER BY T1.pages DESC",
    ),
    ("Which authors have no book?", "SELECT name FROM author WHERE author_id NOT IN (SELECT author_id FROM book)"),
    (
        "Show the name of the author with the most books.",
        "SELECT T1.name FROM author AS T1 JOIN book AS T2 ON T1.author_id = T2.author_id "
        "GROUP BY T1.author_id ORDER BY COUNT(*) DESC LIMIT 1",
    ),
)


@dataclass(frozen=True)
class Variant:
    """`SmallPrompt` with something before it."""

    base: SmallPrompt = field(default_factory=SmallPrompt)
    before: tuple[Message, ...] = ()
    name: str = "variant"
    stop: tuple[str, ...] = ()

    def messages(self, request):
        return [*self.before, *self.base.messages(request)]


@dataclass(frozen=True)
class Row:
    """One way to measure: a style by name or a prompt, matched values or none, similar examples, how many items."""

    name: str
    style: str | Variant
    values: bool = True
    shots: int = 0
    items: int = ITEMS


FIXED = tuple(turn for q, sql in SHOTS for turn in (Message("user", BOOKS.format(q)), Message("assistant", sql)))
EXPERT = (Message("system", "You are a SQLite expert."),)
ROWS = (
    Row("small", "small"),
    Row("plain", "plain"),
    Row("plain + system message", Variant(before=EXPERT), values=False),
    Row("plain + three fixed examples", Variant(before=FIXED), values=False),
    Row("plain, compact schema", Variant(SmallPrompt("compact.v1")), values=False),
    Row("plain, M-Schema", Variant(SmallPrompt("mschema.v1")), values=False),
    Row("small + 2 similar examples", "small", shots=2, items=40),
    Row("skeleton", "skeleton", items=40),
    Row("mschema", "mschema", items=40),
    Row("compact", "compact", items=40),
    Row("ddl", "ddl", items=40),
    Row("decompose", "decompose", items=40),
)


@dataclass(frozen=True)
class ProcessorTime:
    """A local model whose new answers say how much processor time they took; none where it is offline."""

    model: LlamaCppModel
    offline: bool = False

    @property
    def fingerprint(self):
        return self.model.fingerprint

    def complete(self, messages, sampling):
        if self.offline:
            raise ModelError("the answer is not in the cache")
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
    parser.add_argument("--offline", action="store_true", help="only answers out of the cache")
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    local = ProcessorTime(LlamaCppModel(words.model, threads=words.threads), words.offline)
    model = CachedModel(local, GenerationCache(words.cache))
    rows = [row for row in ROWS if row.name in words.rows]
    meters = {row.name: Meter(model) for row in rows}
    store = ExampleStore(tuple(Example(i.question, i.gold, i.db_id) for i in bench.items), same_database=False)
    made = {row.name: [] for row in rows}
    left_out = []
    with ExitStack() as stack:
        databases = {}
        for item in sample_items(bench.present, ITEMS + 12, seed=SEED):
            databases.setdefault(item.db_id, stack.enter_context(Database(bench.databases[item.db_id])))
        indexes = {name: ValueIndex.build(database) for name, database in databases.items()}
        for number, item in enumerate(chosen(bench, databases)):
            for row in rows:
                if number < row.items and row.name not in left_out:
                    generator = writer(row, meters[row.name], store)
                    try:
                        verdict = measure(row, item, databases[item.db_id], indexes[item.db_id], generator)
                        made[row.name].append(verdict)
                    except ModelError:
                        left_out.append(row.name)
    figures = {name: summary(made[name], meters[name]) for name in made if name not in left_out}
    for name, figure in figures.items():
        pairs = [(new.repaired, old.repaired) for new, old in zip(made[name], made[rows[0].name], strict=False)]
        figure["against_small"] = {
            "won": sum(a and not b for a, b in pairs),
            "lost": sum(b and not a for a, b in pairs),
        }
        sys.stderr.write(f"{name:30} {figure}\n")
    if rows == list(ROWS):
        document = {"model": words.model.name, "rows": figures, "left_out": left_out}
        record("chat_prompts", document, seed=SEED, data={"spider train": bench.fingerprint})


def writer(row, model, store):
    """The generator of a row."""
    if isinstance(row.style, Variant):
        return ChatGenerator(model, prompt=row.style)
    return build_generator(model, (row.style,), examples=store if row.shots else None, shots=row.shots or 1)


def chosen(bench, databases):
    """The sample without the items whose reference fails; small schemas first, since a prompt's length is the cost."""
    working = []
    for item in sample_items(bench.present, ITEMS + 12, seed=SEED):
        try:
            score(databases[item.db_id], item.gold, item.gold)
        except DatabaseError:
            continue
        working.append(item)
    random.Random(0).shuffle(working)
    return sorted(working[:ITEMS], key=lambda item: databases[item.db_id].schema().n_columns)


@dataclass(frozen=True)
class Verdict:
    """One item: whether the statement ran, whether it is right, and whether it is right once repaired."""

    ran: bool
    right: bool
    repaired: bool


def measure(row, item, database, index, generator):
    hits = index.lookup(item.question)
    request = Request(item.question, database.schema(), hits=hits if row.values else (), path="full", n=1)
    runner = GuardedRunner(database, Guard("sqlite", database.schema()))
    bound = generator.with_runner(runner, private=False)
    (candidate,) = bound.generate(request)
    if candidate.failure is not None and candidate.failure.is_model:
        raise ModelError(candidate.error)
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
        "items": n,
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
