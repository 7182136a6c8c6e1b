"""`ctxprune mcp --transport http` as a process: the SDK's client of both eras, keys, sessions, and bad requests."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the mcp extra is not installed")

import httpx
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from serve.process import Served
from servers.victims import ENDLESS
from starlette.testclient import TestClient

from ctxprune.serve.config import DatabaseConfig, KeyConfig, ModelConfig, ServiceConfig
from ctxprune.serve.mcp import create_mcp_app

from .test_hostile import ASKERS

ALL, SOME = "key-of-all", "key-of-some"
CONFIG = """
[limits]
seconds = 100
query_seconds = 90
[[databases]]
name = "shop"
path = "shop.sqlite"
[[keys]]
name = "all"
sha256 = "{all}"
databases = {{ shop = "*" }}
[[keys]]
name = "some"
sha256 = "{some}"
databases = {{ shop = {{ city = ["name", "country"] }} }}
"""
JSON = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
COUNT = {"sql": "SELECT count(*) FROM city"}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("mcp")
    with sqlite3.connect(folder / "shop.sqlite") as connection:
        connection.executescript(
            "CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, population INTEGER);"
            "INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000);"
        )
    connection.close()
    hashes = {name: hashlib.sha256(key.encode()).hexdigest() for name, key in (("all", ALL), ("some", SOME))}
    (folder / "service.toml").write_text(CONFIG.format(**hashes), encoding="utf-8")
    with Served(folder / "service.toml", command=("mcp", "--transport", "http", "--budget", "2000")) as served:
        yield served


@asynccontextmanager
async def connect(served: Served, key: str = ALL, mode: str = "auto", **headers: str) -> AsyncIterator[Client]:
    async with create_mcp_http_client(headers={"authorization": f"Bearer {key}"} | headers) as http:
        transport = streamable_http_client(f"{served.url}/v1/mcp", http_client=http)
        async with Client(transport, mode=mode) as client:
            yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdk_s_client(served: Served, mode: str) -> None:
    async def work() -> None:
        async with connect(served, mode=mode) as client:
            assert len((await client.list_tools()).tools) == 8
            answer = await client.call_tool("ask", {"question": "How many cities are in Brazil?"})
            assert not answer.is_error, answer.content[0].text
            assert answer.structured_content["rows"] == [[1]]
            text = "Cats sleep all day. The bridge opened in 1933. Tickets cost five. " * 2_000
            pruned = await client.call_tool("prune", {"query": "When did the bridge open?", "text": text})
            assert "1933" in pruned.structured_content["text"]
            again = {"id": pruned.structured_content["recall"], "query": "What do tickets cost?"}
            assert "Tickets cost five" in (await client.call_tool("recall", again)).structured_content["text"]
            assert "population" in (await client.read_resource("ctxprune://schema/shop")).contents[0].text

    asyncio.run(work())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_key_sees_its_columns_and_nothing_of_other_keys(served: Served, mode: str) -> None:
    async def work() -> None:
        async with connect(served, mode=mode) as client, connect(served, SOME, mode) as other:
            assert "population" not in (await other.read_resource("ctxprune://schema/shop")).contents[0].text
            refused = await other.call_tool("run_sql", {"sql": "SELECT population FROM city"})
            assert "population" in refused.content[0].text
            assert refused.is_error
            linked = await client.call_tool("link_schema", {"question": "How many cities are in Brazil?"})
            foreign = {"id": linked.structured_content["recall"], "query": "population"}
            assert (await other.call_tool("recall", foreign)).is_error
            assert not (await client.call_tool("recall", foreign)).is_error

    asyncio.run(work())


def test_a_session_is_bound_to_its_key_and_its_ids_to_the_session(served: Served) -> None:
    sessions = [Session(served, ALL), Session(served, ALL), Session(served, SOME)]
    linked = sessions[0].call("link_schema", question="How many cities are in Brazil?")
    recall = {"id": linked["structuredContent"]["recall"], "query": "population"}
    assert not sessions[0].call("recall", **recall)["isError"]
    assert [session.call("recall", **recall)["isError"] for session in sessions[1:]] == [True, True]
    sessions[2].id = sessions[0].id
    assert sessions[2].post("tools/list").status_code == 404
    assert httpx.delete(f"{served.url}/v1/mcp", headers=sessions[0].headers).status_code == 200
    assert sessions[0].post("tools/list").status_code == 404


def test_without_handshakes_a_session_that_is_made_up_counts_for_nothing(served: Served) -> None:
    async def work() -> None:
        made_up = [{"mcp-session-id": name} for name in ("one", "two")]
        async with connect(served, **made_up[0]) as client, connect(served, **made_up[1]) as other:
            linked = await client.call_tool("link_schema", {"question": "How many cities are in Brazil?"})
            recall = {"id": linked.structured_content["recall"], "query": "population"}
            assert not (await other.call_tool("recall", recall)).is_error

    asyncio.run(work())


class Session:
    """A session of the protocol with handshakes, by plain HTTP."""

    def __init__(self, served: Served, key: str) -> None:
        self.url, self._key, self.id = f"{served.url}/v1/mcp", key, ""
        params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        self.id = self.post("initialize", **params).headers["mcp-session-id"]

    @property
    def headers(self) -> dict[str, str]:
        return JSON | {"authorization": f"Bearer {self._key}"} | ({"mcp-session-id": self.id} if self.id else {})

    def post(self, method: str, **params: Any) -> httpx.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(self.url, json=body, headers=self.headers, timeout=100)

    def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        return self.post("tools/call", name=name, arguments=arguments).json()["result"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_cancelled_calls_end_their_queries(served: Served, mode: str) -> None:
    async def work() -> None:
        async with connect(served, mode=mode) as client:
            await client.call_tool("run_sql", COUNT)
            slow = [asyncio.ensure_future(client.call_tool("run_sql", {"sql": ENDLESS})) for _ in range(ASKERS)]
            await asyncio.sleep(1)
            assert not any(call.done() for call in slow)
            for call in slow:
                call.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            start = time.monotonic()
            # Waits for one of the threads, all of which would be busy for 90 seconds.
            assert (await client.call_tool("run_sql", COUNT)).structured_content["rows"] == [[2]]
            assert time.monotonic() - start < 45

    asyncio.run(work())


def test_a_client_that_vanishes_ends_its_queries(served: Served) -> None:
    session = Session(served, ALL)
    body = json.dumps({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_sql", "arguments": {"sql": ENDLESS}}
    })  # fmt: skip
    head = [f"{name}: {value}" for name, value in session.headers.items()]
    lines = ["POST /v1/mcp HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}", *head, "", body]
    connections = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(ASKERS)]
    for connection in connections:
        connection.sendall("\r\n".join(lines).encode())
    time.sleep(1)
    for connection in connections:
        connection.close()
    start = time.monotonic()
    assert session.call("run_sql", **COUNT)["structuredContent"]["rows"] == [[2]]
    assert time.monotonic() - start < 45


def test_a_key_cannot_use_up_the_sessions_of_another(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctxprune.serve.mcp._SESSIONS", 4)
    keys = tuple(KeyConfig(name, hashlib.sha256(name.encode()).hexdigest(), {"shop": "*"}) for name in (ALL, SOME))
    config = ServiceConfig(databases=(DatabaseConfig("shop", str(shop)),), keys=keys, model=ModelConfig("lexical.v1"))
    params = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    with TestClient(create_mcp_app(config), base_url="http://127.0.0.1") as client:

        def open_session(key: str) -> int:
            return client.post("/v1/mcp", json=body, headers=JSON | {"authorization": f"Bearer {key}"}).status_code

        assert [open_session(ALL) for _ in range(4)] == [200, 200, 503, 503]
        assert [open_session(SOME) for _ in range(3)] == [200, 200, 503]


def test_requests_that_are_refused(served: Served) -> None:
    url = f"{served.url}/v1/mcp"
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    assert httpx.post(url, json=body, headers=JSON).status_code == 401
    assert httpx.post(url, json=body, headers=JSON | {"authorization": "Bearer nope"}).status_code == 401
    keyed = JSON | {"authorization": f"Bearer {ALL}"}
    large = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "prune", "arguments": {}}}
    large["params"]["arguments"] = {"query": "x", "text": "y" * 10_000_000}
    assert httpx.post(url, json=large, headers=keyed).status_code == 413
    assert httpx.get(url, headers=keyed).status_code == 405
    assert httpx.put(url, headers=keyed).status_code == 405
    assert httpx.post(url, json=body, headers=keyed | {"mcp-session-id": "nope"}).status_code == 404
    for content in (b"no json", b"[]", b"{}", b"[" * 100_000, b'{"jsonrpc": "2.0"', b"\xff"):
        for version in ({}, {"mcp-protocol-version": "2026-07-28"}):
            response = httpx.post(url, content=content, headers=keyed | version)
            assert response.status_code == 400
            assert "error" in response.json()
            assert len(response.text) < 5_000
    assert Session(served, ALL).call("run_sql", **COUNT)["structuredContent"]["rows"] == [[2]]
    assert "Traceback" not in served.raw
    assert ALL not in served.raw


def test_without_keys_only_this_machine_is_served(shop: Path) -> None:
    config = shop.parent / "open.toml"
    config.write_text('[[databases]]\nname = "shop"\npath = "shop.sqlite"\n', encoding="utf-8")
    with Served(config, command=("mcp", "--transport", "http")) as served:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        foreign = httpx.post(f"{served.url}/v1/mcp", json=body, headers=JSON | {"host": "evil.example"})
        assert foreign.status_code == 421

        async def work() -> None:
            async with Client(f"{served.url}/v1/mcp") as client:
                assert (await client.call_tool("run_sql", COUNT)).structured_content["rows"] == [[4]]

        asyncio.run(work())
        assert served.stop(signal.SIGTERM) == 0
