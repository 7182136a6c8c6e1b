"""Prompt forms for a small chat model, measured on training items: one answer each, the whole schema.

    python benchmarks/chat_prompts.py MODEL.gguf      # benchmarks/results/chat_prompts.json

`ex` is of the statement as written, `ex_repaired` of the same statement after repair without a model. `SmallPrompt` is
the best of these forms. Answers are kept in a cache (--cache FILE).
"""

from __future__ import annotations

import argparse
import random
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from _record import SHARED, record

from ctxprune.errors import DatabaseError
from ctxprune.integrations.chat_models import LlamaCppModel
from ctxprune.sql.database import Database
from ctxprune.sql.evaluation.datasets import load, sample_items
from ctxprune.sql.evaluation.run import score
from ctxprune.sql.execution import GuardedRunner
from ctxprune.sql.generate.base import Request
from ctxprune.sql.generate.cache import CachedModel, GenerationCache
from ctxprune.sql.generate.chat import ChatGenerator
from ctxprune.sql.generate.model import Message
from ctxprune.sql.generate.prompts.small import SmallPrompt
from ctxprune.sql.guard import Guard
from ctxprune.sql.repair import mechanical_repairers
from ctxprune.sql.steps import Execute, State
from ctxprune.sql.values import ValueIndex

SEED, ITEMS = 1, 80
TAIL = "Answer with the SQL only."
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
    """`SmallPrompt` with something added."""

    base: SmallPrompt = field(default_factory=SmallPrompt)
    before: tuple[Message, ...] = ()
    advice: str = ""
    name: str = "variant"
    stop: tuple[str, ...] = ()

    def messages(self, request):
        (last,) = self.base.messages(request)
        return [*self.before, Message("user", last.content.replace(TAIL, f"{self.advice}{TAIL}"))]


@dataclass(frozen=True)
class Row:
    """One form to measure."""

    name: str
    prompt: Variant
    values: bool = False
    examples: int = 0


ROWS = (
    Row("CREATE TABLE, question, order", Variant()),
    Row("+ stored values", Variant(), values=True),
    Row("+ system message", Variant(before=(Message("system", "You are a SQLite expert."),))),
    Row(
        "+ three worked examples",
        Variant(
            before=tuple(
                turn for q, sql in SHOTS for turn in (Message("user", BOOKS.format(q)), Message("assistant", sql))
            )
        ),
    ),
    Row("compact schema", Variant(SmallPrompt("compact.v1"))),
    Row("M-Schema", Variant(SmallPrompt("mschema.v1"))),
    Row("+ three example values a column", Variant(), examples=3),
    Row("+ three example values, + stored values", Variant(), values=True, examples=3),
    Row(
        "+ stored values, 'select only what is asked'",
        Variant(advice="Select only the columns that the question asks for. "),
        values=True,
    ),
    Row(
        "+ stored values, 'use only the tables above'",
        Variant(advice="Use only the tables and columns above. "),
        values=True,
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache/ctxprune/generations.sqlite")
    parser.add_argument("--threads", type=int, default=1)
    words = parser.parse_args()
    bench = load(SHARED / "data" / "nl2sql" / "spider", split="train")
    model = CachedModel(LlamaCppModel(words.model, threads=words.threads), GenerationCache(words.cache))
    figures = {}
    with ExitStack() as stack:
        databases = {}
        for item in sample_items(bench.present, ITEMS + 12, seed=SEED):
            databases.setdefault(item.db_id, stack.enter_context(Database(bench.databases[item.db_id])))
        items = chosen(bench, databases)
        indexes = {name: ValueIndex.build(database) for name, database in databases.items()}
        for row in ROWS:
            figures[row.name] = measure(row, items, databases, indexes, model)
            sys.stderr.write(f"{row.name:46} {figures[row.name]}\n")
    document = {"model": words.model.name, "items": ITEMS, "rows": figures}
    record("chat_prompts", document, seed=SEED, data={"spider train": bench.fingerprint})


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


def measure(row, items, databases, indexes, model):
    right = repaired = ran = tokens = written = 0
    for item in items:
        database = databases[item.db_id]
        schema = database.with_examples(n=row.examples) if row.examples else database.schema()
        hits = indexes[item.db_id].lookup(item.question)
        request = Request(item.question, schema, hits=hits if row.values else (), path="full", n=1)
        (candidate,) = ChatGenerator(model, prompt=row.prompt).generate(request)
        tokens += candidate.tokens_in
        written += candidate.tokens_out
        state = State(item.question, database.schema(), hits=hits, candidates=(candidate,))
        runner = GuardedRunner(database, Guard("sqlite", database.schema()))
        plain = Execute(runner, rounds=0).run(state).executed[0]
        mended = Execute(runner, mechanical_repairers()).run(state).executed[0]
        ran += plain.result is not None
        right += plain.result is not None and score(database, item.gold, plain.sql)
        repaired += mended.result is not None and score(database, item.gold, mended.sql)
    n = len(items)
    return {
        "ex": round(100 * right / n, 2),
        "ex_repaired": round(100 * repaired / n, 2),
        "executable": round(100 * ran / n, 2),
        "tokens_in": round(tokens / n, 1),
        "tokens_out": round(written / n, 1),
    }


if __name__ == "__main__":
    main()
