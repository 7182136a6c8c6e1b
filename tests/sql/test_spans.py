"""Spans of questions, candidates, queries and model calls: their tree, and that no value is in them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded_spans import Spans

from ctxprune.errors import QueryError
from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Prices, Sampling
from ctxprune.llm.cache import CachedModel, GenerationCache
from ctxprune.llm.calls import ask_model
from ctxprune.llm.chat_models import OpenAIModel
from ctxprune.sql import ChatGenerator, Database, Pipeline
from ctxprune.sql.database.spans import hide_values
from ctxprune.utils.tracing import start_span

from .pipeline_fakes import Found, Writes, hit, pipeline

QUESTION = "How many people live in São Paulo, says Zebediah?"
COUNT = "SELECT population FROM city WHERE name = 'São Paulo'"
NAMES = frozenset({"city", "name", "population", "order items", "price"})
CONTENT = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"


@pytest.fixture
def database(shop: Path) -> Iterator[Database]:
    with Database(shop) as opened:
        opened.schema()
        yield opened


class Model(ChatModel):
    """A chat model that answers one statement, or fails."""

    prices = Prices(1.0, 2.0)
    name = "tiny at https://ann:hunter2@models.example/v1"
    fingerprint = "tiny"

    def __init__(self, text: str = f"```sql\n{COUNT}\n```", error: Exception | None = None) -> None:
        self.text, self.error = text, error

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        with start_span("inside the model"):
            if self.error is not None:
                raise self.error
            return [ChatAnswer(self.text, 100, 10)] * sampling.n


def test_a_question_is_a_tree_of_its_steps(database: Database, spans: Spans) -> None:
    made = pipeline(database, Writes(COUNT, "SELECT nme FROM city"), values=Found(hit("São Paulo")))
    answer = made.ask(QUESTION)
    assert answer.rows == ((12300000,),)
    assert spans.tree() == [
        "ctxprune.ask",
        ".ctxprune.ask.screen",
        ".ctxprune.ask.values",
        ".ctxprune.ask.link",
        ".ctxprune.ask.generate",
        ".ctxprune.ask.names",
        ".ctxprune.ask.execute",
        "..ctxprune.ask.candidate",
        "...SELECT city",
        "..ctxprune.ask.candidate",
        "...SELECT city",
        ".ctxprune.ask.trust",
        ".ctxprune.ask.select",
        ".ctxprune.ask.assess",
    ]
    root = spans.one("ctxprune.ask")
    assert root["ctxprune.outcome"] == answer.outcome
    assert root["ctxprune.confidence"] == answer.confidence
    assert {name: root[f"ctxprune.{name}"] for name in ("candidates", "rows", "generator")} == {
        "candidates": 2, "rows": 1, "generator": "writes.v1",
    }  # fmt: skip
    assert spans.one("ctxprune.ask.values") == {"ctxprune.hits": 1}
    assert spans.one("ctxprune.ask.link")["ctxprune.columns"] == 3
    assert spans.one("ctxprune.ask.execute") == {"ctxprune.candidates.ran": 2}


def test_queries_follow_the_conventions(database: Database, spans: Spans) -> None:
    database.execute(COUNT)
    assert spans.one("SELECT city") == {
        "db.system.name": "sqlite",
        "db.namespace": "shop",
        "db.operation.name": "SELECT",
        "db.collection.name": "city",
        "db.query.summary": "SELECT city",
        "db.query.text": "SELECT population FROM city WHERE name = ?",
        "db.response.returned_rows": 1,
    }
    assert {span.kind.name for span in spans.all()} == {"CLIENT"}
    spans.clear()
    assert asyncio.run(database.aexecute(COUNT)).rows == ((12300000,),)
    assert spans.tree() == ["SELECT city"]


def test_queries_of_a_part_without_steps_are_told(database: Database, spans: Spans) -> None:
    with start_span("part", whole=True), start_span("step"):
        database.execute(COUNT)
    assert spans.tree() == ["part", ".SELECT city"]


def test_a_rejected_query_is_told_without_its_message(database: Database, spans: Spans) -> None:
    with pytest.raises(QueryError, match="Zebediah"):
        database.execute("SELECT name FROM city WHERE name = Zebediah")
    found = spans.one("SELECT city")
    assert (found["error.type"], found["ctxprune.error.code"]) == ("QueryError", "CP101")
    assert found["db.query.text"] == "SELECT name FROM city WHERE name = ?"
    assert "Zebediah" not in spans.text()


def test_a_failed_candidate_is_an_error_by_its_kind(database: Database, spans: Spans) -> None:
    made = pipeline(database, Writes("DELETE FROM city", "SELECT json('x') FROM city", COUNT))
    made.ask(QUESTION)
    kinds = [span.attributes.get("error.type") for span in spans.all("ctxprune.ask.candidate")]
    assert kinds == ["guard", "query", None]
    statuses = [span.status.status_code.name for span in spans.all("ctxprune.ask.candidate")]
    assert statuses == ["ERROR", "ERROR", "UNSET"]


def test_no_value_question_or_message_is_in_any_span(database: Database, spans: Spans) -> None:
    bad = "SELECT name FROM city WHERE name = Zebediah OR country = 'Brazil' -- São Paulo"
    made = Pipeline(database, generators=[ChatGenerator(Model()), Writes(bad, COUNT)], chat=Model())
    assert made.ask(QUESTION, evidence="Zebediah means Quagmire").rows
    made.ask("Delete Zebediah")
    with pytest.raises(QueryError):
        database.execute("SELECT Zebediah")
    for secret in ("Paulo", "Zebediah", "Brazil", "Quagmire", "hunter2"):
        assert secret not in spans.text()


def test_content_is_told_where_it_is_asked_for(
    database: Database, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CONTENT, "span_only")
    pipeline(database, ChatGenerator(Model()), values=Found(hit("São Paulo"))).ask(QUESTION)
    assert spans.one("ctxprune.ask")["ctxprune.question"] == QUESTION
    assert {span.attributes["ctxprune.sql"] for span in spans.all("ctxprune.ask.candidate")} == {COUNT}
    assert COUNT in {span.attributes["db.query.text"] for span in spans.all("SELECT city")}
    chat = spans.all("chat tiny at https://***@models.example/v1")[0].attributes
    assert f'"content": "```sql\\n{COUNT}\\n```"' in chat["gen_ai.output.messages"]
    assert '"role": "user"' in chat["gen_ai.input.messages"]
    assert "hunter2" not in spans.text()


def test_a_model_call_follows_the_conventions(spans: Spans) -> None:
    ask_model(Model(), [Message("user", "secret")], Sampling(n=2, temperature=0.5, max_tokens=9, seed=3))
    (span,) = spans.all("chat tiny at https://***@models.example/v1")
    assert span.kind.name == "CLIENT"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "_OTHER",
        "gen_ai.request.model": "tiny at https://***@models.example/v1",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 9,
        "gen_ai.request.seed": 3,
        "gen_ai.request.choice.count": 2,
        "gen_ai.usage.input_tokens": 200,
        "gen_ai.usage.output_tokens": 20,
        "ctxprune.cached": False,
        "ctxprune.cost": pytest.approx(0.00024),
    }
    # The call runs in a thread of its own.
    assert spans.tree() == [span.name, ".inside the model"]


def test_a_model_that_cannot_be_described_is_asked_all_the_same(spans: Spans, caplog: pytest.LogCaptureFixture) -> None:
    class Shy(Model):
        @property
        def span_attributes(self) -> dict[str, str | int]:  # type: ignore[override]
            raise ZeroDivisionError("secret")

    assert ask_model(Shy("yes"), [Message("user", "?")], Sampling())[0].text == "yes"
    assert spans.tree() == ["unknown", ".inside the model"]
    assert "secret" not in caplog.text
    assert "ZeroDivisionError" in caplog.text


def test_a_failing_model_is_told_without_its_words(spans: Spans) -> None:
    with pytest.raises(Exception, match="Quagmire"):
        ask_model(Model(error=ValueError("sk-123456789 and Quagmire")), [Message("user", "?")], Sampling())
    assert spans.all()[0].attributes["error.type"] == "ModelError"
    assert "Quagmire" not in spans.text()


@pytest.mark.parametrize(
    ("url", "provider", "port"),
    [
        ("https://api.openai.com/v1", "openai", 443),
        ("http://localhost:8000/v1", "openai", 8000),
        ("https://api.mistral.ai/v1", "mistral_ai", 443),
        ("https://x.openai.azure.com/openai", "azure.ai.openai", 443),
        ("https://notmistral.ai/v1", "openai", 443),
    ],
)
def test_providers_are_named_by_their_hosts(url: str, provider: str, port: int, tmp_path: Path) -> None:
    model = OpenAIModel(url, "small-1", api_key="sk-secret")
    wrapped = CachedModel(model, GenerationCache(tmp_path / "cache.sqlite"))
    for attributes in (model.span_attributes, wrapped.span_attributes):
        assert attributes["gen_ai.provider.name"] == provider
        assert attributes["gen_ai.request.model"] == "small-1"
        assert attributes["server.port"] == port


def test_questions_in_threads_and_tasks_keep_their_parent(database: Database, spans: Spans) -> None:
    made = pipeline(database, Writes(COUNT))

    async def several() -> None:
        await asyncio.gather(*(made.aask(QUESTION) for _ in range(3)))

    with start_span("app"):
        made.ask_many([QUESTION] * 4, workers=3)
        asyncio.run(several())
    tree = spans.tree()
    assert tree[0] == "app"
    assert tree.count(".ctxprune.ask") == 7
    assert tree.count("...ctxprune.ask.candidate") == 7
    # The same text runs once a question, each time in its own candidate.
    assert tree.count("....SELECT city") == 7


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT COUNT(*) FROM city", "SELECT COUNT(*) FROM city"),
        ("select c.Name from City as c where c.name='it''s'", "select c.Name from City as c where c.name=?"),
        ('SELECT price AS "Smith" FROM "order items"', 'SELECT price AS ? FROM "order items"'),
        ('SELECT [price], `name`, "Smith" FROM public.city', "SELECT [price], `name`, ? FROM ?.city"),
        ("SELECT Smith, 0x1F, 1.5e3, -7 FROM city T1", "SELECT ?, ?, ?, -? FROM city T1"),
        ("SELECT 'a\\' OR name = 'Smith' -- Smith", "SELECT ? OR name = ? -- ?"),
        ("SELECT $$Smith$$, N'Smith'", "SELECT $$?$$, N?"),
        ("SELECT name /* Smith */ FROM city", "SELECT name /* ? */ FROM city"),
        ("", ""),
    ],
)  # fmt: skip
def test_values_are_hidden(sql: str, text: str) -> None:
    assert hide_values(sql, NAMES).text == text


@pytest.mark.parametrize(
    ("sql", "operation", "tables"),
    [
        ('select 1 from public.city join "order items" on 1', "SELECT", ("city", "order items")),
        ("WITH w AS (SELECT name FROM city) SELECT * FROM w, city JOIN city", "SELECT", ("city",)),
        ("PRAGMA table_info(city)", "PRAGMA", ()),
        ("DROP TABLE city", "", ()),
        ("SELECT 'FROM city'", "SELECT", ()),
    ],
)
def test_a_summary_names_what_is_read(sql: str, operation: str, tables: tuple[str, ...]) -> None:
    found = hide_values(sql, NAMES)
    assert (found.operation, found.tables) == (operation, tables)


@pytest.mark.parametrize("part", ["[", "'", '"', "`", "FROM ", "a.", "''", "[a", "1."])
def test_hostile_texts_take_no_longer_than_others(part: str) -> None:
    start = time.process_time()
    hide_values(part * (20_000 // len(part)), NAMES)
    assert time.process_time() - start < 1.0


@given(st.text(st.characters(codec="utf-8"), max_size=40), st.sampled_from(["'", '"', "", "`", "--", "/*", "$$", "E'"]))
def test_nothing_of_a_secret_word_is_left(noise: str, mark: str) -> None:
    secret = "Zebediah4711"
    for sql in (f"SELECT {mark}{secret}{mark} {noise}", f"{noise} {secret} {mark}", f"{mark}{noise} {secret}"):
        assert secret.casefold() not in hide_values(sql, NAMES).text.casefold()
