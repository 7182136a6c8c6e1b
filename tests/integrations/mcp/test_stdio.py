"""`ctxprune mcp` as a process over stdio, with the SDK's client of both eras of the protocol, and with bad ones."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the mcp extra is not installed")

from mcp import Client, StdioServerParameters, stdio_client
from servers.victims import ENDLESS

from .test_hostile import ASKERS

ENVIRONMENT = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}


def words(*arguments: str) -> list[str]:
    return ["-m", "ctxprune", "mcp", *arguments]


def client(*arguments: str, mode: str = "auto", env: dict[str, str] | None = None) -> Client:
    parameters = StdioServerParameters(command=sys.executable, args=words(*arguments), env=ENVIRONMENT | (env or {}))
    return Client(stdio_client(parameters), mode=mode)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_sdk_s_client(shop: Path, mode: str) -> None:
    async def work() -> None:
        async with client(str(shop), mode=mode) as server:
            assert len((await server.list_tools()).tools) == 8
            answer = await server.call_tool("ask", {"question": "How many cities are in Brazil?"})
            assert not answer.is_error, answer.content[0].text
            assert answer.structured_content["rows"] == [[1]]
            text = "Cats sleep all day. The bridge opened in 1933. Tickets cost five. " * 2_000
            pruned = await server.call_tool("prune", {"query": "When did the bridge open?", "text": text})
            assert "1933" in pruned.structured_content["text"]
            again = {"id": pruned.structured_content["recall"], "query": "What do tickets cost?"}
            assert "Tickets cost five" in (await server.call_tool("recall", again)).structured_content["text"]
            slow = [asyncio.ensure_future(server.call_tool("run_sql", {"sql": ENDLESS})) for _ in range(ASKERS)]
            await asyncio.sleep(0.5)
            for call in slow:
                call.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            found = await server.call_tool("run_sql", {"sql": "SELECT count(*) FROM city"})
            assert found.structured_content["rows"] == [[4]]

    asyncio.run(work())


def test_keys_are_taken_from_the_environment(shop: Path) -> None:
    config = shop.parent / "service.toml"
    config.write_text(
        f"""
        [[databases]]
        name = "shop"
        path = "{shop}"
        [[keys]]
        name = "app"
        env = "APP_KEY"
        databases = {{ shop = {{ city = ["name"] }} }}
        """,
        encoding="utf-8",
    )

    async def work() -> None:
        async with client("--config", str(config), env={"APP_KEY": "k", "CTXPRUNE_KEY": "k"}) as server:
            assert "population" not in (await server.read_resource("ctxprune://schema/shop")).contents[0].text
            assert (await server.call_tool("run_sql", {"sql": "SELECT population FROM city"})).is_error

    asyncio.run(work())
    for variables, why in (({}, "is not set"), ({"CTXPRUNE_KEY": "wrong"}, "holds no key")):
        environment = os.environ | ENVIRONMENT | {"APP_KEY": "k"} | variables
        command = [sys.executable, *words("--config", str(config))]
        failed = subprocess.run(
            command, check=False, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=120
        )
        assert (failed.returncode, failed.stdout) == (1, b"")
        assert why in failed.stderr.decode()


class Raw:
    """The process, with lines of any kind."""

    def __init__(self, shop: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, *words(str(shop))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | ENVIRONMENT,
        )

    def send(self, *messages: Any) -> None:
        for message in messages:
            line = message if isinstance(message, bytes) else json.dumps(message).encode()
            self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def reply(self, id_: int) -> dict[str, Any]:
        for line in self.process.stdout:
            found = json.loads(line)
            if found.get("id") == id_:
                return found
        raise AssertionError(self.process.stderr.read().decode())

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_error: object) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            stream.close()


def call(id_: int, name: str, **arguments: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "method": "tools/call", "params": {"name": name, "arguments": arguments}}


def test_malformed_messages_leave_the_server_at_work(shop: Path) -> None:
    with Raw(shop) as raw:
        raw.send(
            b"",
            b"no json",
            b'{"jsonrpc": "2.0", "id": 1',
            b"[]",
            b"[" * 100_000,
            b"\xff\xfe\x00",
            b'{"jsonrpc": "1.0", "id": 7, "method": "ping"}',
            {"jsonrpc": "2.0", "id": {"a": 1}, "method": "ping"},
        )
        raw.send(INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert raw.reply(1)["result"]["serverInfo"]["name"] == "ctxprune"
        raw.send(b"no json", {"jsonrpc": "2.0", "id": 2, "method": "no/such"}, call(3, "nope"))
        assert raw.reply(2)["error"]["code"] == -32601
        assert raw.reply(3)["error"]["code"] == -32602
        raw.send({"jsonrpc": "2.0", "id": 4, "method": "tools/call", "params": {"name": 3}})
        assert raw.reply(4)["error"]["code"] == -32602
        raw.send(call(5, "prune", query="x", text="y" * 10_000_000))
        assert "too large" in raw.reply(5)["result"]["content"][0]["text"]
        raw.send(call(6, "run_sql", sql="SELECT count(*) FROM city"))
        assert raw.reply(6)["result"]["structuredContent"]["rows"] == [[4]]
        raw.process.stdin.close()
        assert raw.process.wait(60) == 0
        raw.process.stdin = open(os.devnull, "wb")  # noqa: SIM115 - closed by the block


@pytest.mark.parametrize("politely", [True, False])
def test_a_client_that_vanishes_in_the_middle(shop: Path, politely: bool) -> None:
    with Raw(shop) as raw:
        raw.send(INITIALIZE, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        raw.reply(1)
        raw.send(call(2, "run_sql", sql="SELECT count(*) FROM city"))
        raw.reply(2)
        raw.send(call(3, "run_sql", sql=ENDLESS))
        time.sleep(0.5)
        if not politely:
            raw.process.stdout.close()
            raw.send(call(4, "list_databases"))
        raw.process.stdin.close()
        raw.process.wait(60)
        assert "Traceback" not in raw.process.stderr.read().decode()
        raw.process.stdin = raw.process.stdin if politely else open(os.devnull, "wb")  # noqa: SIM115


def test_two_clients_on_one_database(shop: Path) -> None:
    async def work() -> None:
        async with client(str(shop)) as one, client(str(shop), mode="legacy") as two:
            text = "Secret plan. The bridge opened in 1933. Cats sleep."
            pruned = await one.call_tool("prune", {"query": "When?", "text": text, "budget": 10})
            id_ = pruned.structured_content["recall"]
            foreign = await two.call_tool("recall", {"id": id_, "query": "Secret plan"})
            assert foreign.is_error
            assert "Secret" not in foreign.content[0].text
            sql = {"sql": "SELECT count(*) FROM city"}
            replies = await asyncio.gather(*(side.call_tool("run_sql", sql) for side in (one, two) for _ in range(10)))
            assert {str(reply.structured_content["rows"]) for reply in replies} == {"[[4]]"}

    asyncio.run(work())
