"""The components and the tools against haystack-ai; skipped where that is not installed.

It runs in an environment of its own: `make framework-haystack`.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from pathlib import Path

import pytest

pytest.importorskip("haystack", reason="haystack-ai is not installed")

from haystack import Document, Pipeline
from haystack.components.builders import PromptBuilder
from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
from haystack.dataclasses import ByteStream
from haystack.document_stores.in_memory import InMemoryDocumentStore
from servers.hostile import ENDLESS

from ctxprune import as_counter
from ctxprune.errors import DatabaseError, UnknownNameError, UsageError
from ctxprune.integrations._accounts import restored
from ctxprune.integrations.haystack import DocumentPruner, SQLAnswerer, sql_tools
from ctxprune.sql import Database, Limits, PipelineConfig
from ctxprune.sql import Pipeline as SqlPipeline

from .conftest import RunningQueries

# Of the earlier versions none asks which modules may be loaded.
LOADING = (
    {"allowed_modules": ["ctxprune.integrations.haystack"]}
    if "allowed_modules" in inspect.signature(Pipeline.loads).parameters
    else {}
)
QUERY = "When did the bridge open?"
TEXTS = ("Cats sleep. Dogs bark.", "The bridge is long. It was painted red. The bridge did open in 1933.", "")


def documents() -> list[Document]:
    return [Document(id=str(i), content=text, meta={"page": i}, score=0.5) for i, text in enumerate(TEXTS)]


def test_documents_come_back_as_cut_copies() -> None:
    given = documents()
    found = DocumentPruner(scorer="lexical.v1").run(QUERY, given)["documents"]
    assert [document.content for document in given] == list(TEXTS)
    assert [(document.id, document.score, document.meta["page"]) for document in found] == [("1", 0.5, 1)]
    assert found[0].content == "The bridge is long. … The bridge did open in 1933."
    assert restored(TEXTS[1], found[0].meta) == found[0].content
    assert "ctxprune_spans" not in given[1].meta
    assert asyncio.run(DocumentPruner(scorer="lexical.v1").run_async(QUERY, given))["documents"] == found


def test_it_runs_in_a_pipeline_that_was_stored() -> None:
    store = InMemoryDocumentStore()
    store.write_documents(documents()[:2])
    pipeline = Pipeline()
    pipeline.add_component("retriever", InMemoryBM25Retriever(store))
    pipeline.add_component("pruner", DocumentPruner(budget=12, scorer="lexical.v1", reorder=True, top_k=1))
    pipeline.connect("retriever.documents", "pruner.documents")
    stored = pipeline.dumps()
    assert "budget: 12" in stored
    question = {"retriever": {"query": QUERY}, "pruner": {"query": QUERY}}
    found = pipeline.run(question)["pruner"]["documents"]
    assert [document.content for document in found] == ["The bridge did open in 1933."]
    assert as_counter().count(found[0].content) <= 12
    again = Pipeline.loads(stored, **LOADING)
    assert again.get_component("pruner").to_dict() == pipeline.get_component("pruner").to_dict()


def test_documents_without_text_stay_behind_the_others() -> None:
    image = Document(id="i", blob=ByteStream(b"abc"))
    found = DocumentPruner(scorer="lexical.v1", keep_emptied=True).run(QUERY, [image, *documents()])["documents"]
    assert [document.id for document in found] == ["0", "1", "2", "i"]
    assert found[-1] is image
    assert DocumentPruner().run(QUERY, [image]) == {"documents": [image]}
    assert DocumentPruner().run(QUERY, []) == {"documents": []}


def test_wrong_use_is_told() -> None:
    for wrong in ({"budget": -1}, {"top_k": 0}, {"on_empty": "maybe"}):
        with pytest.raises(UsageError):
            DocumentPruner(**wrong)
    with pytest.raises(UnknownNameError):
        DocumentPruner(scorer="nothing.v9")
    with pytest.raises(UsageError, match="asks something"):
        DocumentPruner().run(" ", documents())


def test_a_database_answers(shop: Path) -> None:
    answerer = SQLAnswerer(str(shop))
    found = answerer.run("How many cities are there?")
    assert (found["sql"], found["columns"], found["rows"]) == ("SELECT COUNT(*) FROM city", ["COUNT(*)"], [[4]])
    assert (found["outcome"], found["doubts"]) == ("answered", [])
    assert 0.5 < found["confidence"] <= 1
    assert found["text"].startswith("SQL: SELECT COUNT(*) FROM city\nOutcome: answered")
    assert asyncio.run(answerer.run_async("How many cities are there?")) == found
    answerer.close()
    assert answerer.run("How many cities are there?") == found  # opened again
    unanswered = answerer.run("How many zeppelins of Mordor?")
    assert (unanswered["outcome"], unanswered["rows"], unanswered["confidence"]) == ("unanswered", [], 0)
    assert "zeppelins" in unanswered["doubts"][0]
    assert unanswered["reason"] in unanswered["text"]
    with pytest.raises(UsageError, match="the question is empty"):
        answerer.run(" ")
    with pytest.raises(UsageError, match="10000000 characters"):
        asyncio.run(answerer.run_async("x" * 10_000_000))
    answerer.close()


def test_an_answerer_runs_in_a_pipeline_that_was_stored(shop: Path) -> None:
    pipeline = Pipeline()
    pipeline.add_component("question", PromptBuilder("Which {{ things }} are there?", required_variables="*"))
    pipeline.add_component("answerer", SQLAnswerer(str(shop), rows=1, budget=80))
    pipeline.add_component("prompt", PromptBuilder("Rows:\n{{ rows }}\n{{ question }}", required_variables="*"))
    pipeline.connect("question.prompt", "answerer.query")
    pipeline.connect("answerer.text", "prompt.rows")
    stored = pipeline.dumps()
    again = Pipeline.loads(stored, **LOADING)
    assert again.get_component("answerer").to_dict() == pipeline.get_component("answerer").to_dict()
    given = {"question": {"things": "cities"}, "prompt": {"question": "Which?"}}
    prompt = again.run(given)["prompt"]["prompt"]
    assert "the first 1 shown" in prompt
    assert as_counter().count(prompt) <= 100
    again.get_component("answerer").close()


def test_what_cannot_be_stored_says_so(shop: Path) -> None:
    with Database(shop) as database:
        on_pipeline = SQLAnswerer(SqlPipeline(database))
        assert on_pipeline.run("How many cities are there?")["rows"] == [[4]]
        with pytest.raises(UsageError, match="on a pipeline cannot be stored"):
            on_pipeline.to_dict()
        with pytest.raises(UsageError, match="cannot be stored"):
            sql_tools(SqlPipeline(database))[0].to_dict()
        on_pipeline.close()
        assert database.execute("SELECT 1").rows == ((1,),)  # what was opened by others stays open
    with pytest.raises(UsageError, match="holds a password") as error:
        SQLAnswerer("postgresql://reader:s3cr3t@db/shop").to_dict()
    assert "s3cr3t" not in str(error.value)
    with pytest.raises(UsageError, match="malformed") as error:
        SQLAnswerer("postgresql://reader:s3cr3t@db:port/shop")
    assert "s3cr3t" not in str(error.value)
    for option in ("user=reader&password=s3cr3t", "passwd=s3cr3t", "sslpassword=s3cr3t", "PWD=s3cr3t", "x=1&x=s3cr3t"):
        with pytest.raises(UsageError, match="may be secret") as error:
            SQLAnswerer(f"postgresql://db/shop?{option}").to_dict()
        assert "s3cr3t" not in str(error.value)
    with pytest.raises(UsageError, match="holds the option odbc_connect"):
        SQLAnswerer("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BUID%3Dsa%3BPWD%3Ds3cr3t").to_dict()
    assert SQLAnswerer("postgresql://reader@db/shop?sslmode=require&user=reader").to_dict()
    url = SQLAnswerer("postgresql://reader@db/shop").to_dict()
    assert url["init_parameters"]["database"] == "postgresql://reader@db/shop"
    assert url["type"] == "ctxprune.integrations.haystack.SQLAnswerer"


def test_a_database_that_is_gone_is_an_error_when_it_is_used(tmp_path: Path) -> None:
    answerer = SQLAnswerer(str(tmp_path / "gone.sqlite"))
    with pytest.raises(DatabaseError):
        answerer.warm_up()
    with pytest.raises(DatabaseError):
        asyncio.run(answerer.run_async("How many?"))
    for wrong in ({"database": 3}, {"database": "x", "rows": -1}, {"database": "x", "budget": 0}):
        with pytest.raises(UsageError):
            SQLAnswerer(**wrong)


def test_a_database_that_no_pipeline_can_be_made_of_is_closed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[Database] = []

    class Watched(Database):
        def close(self) -> None:
            closed.append(self)
            super().close()

    def fail(_database: Database) -> SqlPipeline:
        raise DatabaseError("the schema cannot be read")

    module = "ctxprune.integrations.haystack.sql_answerer"
    monkeypatch.setattr(f"{module}.Database", Watched)
    answerer = SQLAnswerer(str(shop))
    with monkeypatch.context() as broken:
        broken.setattr(f"{module}.Pipeline", fail)
        for count in (1, 2):
            with pytest.raises(DatabaseError, match="cannot be read"):
                answerer.run("How many cities are there?")
            assert len(closed) == count
    assert answerer.run("How many cities are there?")["rows"] == [[4]]
    answerer.close()
    assert len(closed) == 3


def test_a_cancelled_answer_ends_its_query(
    shop: Path, monkeypatch: pytest.MonkeyPatch, running_queries: RunningQueries
) -> None:
    with Database(shop, workers=1) as database:
        pipeline = SqlPipeline(database, config=PipelineConfig(limits=Limits(seconds=90)))
        answerer = SQLAnswerer(pipeline)
        answerer.run("How many cities are there?")
        execute = database.execute
        monkeypatch.setattr(database, "execute", lambda _sql, **options: execute(ENDLESS, **options))

        async def cancel() -> float:
            slow = asyncio.ensure_future(answerer.run_async("How many cities are there?"))
            await running_queries.wait_for(1)
            assert not slow.done()
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            await running_queries.wait_for(0)
            start = time.monotonic()
            assert await asyncio.to_thread(execute, "SELECT 1")
            return time.monotonic() - start

        assert asyncio.run(cancel()) < 45


def test_an_agent_is_told_why_a_tool_failed(shop: Path) -> None:
    agents = pytest.importorskip("haystack.components.agents")
    from haystack import component
    from haystack.dataclasses import ChatMessage, ToolCall

    script = [
        ChatMessage.from_assistant(tool_calls=[ToolCall("run_sql", {"sql": "DROP TABLE city"}, id="1")]),
        ChatMessage.from_assistant(tool_calls=[ToolCall("run_sql", {"sql": "SELECT count(*) FROM city"}, id="2")]),
        ChatMessage.from_assistant("Four."),
    ]

    @component
    class Scripted:
        @component.output_types(replies=list[ChatMessage])
        def run(self, messages: list[ChatMessage], tools: list | None = None) -> dict:
            assert [tool.name for tool in tools or []][-1] == "ask"
            return {"replies": [script[sum(bool(message.tool_calls) for message in messages)]]}

    with Database(shop) as database:
        agent = agents.Agent(chat_generator=Scripted(), tools=sql_tools(SqlPipeline(database)))
        found = agent.run([ChatMessage.from_user("How many cities are there?")])["messages"]
    results = [message.tool_call_results[0] for message in found if message.tool_call_results]
    assert [result.error for result in results] == [True, False]
    assert results[0].result.startswith("only a SELECT query may run, not DROP")
    assert '"rows": [[4]]' in results[1].result
    assert found[-1].text == "Four."
