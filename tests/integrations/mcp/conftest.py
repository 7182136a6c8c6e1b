"""The MCP server over a service in this process, asked by the SDK's own client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the mcp extra is not installed")

from mcp import Client
from mcp.shared.exceptions import MCPError

from ctxprune.integrations.mcp import Caller, ReplyBudget, ReplyStore, create_server
from ctxprune.integrations.mcp.recall import Owner
from ctxprune.serve.config import DatabaseConfig, LimitsConfig, ModelConfig, ServiceConfig
from ctxprune.serve.mcp import ServiceWorkspace
from ctxprune.serve.service import Service

LIMITS = LimitsConfig()


class Tools:
    """The tools of one service, in one event loop.

    Attributes:
        service: Behind them.
        budget: Of a reply.
    """

    def __init__(self, service: Service, *, budget: int = 8_000, session: str = "one", store: Any = None) -> None:
        self.service, self.budget = service, ReplyBudget(budget)
        self.workspace = ServiceWorkspace(service, service.keys.all[0])
        self.store = store or ReplyStore()
        self.session = session
        self.server = create_server(self.identify, budget=self.budget, store=self.store)
        self._runner = asyncio.Runner()

    def identify(self, _request: Any) -> Caller:
        return Caller(self.workspace, Owner("key", self.session))

    def run(self, work: Callable[[Client], Any]) -> Any:
        """The result of a coroutine function, given a client."""

        async def connected() -> Any:
            async with Client(self.server) as client:
                return await work(client)

        return self._runner.run(connected())

    def result(self, name: str, **arguments: Any) -> Any:
        """The reply of a tool, after a look at its size and its two forms."""
        result = self.run(lambda client: client.call_tool(name, arguments))
        (block,) = result.content
        if result.is_error:
            assert result.structured_content is None
            assert self.budget.count_text(block.text) <= self.budget.tokens
        else:
            assert json.loads(block.text) == result.structured_content
            both = block.text + json.dumps(result.structured_content, ensure_ascii=False)
            assert self.budget.count_text(both) <= self.budget.tokens + 1
        return result

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        """What a tool gives."""
        result = self.result(name, **arguments)
        assert not result.is_error, result.content[0].text
        return result.structured_content

    def refusal(self, name: str, **arguments: Any) -> str:
        """Why a tool gives nothing."""
        result = self.result(name, **arguments)
        assert result.is_error, result.structured_content
        return result.content[0].text

    def error(self, work: Callable[[Client], Any]) -> str:
        """The words of the protocol error that a coroutine function ends with."""

        async def caught(client: Client) -> str:
            with pytest.raises(MCPError) as error:
                await work(client)
            return str(error.value)

        return self.run(caught)

    def close(self) -> None:
        self._runner.close()


@contextmanager
def serving(*databases: DatabaseConfig, limits: LimitsConfig = LIMITS, **options: Any) -> Iterator[Tools]:
    """The tools over these databases."""
    config = ServiceConfig(databases=databases, limits=limits, model=ModelConfig("lexical.v1"))
    service = Service(config)
    tools = Tools(service, **options)
    try:
        yield tools
    finally:
        service.close()
        tools.close()


@pytest.fixture
def tools(shop: Path) -> Iterator[Tools]:
    with serving(DatabaseConfig("shop", str(shop))) as tools:
        yield tools
