"""What holds for every registered linker, whatever it is made of."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest

from ctxprune.llm.base import ChatAnswer
from ctxprune.sql.linking import LINKERS, Linked, Linker
from ctxprune.sql.linking.carried import CarriedLinker
from ctxprune.sql.linking.chat import ChatLinker
from ctxprune.sql.linking.embedding import EmbeddingLinker, EmbeddingSchemaScorer
from ctxprune.sql.linking.lexical import LexicalLinker
from ctxprune.sql.render import RENDERERS, render
from ctxprune.sql.schema.schema import Column, ColumnRef, ForeignKey, Schema, Table
from ctxprune.sql.values.base import ValueHit
from ctxprune.tokens import as_counter


class Model:
    """Always names the same column, and one that is not there."""

    fingerprint = "fake"

    def complete(self, messages: list, sampling: object) -> list[ChatAnswer]:
        return [ChatAnswer("member.full_name\nmember.gone", 1, 1, 1.0)]


def letters(texts: list[str]) -> np.ndarray:
    """Stands in for an embedding model: counts of two-letter sequences."""
    vectors = np.zeros((len(texts), 1024))
    for row, text in enumerate(texts):
        low = text.lower()
        for one, other in pairwise(low):
            vectors[row, (31 * ord(one) + ord(other)) % 1024] += 1
    return vectors


MAKE: dict[str, Callable[[], Linker]] = {
    "carried.v1": lambda: CarriedLinker(LexicalLinker(), (ColumnRef("member", "full_name"), ColumnRef("gone", "name"))),
    "chat.v1": lambda: ChatLinker(Model(), LexicalLinker()),
    "embedding.v1": lambda: EmbeddingLinker(EmbeddingSchemaScorer(letters)),
}
NAMES = LINKERS.names()
HITS = [
    ValueHit(ColumnRef("book", "title"), "Emma", (26, 30), 1.0, "exact"),
    ValueHit(ColumnRef("gone", "title"), "Emma", (26, 30), 1.0, "exact"),
]
QUESTION = "Which author wrote the book Emma?"


@pytest.fixture(scope="module", params=NAMES)
def linker(request: pytest.FixtureRequest) -> Linker:
    return MAKE.get(request.param, LINKERS.get(request.param))()


def check(linked: Linked, schema: Schema) -> None:
    """The contract of `Linked`."""
    order = list(schema.refs())
    places = [order.index(ref) for ref in linked.schema.refs()]
    assert places == sorted(places)
    assert linked.full is schema
    tables = [table.name for table in schema.tables]
    assert [name for name in tables if name in linked.schema] == [table.name for table in linked.schema.tables]
    assert set(linked.reasons) == linked.kept
    assert all(reasons and all(reasons) for reasons in linked.reasons.values())
    assert list(linked.scores) == order
    assert list(linked.table_scores) == tables
    assert all(0 <= score <= 1 for score in (*linked.scores.values(), *linked.table_scores.values()))
    assert all(key.table in linked.schema and key.ref_table in linked.schema for key in linked.schema.foreign_keys)
    assert linked.detailed is None or linked.detailed <= linked.kept
    counter = as_counter()
    assert linked.tokenizer == counter.name
    assert linked.tokens_before == counter.count(render(schema))
    assert linked.tokens_after == counter.count(render(linked.schema))


@pytest.mark.parametrize("evidence", ["", "Emma refers to `title`"])
@pytest.mark.parametrize("hits", [(), HITS], ids=["no hits", "hits"])
def test_the_contract(linker: Linker, library: Schema, evidence: str, hits: list[ValueHit]):
    linked = linker.link(QUESTION, library, hits=hits, evidence=evidence)
    check(linked, library)
    assert {ColumnRef("book", "title"), ColumnRef("author", "author_id"), ColumnRef("wrote", "book_id")} <= linked.kept
    assert linked.scores[ColumnRef("author", "author_id")] > linked.scores[ColumnRef("weather", "rain_mm")]
    assert list(linked.hits) == list(hits)
    for form in RENDERERS.names():
        text = render(linked.schema, form, hits=hits)
        assert all(table.name in text for table in linked.schema.tables)


@pytest.mark.parametrize("question", ["", " \n", "???", "的", "\x00'; DROP TABLE book; --", "x" * 30_000])
def test_odd_questions(linker: Linker, library: Schema, question: str):
    linked = linker.link(question, library)
    check(linked, library)
    assert linked.kept
    if not question.strip():
        assert linked.kept == set(library.refs())


def test_evidence_alone(linker: Linker, library: Schema):
    linked = linker.link("", library, evidence=QUESTION)
    check(linked, library)
    assert ColumnRef("book", "title") in linked.kept


@pytest.mark.parametrize(
    "schema",
    [
        Schema("none", ()),
        Schema("bare", (Table("t", ()), Table("u", ()))),
        Schema("odd", (Table("%", (Column("", "TEXT"), Column("a.b"), Column('"'))),)),
        Schema("twins", (Table("A", (Column("id", primary_key=True),)), Table("a", (Column("id"), Column("ID"))))),
        Schema("loop", (Table("t", (Column("id"), Column("up"))),), (ForeignKey("t", ("up",), "t", ("id",)),)),
    ],
    ids=["no table", "no column", "odd names", "names in two cases", "key to itself"],
)
def test_odd_schemas(linker: Linker, schema: Schema):
    linked = linker.link("how many a.b have an id", schema)
    check(linked, schema)
    assert linked.full == schema


def test_a_key_to_nowhere_is_passed_over(linker: Linker):
    schema = Schema("s", (Table("t", (Column("id"),)),), (ForeignKey("t", ("x",), "gone", ("id",)),))
    assert linker.link("how many t have an id", schema).kept == {ColumnRef("t", "id")}


def test_keys_and_hits_in_another_case(linker: Linker):
    schema = Schema(
        "shop",
        (
            Table("Orders", (Column("No", primary_key=True), Column("Line", primary_key=True), Column("Price"))),
            Table("member", (Column("full_name"), Column("order_no"), Column("order_line"))),
        ),
        (ForeignKey("MEMBER", ("ORDER_NO", "ORDER_LINE"), "orders", ("no", "line")),),
    )
    hit = ValueHit(ColumnRef("ORDERS", "PRICE"), "9.50", (16, 20), 1.0, "exact")
    linked = linker.link("Which price was 9.50, by full name of the member?", schema, hits=[hit])
    assert set(linked.reasons) == linked.kept
    assert linked.kept == set(schema.refs())
    assert "value: 9.50" in linked.reasons[ColumnRef("Orders", "Price")]


def test_a_thousand_tables(linker: Linker):
    columns = (Column("id", "INTEGER", primary_key=True), Column("name", "TEXT"), Column("parent", "INTEGER"))
    tables = tuple(Table(f"area_{i}", columns) for i in range(1000))
    keys = tuple(ForeignKey(f"area_{i}", ("parent",), f"area_{i // 2}", ("id",)) for i in range(1, 1000))
    schema = Schema("many", tables, keys)
    linker.link("the first question about a schema reads it", schema)
    start = time.process_time()
    linked = linker.link("What is the name of area 17?", schema)
    assert time.process_time() - start < 5
    check(linked, schema)
    assert ColumnRef("area_17", "name") in linked.kept


def test_many_threads_give_what_one_gives(linker: Linker, library: Schema):
    questions = [QUESTION, "oldest member", "rain by day", "fees of loans", "authors from Peru"] * 4
    alone = [linker.link(question, library) for question in questions]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda question: linker.link(question, library), questions)) == alone
