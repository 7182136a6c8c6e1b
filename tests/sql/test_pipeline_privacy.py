"""No value of a private column comes into any prompt of any model, whatever the models write."""

from __future__ import annotations

import runpy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ctxprune.llm.langchain import as_chat_model
from ctxprune.sql import ColumnRef, Database, Pipeline, PipelineConfig
from ctxprune.sql.generate.prompt_styles import build_generator
from ctxprune.sql.knowledge import Note, Pair, Term
from ctxprune.sql.pipeline.steps.execute import Execute
from ctxprune.sql.repair.refine import ChatRefine
from ctxprune.sql.select.back_verify import BackVerifySelector
from ctxprune.sql.select.judge import JudgedSelector
from ctxprune.sql.select.unit_tests import UnitTestSelector
from ctxprune.sql.select.vote import VoteSelector
from ctxprune.sql.values.index import ValueIndex

TESTS = Path(__file__).parent
fakes = SimpleNamespace(**runpy.run_path(str(TESTS / "generate" / "chat_fakes.py")))
parts = SimpleNamespace(**runpy.run_path(str(TESTS / "pipeline_fakes.py")))

SECRET = ColumnRef("person", "email")
WRITTEN = (
    "SELECT email AS x FROM person",
    "SELECT contact FROM directory",
    "SELECT json_extract('{}', email) FROM person",
    "SELECT id FROM person WHERE email = 'canari'",
    "SELECT max(contact) FROM directory WHERE contact LIKE 'canari%'",
    "SELECT mail FROM person",
)
KNOWN = (
    Pair("Whose email is long?", "SELECT id FROM person WHERE email = 'canary-taught'"),
    Term("vip", "email = 'canary-term'"),
    Note("directory.contact", "such as canary-note"),
)
KINDS = (
    "Which columns does a SQL query",
    "split it into",
    "Parts of the question",
    "It gave ",
    "This query failed",
    "Write 5 short tests",
    "Which queries pass?",
    "the one question in plain words",
    "A or B",
)
REPLIES = {
    "Which columns does a SQL query": "person.email",
    "split it into": "1. Which emails are there?\n2. Whose is longest?",
    "short tests": "1. One row.",
    "Which queries pass?": "none",
    "in plain words": "Who?",
    "A or B": "B",
}
QUESTION = "Which person or vip has the email canari in the directory, and whose email is long?"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    path = tmp_path / "people.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT, email TEXT);"
            "CREATE VIEW directory AS SELECT name, email AS contact FROM person;"
            "INSERT INTO person VALUES (1, 'Ann', 'canary-one'), (2, 'Bob', 'canary-two'), (3, 'Cy', 'canary-three');"
        )
    with Database(path) as opened:
        yield opened


def asked(database: Database, private: tuple[ColumnRef, ...], **options: Any) -> str:
    """All prompts of one question."""
    turns = iter(range(10_000))

    def reply(prompt: str, _sampling: object, _turn: int) -> str:
        found = next((text for kind, text in REPLIES.items() if kind in prompt), "")
        return found or WRITTEN[next(turns) % len(WRITTEN)]

    model = fakes.FakeModel(reply)
    tests = UnitTestSelector(model, BackVerifySelector(model, VoteSelector(), below=1))
    styles = ("small", "mschema", "ddl", "compact", "skeleton", "decompose")
    writers = [build_generator(model, (style,)) for style in styles]
    config = PipelineConfig(private=private, candidates=6, full_budget=9_999)
    options = {"knowledge": KNOWN, "chat": model, "selector": JudgedSelector(model, tests, below=1), **options}
    pipeline = Pipeline(database, generators=writers, config=config, **options)
    # Refinement is no default, but its prompts must be as silent.
    refine = ChatRefine(as_chat_model(model))
    steps = [
        replace(step, repairers=(*step.repairers, refine)) if isinstance(step, Execute) else step
        for step in pipeline.steps
    ]
    answer = Pipeline.of_steps(pipeline.schema, steps, config=config).ask(QUESTION)
    everything = "\n".join([*model.prompts, *answer.trace.prompts])
    assert [kind for kind in KINDS if kind not in everything] == []
    return everything


def test_no_prompt_holds_a_private_value(database: Database) -> None:
    assert asked(database, ()).count("canary") > 20
    assert "canary" not in asked(database, (SECRET,))


def test_neither_do_those_of_an_index_or_look_up_of_ones_own(database: Database) -> None:
    index = ValueIndex.build(database)
    found = parts.Found(*(parts.hit("canary-hit", *place) for place in (SECRET, ("directory", "contact"))))
    for values in (index, found):
        assert "canary" not in asked(database, (SECRET,), values=values)


def test_what_an_index_hides_later_is_hidden_from_the_next_question_on(shop: Path) -> None:
    class Versions:
        hidden: tuple[ColumnRef, ...] = ()

        def lookup(self, _question: str, _evidence: str = "") -> list[Any]:
            return []

    values, writer = Versions(), parts.Writes("SELECT name FROM city", paths=("linked+values",))
    writer.wants_examples = True
    with Database(shop) as database:
        pipeline = parts.pipeline(database, writer, values=values, config=PipelineConfig(paths=("linked+values",)))

        def examples() -> list[Any]:
            pipeline.ask("Which cities are there?")
            return list(writer.requests[-1].schema.table("city").column("name").examples)

        assert "Paris" in examples()
        values.hidden = (ColumnRef("city", "name"),)
        assert examples() == []
        values.hidden = ()
        assert "Paris" in examples()
