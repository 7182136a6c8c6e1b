"""The standard suites of langchain-tests; skipped where that package is not installed.

It brings pytest plugins, so it wants an environment of its own: `make framework-langchain`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("langchain_tests", reason="langchain-tests is not installed")

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import RetrieversIntegrationTests, ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from ctxprune.integrations.langchain import PruningCompressor, PruningRetriever, SQLToolkit, sql_tool
from ctxprune.sql import Database, Pipeline

TEXTS = ("The bridge did open in 1933. It is red.", "Cats sleep. Dogs bark.", "The bridge did open.", "It rains.")


class Shelf(BaseRetriever):
    """The first k texts, whatever is asked."""

    k: int = 4

    def _get_relevant_documents(self, query: str, *, run_manager: Any, k: int | None = None) -> list[Document]:
        return [Document(text) for text in TEXTS[: self.k if k is None else k]]


class ShelfOfPruned(PruningRetriever):
    """A retriever whose documents come back pruned, each of them: the suite counts them."""

    def __init__(self, k: int = 4) -> None:
        compressor = PruningCompressor(scorer="lexical.v1", keep_emptied=True)
        super().__init__(retriever=Shelf(k=k), compressor=compressor)


class TestPruningRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return ShelfOfPruned

    @property
    def retriever_query_example(self) -> str:
        return "When did the bridge open?"


def open_database(tests: WithTool, folder: Path) -> Iterator[None]:
    """The tool of the tests, as long as its database is open."""
    connection = sqlite3.connect(folder / "shop.sqlite")
    connection.executescript("CREATE TABLE city (name TEXT, population INTEGER); INSERT INTO city VALUES ('A', 1);")
    connection.close()
    with Database(folder / "shop.sqlite") as database:
        tests.made = tests.make(Pipeline(database))
        yield


class WithTool:
    """A tool on a small database."""

    made: BaseTool

    @pytest.fixture(autouse=True)
    def _database(self, tmp_path: Path) -> Iterator[None]:
        yield from open_database(self, tmp_path)

    def make(self, pipeline: Pipeline) -> BaseTool:
        return sql_tool(pipeline)

    @property
    def tool_constructor(self) -> BaseTool:
        return self.made

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"question": "How many cities are there?"}


class TestSqlToolUnit(WithTool, ToolsUnitTests):
    pass


class TestSqlToolIntegration(WithTool, ToolsIntegrationTests):
    pass


ARGUMENTS = {
    "link_schema": {"question": "How many cities are there?"},
    "find_values": {"text": "A"},
    "check_sql": {"sql": "SELECT name FROM city"},
    "run_sql": {"sql": "SELECT name FROM city", "question": "Which cities are there?"},
    "ask": {"question": "How many cities are there?"},
}


@pytest.fixture(params=ARGUMENTS)
def tool_name(request: pytest.FixtureRequest) -> str:
    return request.param


class WithToolkit(WithTool):
    """Each tool of a toolkit."""

    @pytest.fixture(autouse=True)
    def _name(self, tool_name: str) -> None:
        self.name = tool_name

    @pytest.fixture(autouse=True)
    def _database(self, _name: None, tmp_path: Path) -> Iterator[None]:  # after the name is known
        yield from open_database(self, tmp_path)

    def make(self, pipeline: Pipeline) -> BaseTool:
        return next(tool for tool in SQLToolkit(pipeline=pipeline).get_tools() if tool.name == self.name)

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return ARGUMENTS[self.name]


class TestToolkitUnit(WithToolkit, ToolsUnitTests):
    pass


class TestToolkitIntegration(WithToolkit, ToolsIntegrationTests):
    pass
