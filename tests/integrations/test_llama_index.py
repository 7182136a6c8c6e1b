"""The node postprocessor, the query engine and the tools against llama-index-core; skipped where that is not installed.

It runs in an environment of its own: `make framework-llama-index`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("llama_index.core", reason="llama-index-core is not installed")

from llama_index.core.base.base_query_engine import BaseQueryEngine
from llama_index.core.schema import ImageNode, MetadataMode, Node, NodeWithScore, QueryBundle, TextNode
from llama_index.core.tools import QueryEngineTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import BaseToolSpec
from llama_index.core.tools.types import AsyncBaseTool

from ctxprune import Pruner, TokenBudget, as_counter
from ctxprune.errors import BudgetError, UnknownNameError, UsageError
from ctxprune.integrations._accounts import restored
from ctxprune.integrations.llama_index import PruningPostprocessor, SQLQueryEngine, SQLToolSpec
from ctxprune.rag import PassagePruner
from ctxprune.sql import Database, Pipeline

QUERY = "When did the bridge open?"
TEXTS = ("Cats sleep. Dogs bark.", "The bridge is long. It was painted red. The bridge did open in 1933.", "")


def nodes() -> list[NodeWithScore]:
    return [
        NodeWithScore(node=TextNode(id_=str(i), text=text, metadata={"page": i}), score=0.5 - i / 10)
        for i, text in enumerate(TEXTS)
    ]


def lexical(**fields: object) -> PruningPostprocessor:
    return PruningPostprocessor(pruner=PassagePruner(Pruner("lexical.v1")), **fields)


def test_nodes_come_back_as_cut_copies() -> None:
    given = nodes()
    found = lexical().postprocess_nodes(given, query_str=QUERY)
    assert [scored.node.text for scored in given] == list(TEXTS)
    assert [(scored.node.node_id, scored.score) for scored in found] == [("1", 0.4)]
    node = found[0].node
    assert node.text == "The bridge is long. … The bridge did open in 1933."
    assert restored(TEXTS[1], node.metadata) == node.text
    assert node.metadata["page"] == 1
    assert given[1].node.metadata == {"page": 1}
    shown = node.get_content(MetadataMode.LLM)
    assert "page: 1" in shown
    assert "ctxprune" not in shown
    assert "ctxprune" not in node.get_content(MetadataMode.EMBED)


def test_async_and_bundles_give_the_same() -> None:
    expected = lexical().postprocess_nodes(nodes(), query_str=QUERY)
    assert lexical().postprocess_nodes(nodes(), QueryBundle(QUERY)) == expected
    assert asyncio.run(lexical().apostprocess_nodes(nodes(), query_str=QUERY)) == expected
    assert lexical(keep_emptied=True).postprocess_nodes(nodes(), query_str=QUERY)[1:2] == expected


def test_one_budget_and_other_nodes() -> None:
    image = NodeWithScore(node=Node(), score=0.9)
    pruner = PassagePruner(Pruner("lexical.v1", TokenBudget(12)), reorder=True)
    found = PruningPostprocessor(pruner=pruner).postprocess_nodes([image, *nodes()], query_str=QUERY)
    assert found[-1] is image
    assert sum(as_counter().count_many(scored.node.text for scored in found[:-1])) <= 12
    assert PruningPostprocessor().postprocess_nodes([image], query_str=QUERY) == [image]
    assert PruningPostprocessor().postprocess_nodes([]) == []


def test_image_nodes_keep_their_image() -> None:
    image = NodeWithScore(node=ImageNode(text=TEXTS[1], image="QUJD", id_="i"))
    found = lexical().postprocess_nodes([image], query_str=QUERY)[0].node
    assert isinstance(found, ImageNode)
    assert (found.image, found.node_id) == ("QUJD", "i")


def test_wrong_use_is_told() -> None:
    with pytest.raises(UsageError, match="no query"):
        lexical().postprocess_nodes(nodes())
    with pytest.raises(UsageError, match="pruner is a str"):
        PruningPostprocessor(pruner="adaptive.v1")
    assert lexical().to_dict()["class_name"] == "PruningPostprocessor"


@pytest.fixture
def pipeline(shop: Path) -> Iterator[Pipeline]:
    with Database(shop) as database:
        yield Pipeline(database)


def test_the_query_engine_answers_with_metadata(pipeline: Pipeline) -> None:
    engine = SQLQueryEngine(pipeline)
    assert isinstance(engine, BaseQueryEngine)
    response = engine.query("How many cities are there?")
    assert str(response).startswith("SQL: SELECT COUNT(*) FROM city\nOutcome: answered, confidence 0.")
    assert (response.metadata["sql"], response.metadata["rows"]) == ("SELECT COUNT(*) FROM city", [[4]])
    assert (response.metadata["outcome"], response.metadata["doubts"]) == ("answered", [])
    assert 0.5 < response.metadata["confidence"] <= 1
    assert "trace" not in response.metadata
    assert response.source_nodes == []
    later = asyncio.run(engine.aquery(QueryBundle("How many cities are there?")))
    assert str(later) == str(response)
    assert later.metadata["rows"] == [[4]]


def test_the_query_engine_says_why_there_is_no_answer(pipeline: Pipeline) -> None:
    engine = SQLQueryEngine(pipeline)
    response = engine.query("How many zeppelins of Mordor?")
    assert response.metadata["outcome"] == "unanswered"
    assert response.metadata["rows"] == []
    assert "zeppelins" in response.metadata["doubts"][0]["message"]
    assert str(response).startswith("No answer: ")
    for empty in ("", " \n"):
        with pytest.raises(UsageError, match="the question is empty"):
            engine.query(empty)
        with pytest.raises(UsageError, match="the question is empty"):
            asyncio.run(engine.aquery(empty))
    with pytest.raises(UsageError, match="10000000 characters"):
        engine.query("x" * 10_000_000)


def test_the_query_engine_keeps_to_its_budget(pipeline: Pipeline) -> None:
    response = SQLQueryEngine(pipeline, rows=1, budget=60).query("Which cities are there?")
    assert as_counter().count(str(response)) <= 60
    assert "the first 1 shown" in str(response)
    assert len(response.metadata["rows"]) == 4
    with pytest.raises(BudgetError):
        SQLQueryEngine(pipeline, budget=5).query("Which cities are there?")
    with pytest.raises(UsageError, match="budget is 0"):
        SQLQueryEngine(pipeline, budget=0)


def test_the_query_engine_is_a_tool(pipeline: Pipeline) -> None:
    tool = QueryEngineTool.from_defaults(SQLQueryEngine(pipeline), name="shop", description="The shop.")
    output = tool.call("How many cities are there?")
    assert "Outcome: answered" in output.content
    assert output.raw_output.metadata["rows"] == [[4]]


def test_the_tools_hold_all_rows_beside(pipeline: Pipeline) -> None:
    spec = SQLToolSpec(pipeline)
    assert isinstance(spec, BaseToolSpec)
    (run,) = spec.to_tool_list(["run_sql"])
    assert isinstance(run, AsyncBaseTool)
    output = run("SELECT name FROM city ORDER BY name", question="Which?")
    assert output.raw_output["rows"] == [["Paris"], ["Springfield"], ["São Paulo"], ["Łódź"]]
    assert (output.tool_name, output.is_error) == ("run_sql", False)
    assert output.raw_input == {"sql": "SELECT name FROM city ORDER BY name", "question": "Which?"}
    assert run(sql="DROP TABLE city").is_error
    told = ToolMetadata("Ask the shop.", name="shop", fn_schema=run.metadata.fn_schema)
    assert [tool.metadata for tool in spec.to_tool_list(["ask"], {"ask": told})] == [told]
    assert spec.to_tool_list([]) == []
    assert [tool.metadata.name for tool in spec.to_tool_list()] == spec.spec_functions
    with pytest.raises(UnknownNameError, match="no tool is named 'drop'"):
        spec.to_tool_list(["drop"])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what LlamaIndex's workflows use themselves
def test_an_agent_is_told_why_a_tool_failed(pipeline: Pipeline) -> None:
    from llama_index.core.agent.workflow import ReActAgent, ToolCallResult
    from llama_index.core.llms import CompletionResponse, CustomLLM, LLMMetadata

    def use(sql: str) -> str:
        return f'Thought: I need a tool.\nAction: run_sql\nAction Input: {{"sql": "{sql}"}}'

    script = iter(
        [
            use("DROP TABLE city"),
            use("SELECT count(*) FROM city"),
            "Thought: I can answer without using any more tools.\nAnswer: Four.",
        ]
    )

    class Scripted(CustomLLM):
        @property
        def metadata(self) -> LLMMetadata:
            return LLMMetadata()

        def complete(self, prompt: str, formatted: bool = False, **options: object) -> CompletionResponse:
            return CompletionResponse(text=next(script))

        def stream_complete(self, prompt: str, formatted: bool = False, **options: object) -> Iterator:
            text = next(script)
            yield CompletionResponse(text=text, delta=text)

    async def ask() -> tuple[str, list]:
        agent = ReActAgent(tools=SQLToolSpec(pipeline).to_tool_list(), llm=Scripted())
        running = agent.run("How many cities are there?")
        results = [event async for event in running.stream_events() if isinstance(event, ToolCallResult)]
        return str(await running), results

    answer, results = asyncio.run(ask())
    assert answer == "Four."
    assert [result.tool_output.is_error for result in results] == [True, False]
    assert results[0].tool_output.content.startswith("only a SELECT query may run, not DROP")
    assert results[1].tool_output.raw_output["rows"] == [[4]]
