"""Hostile statements, secrets and clients: nothing passes, nothing changes, nothing is told."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import pytest
from servers.hostile import ENDLESS, WRITES, attacks, hostile_texts, make_shop, snapshot

from ctxprune.serve.config import DatabaseConfig, LimitsConfig

from .conftest import Tools, serving

ASKERS = 8  # calls that wait for a database at the same time


def test_no_attack_passes(tmp_path: Path) -> None:
    """Of the attacks on the guard none runs, and none is said to be allowed."""
    folder = tmp_path / "data"
    folder.mkdir()
    make_shop(folder / "shop.sqlite")
    texts = attacks()
    assert len(texts) > 100
    before = snapshot(folder / "shop.sqlite")
    passed = []
    with serving(DatabaseConfig("shop", str(folder / "shop.sqlite"))) as tools:

        async def attack(client) -> None:
            for sql in texts:
                run, check = [await client.call_tool(name, {"sql": sql}) for name in ("run_sql", "check_sql")]
                if not run.is_error or not (check.is_error or not check.structured_content["allowed"]):
                    passed.append(sql)

        tools.run(attack)
        assert passed == []
    assert snapshot(folder / "shop.sqlite") == before


@pytest.mark.slow
def test_nothing_that_is_thrown_at_the_database_changes_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    path = folder / "shop.sqlite"
    make_shop(path)
    before = snapshot(path)
    passed = []
    with serving(DatabaseConfig("shop", str(path)), limits=LimitsConfig(query_seconds=0.1)) as tools:

        async def attack(client) -> None:
            for family, sql in hostile_texts(path):
                result = await client.call_tool("run_sql", {"sql": sql})
                if not result.is_error and WRITES.match(sql):
                    passed.append((family, sql))

        tools.run(attack)
        assert passed == []
        assert tools.call("run_sql", sql="SELECT count(*) FROM t")["rows"] == [[1]]
    assert snapshot(path) == before


def test_secrets_of_a_url_stand_in_no_reply(caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("psycopg")
    url = "postgresql://reader:s3cr3t-w0rd@db.internal.example.invalid:5432/shop"
    with serving(DatabaseConfig("shop", url)) as tools:
        replies = [
            json.dumps(tools.call("list_databases")),
            tools.refusal("link_schema", question="How many?"),
            tools.refusal("run_sql", sql="SELECT 1"),
            tools.refusal("ask", question="How many?"),
            tools.refusal("check_sql", sql="SELECT 1"),
            tools.refusal("find_values", text="Paris"),
            tools.error(lambda client: client.read_resource("ctxprune://schema/shop")),
        ]
    for text in [*replies, caplog.text]:
        assert "s3cr3t" not in text
        assert "internal.example" not in text
        assert "reader" not in text


def test_arguments_of_10_mb(tools: Tools) -> None:
    for name, arguments in (
        ("prune", {"query": "x", "text": "y " * 5_000_000}),
        ("prune", {"query": "x", "text": "漢" * 2_000_000}),  # few characters, but many bytes
        ("run_sql", {"sql": "x" * 10_000_000}),
        ("ask", {"question": "x" * 10_000_000}),
    ):
        assert "the arguments are too large" in tools.refusal(name, **arguments)
    deep: dict = {}
    for _ in range(50):
        deep = {"x": deep}
    assert "question" in tools.refusal("ask", question=deep)
    assert tools.call("ask", question="How many cities are there?")["rows"] == [[4]]


def test_a_cancelled_call_ends_its_query(shop: Path) -> None:
    limits = LimitsConfig(seconds=100, query_seconds=90)
    with serving(DatabaseConfig("shop", str(shop)), limits=limits) as tools:
        tools.call("ask", question="How many cities are there?")

        async def cancel(client) -> float:
            slow = [asyncio.ensure_future(client.call_tool("run_sql", {"sql": ENDLESS})) for _ in range(ASKERS)]
            await asyncio.sleep(1)
            assert not any(call.done() for call in slow)
            for call in slow:
                call.cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            start = time.monotonic()
            # Waits for one of the threads, all of which would be busy for 90 seconds.
            found = await client.call_tool("run_sql", {"sql": "SELECT count(*) FROM city"})
            assert found.structured_content["rows"] == [[4]]
            return time.monotonic() - start

        assert tools.run(cancel) < 45


def test_a_call_that_takes_too_long_says_so(shop: Path) -> None:
    with serving(DatabaseConfig("shop", str(shop)), limits=LimitsConfig(seconds=300)) as tools:
        tools.call("ask", question="How many cities are there?")
        tools.workspace.seconds = 0.5
        assert "the call took too long: calls may take 0.5 seconds" in tools.refusal("run_sql", sql=ENDLESS)
        tools.workspace.seconds = 300
        assert tools.call("run_sql", sql="SELECT count(*) FROM city")["rows"] == [[4]]
    with serving(DatabaseConfig("shop", str(shop)), limits=LimitsConfig(seconds=300, query_seconds=0.3)) as tools:
        told = tools.refusal("run_sql", sql=ENDLESS)
        assert told == "the query ran past its deadline: simplify it or raise Limits.seconds (CP102)"
        assert "one SELECT on the tables you may see (CP" in tools.refusal("run_sql", sql="DROP TABLE city")
