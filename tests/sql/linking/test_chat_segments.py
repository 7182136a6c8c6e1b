"""A schema that a chat model invents: read from any answer, used by linker and pool, replaced where it fails."""

from __future__ import annotations

import pickle

import pytest

from ctxprune.errors import ModelError, UsageError
from ctxprune.llm.base import ChatAnswer, ChatModel
from ctxprune.llm.calls import record_calls
from ctxprune.sql.linking.chat_segments import ChatSegments
from ctxprune.sql.linking.collective import CollectiveLinker, CollectiveSchemaScorer, content_phrases
from ctxprune.sql.linking.pool import SchemaPool
from ctxprune.sql.schema.schema import Column, Schema, Table

SHOP = Schema("shop", (Table("orders", (Column("id"), Column("total"), Column("bought_on"))),))
ZOO = Schema("zoo", (Table("animals", (Column("id"), Column("name"), Column("weight"))),))


class Scripted(ChatModel):
    """Gives one text, or raises it."""

    fingerprint = "scripted"

    def __init__(self, answer: str | Exception) -> None:
        self.answer = answer
        self.seen: list[str] = []

    def complete(self, messages, sampling):
        self.seen.append(messages[-1].content)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [ChatAnswer(self.answer)]


@pytest.mark.parametrize(
    ("answer", "segments"),
    [
        ("orders(total, bought_on)", ["orders total", "orders bought on"]),
        ("Sure!\n- `orders`(total)\n* animals(weight)", ["orders total", "animals weight"]),
        ("1. orderLines (orderId)", ["order lines order id"]),
        ("orders(total)\norders(total)", ["orders total"]),
        ("CREATE TABLE orders(total, id);", ["orders total", "orders id"]),
        ("SELECT count(*) FROM orders\n* orders(total).", ["orders total"]),
        ("\n".join(f"t{number}(a, b, c, d, e)" for number in range(90)), None),
        ("x" * 100_000 + "(a)", None),
    ],
)
def test_the_tables_of_an_answer(answer: str, segments: list[str] | None) -> None:
    found = ChatSegments(Scripted(answer))("Which orders are large?")
    assert found == segments if segments is not None else len(found) <= 40


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "I cannot do that.",
        "()",
        "SELECT 1",
        "SELECT count(*) FROM orders WHERE total > 3",
        "SELECT total FROM orders WHERE id IN (3)",
        "I would use COUNT(id)",
        "COUNT(id)",
        "Use orders (the table)  for it",
        "select max(total)",
        "The answer is in orders(total)",
    ],
)
def test_an_answer_without_a_table_gives_the_own_phrases(answer: str) -> None:
    assert ChatSegments(Scripted(answer))("Which orders are large?") == content_phrases("Which orders are large?")


def test_a_failing_model_gives_the_own_phrases_and_stands_in_the_trace(caplog: pytest.LogCaptureFixture) -> None:
    segments = ChatSegments(Scripted(ModelError("it is away")))
    with record_calls() as calls:
        assert segments("Which orders are large?") == content_phrases("Which orders are large?")
    assert "it is away" in calls[0].error
    assert "own phrases" in caplog.text


def test_nothing_to_ask_about_asks_no_model() -> None:
    model = Scripted("orders(total)")
    assert ChatSegments(model)("", "  ") == []
    assert model.seen == []


def test_phrases_come_along_and_the_hint_is_told() -> None:
    model = Scripted("orders(total)")
    assert ChatSegments(model, with_phrases=True)("Which orders are large?", "large: total over 9")[0] == "orders total"
    assert model.seen == ["Which orders are large? Hint: large: total over 9"]


@pytest.mark.parametrize("wrong", [{"max_tokens": 0}, {"seconds": 0}, {"max_tokens": "9"}])
def test_wrong_limits(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        ChatSegments(Scripted(""), **wrong)


def test_the_linker_follows_the_invented_schema() -> None:
    scorer = CollectiveSchemaScorer(ChatSegments(Scripted("orders(total)")), budget=1)
    linked = CollectiveLinker(scorer).link("How much was it?", SHOP)
    assert {ref.column for ref in linked.schema.refs()} >= {"total"}
    assert "bought_on" not in {ref.column for ref in linked.schema.refs()}


def test_the_pool_follows_the_invented_schema() -> None:
    question = "How heavy is it?"
    plain = SchemaPool([SHOP, ZOO]).rank(question)
    led = SchemaPool([SHOP, ZOO], segments=ChatSegments(Scripted("animals(weight)")), weight=2.0).rank(question)
    assert led.databases == plain.databases
    assert led.columns[0].ref.column == "weight"
    none = SchemaPool([SHOP, ZOO], segments=ChatSegments(Scripted("animals(weight)")), weight=0.0).rank(question)
    assert none == plain


def test_the_evidence_is_not_shown_to_the_model() -> None:
    model = Scripted("animals(weight)")
    led = SchemaPool([SHOP, ZOO], segments=ChatSegments(model), weight=2.0).rank("How heavy is it?", "it: secret name")
    assert led.columns[0].ref.column == "weight"
    assert led.databases == SchemaPool([SHOP, ZOO]).rank("How heavy is it?", "it: secret name").databases
    assert len(model.seen) == 1
    assert "secret" not in repr(model.seen)


def test_a_pool_without_a_question_and_wrong_weights() -> None:
    model = Scripted("animals(weight)")
    assert SchemaPool([ZOO], segments=ChatSegments(model)).rank("  ").columns[0].score == 0
    assert model.seen == []
    with pytest.raises(UsageError):
        SchemaPool([ZOO], weight=-1)


def test_a_pool_with_segments_is_copied_whole() -> None:
    pool = SchemaPool([SHOP, ZOO], segments=content_phrases, weight=0.5)
    assert pickle.loads(pickle.dumps(pool)).rank("weight of animals") == pool.rank("weight of animals")


def test_segments_that_match_nothing_add_nothing() -> None:
    question = "How heavy is it?"
    plain = SchemaPool([SHOP, ZOO]).rank(question)
    for answer in ("qqq(zzz, kkk)", "qqq(zzz)\nanimals(weight)"):
        led = SchemaPool([SHOP, ZOO], segments=ChatSegments(Scripted(answer)), weight=2.0).rank(question)
        before = {(one.database, one.ref): one.score for one in plain.columns}
        gained = {
            (one.database, one.ref.column) for one in led.columns if one.score > before[one.database, one.ref] + 1e-12
        }
        # Like "animals weight" in the least are all columns of the zoo, and "bought_on".
        alike = {("zoo", "weight"), ("zoo", "name"), ("zoo", "id"), ("shop", "bought_on")}
        assert gained <= (alike if "weight" in answer else set())
