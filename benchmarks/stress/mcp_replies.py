"""The MCP server over stdio: replies over their budget on a schema of 4,000 columns, and hostile statements that pass.

    python benchmarks/stress/mcp_replies.py      # benchmarks/results/mcp_replies.json and mcp_transcript.md

The SDK's client starts `ctxprune mcp` as an agent would. A reply is counted as it is sent: the text block and the
structured content together. The attacks are those of tests/sql/guard_cases and of tests/sql/hostile.sql, in `run_sql`;
one has passed where it was allowed by `check_sql`, or a statement that writes gave rows, or the file has other bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters, stdio_client

from benchmarks.common.record import RESULTS, record
from ctxprune.tokens import as_counter

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # the hostile statements of the tests

from servers.hostile import WRITES, attacks, can_send, hostile_texts, make_wide

ROOT = Path(__file__).resolve().parents[2]
BUDGETS = (600, 2_000, 8_000)
QUESTIONS = ("Which customer paid most?", "amount 17 of table 3", "measure 5 of broad", "Łódź 漢字 ?", "id")
COUNTER = as_counter()


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        wide, small = Path(place, "wide.sqlite"), Path(place, "shop.sqlite")
        make_wide(wide)
        make_small(small)
        budgets = {str(budget): asyncio.run(measure(wide, budget)) for budget in BUDGETS}
        figures = {"columns": 4_000, "budgets": budgets, "hostile": asyncio.run(attack(small))}
        lines = asyncio.run(transcript(small))
    record("mcp_replies", figures, seed=None, data={"hostile statements": "tests/sql"})
    (RESULTS / "mcp_transcript.md").write_text("\n".join(lines), encoding="utf-8")


def client(path: Path, budget: int) -> Client:
    words = ["-m", "ctxprune", "mcp", str(path), "--budget", str(budget)]
    return Client(
        stdio_client(StdioServerParameters(command=sys.executable, args=words, env={"PYTHONPATH": str(ROOT)}))
    )


def make_small(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE city (name TEXT PRIMARY KEY, country TEXT, population INTEGER);
            CREATE TABLE "order items" (id INTEGER PRIMARY KEY, city_name TEXT REFERENCES city (name), price REAL);
            INSERT INTO city VALUES ('São Paulo', 'Brazil', 12300000), ('Paris', 'France', 2100000);
            INSERT INTO "order items" VALUES (1, 'Paris', 10.5), (2, 'São Paulo', 99);
            CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL);
            INSERT INTO t VALUES (1, 'one', 1.5);
            CREATE VIEW v AS SELECT a, b FROM t;
            """
        )


async def measure(path: Path, budget: int) -> dict[str, Any]:
    sizes, errors = [], 0

    async def call(name: str, **arguments: Any) -> Any:
        nonlocal errors
        reply = await server.call_tool(name, arguments)
        structured = "" if reply.is_error else json.dumps(reply.structured_content, ensure_ascii=False)
        sizes.append(COUNTER.count(reply.content[0].text) + COUNTER.count(structured))
        errors += reply.is_error
        return reply.structured_content

    async with client(path, budget) as server:
        await call("list_databases")
        for question in QUESTIONS:
            linked = await call("link_schema", question=question)
            if linked is not None and linked["recall"]:
                await call("recall", id=linked["recall"], query=question)
            await call("find_values", text=f"{question} value 3 4")
            await call("ask", question=question)
            for sql in ("SELECT * FROM broad", "SELECT * FROM table_3", "SELECT * FROM table_1, table_2 LIMIT 1000"):
                await call("run_sql", sql=sql, question=question)
        contents = (await server.read_resource("ctxprune://schema/wide")).contents[0]
        sizes.append(COUNTER.count(contents.model_dump_json(by_alias=True, exclude_none=True)))
    over = sum(size > budget for size in sizes)
    return {"replies": len(sizes), "errors": errors, "over": over, "largest": max(sizes)}


async def attack(path: Path) -> dict[str, int]:
    refused = [*filter(can_send, attacks())]
    sent = [sql for _, sql in hostile_texts(path)]
    before, passed = hashlib.sha256(path.read_bytes()).digest(), 0
    async with client(path, 8_000) as server:
        for sql in refused:
            run = await server.call_tool("run_sql", {"sql": sql})
            check = await server.call_tool("check_sql", {"sql": sql})
            passed += not run.is_error or not (check.is_error or not check.structured_content["allowed"])
        for sql in filter(WRITES.match, sent):
            passed += not (await server.call_tool("run_sql", {"sql": sql})).is_error
    passed += hashlib.sha256(path.read_bytes()).digest() != before
    return {"attacks on the guard": len(refused), "statements that write": sum(map(bool, map(WRITES.match, sent)))} | {
        "passed": passed
    }


async def transcript(path: Path) -> list[str]:
    """What an agent sees."""
    lines = ["# The MCP server, as a client sees it", "", "Written by `benchmarks/stress/mcp_replies.py`.", ""]
    async with client(path, 8_000) as server:
        tools = (await server.list_tools()).tools
        tokens = COUNTER.count("".join(tool.model_dump_json(by_alias=True, exclude_none=True) for tool in tools))
        lines += [
            f"{len(tools)} tools, {tokens} tokens with their schemas: {', '.join(tool.name for tool in tools)}",
            "",
        ]
        linked: dict[str, Any] = {}
        for name, arguments in (
            ("list_databases", {}),
            ("link_schema", {"question": "How many cities are in Brazil?"}),
            ("find_values", {"text": "sao paulo"}),
            ("check_sql", {"sql": "DROP TABLE city"}),
            ("run_sql", {"sql": "SELECT name, population FROM city ORDER BY population DESC"}),
            ("run_sql", {"sql": "DELETE FROM city"}),
            ("ask", {"question": "How many cities are in Brazil?"}),
            ("recall", {"query": "What is the price of an order?"}),
            ("prune", {"query": "When did it open?", "text": "The bridge is long. It opened in 1933. Cats sleep."}),
        ):
            given = arguments | ({"id": linked["recall"]} if name == "recall" else {})
            reply = await server.call_tool(name, given)
            if name == "link_schema":
                linked = reply.structured_content
            # Ids are made by chance, and a transcript should not change without a reason.
            text = re.sub(r'("recall": ")[^"]+"', r'\1…"', reply.content[0].text)
            asked = json.dumps(arguments | ({"id": "…"} if name == "recall" else {}), ensure_ascii=False)
            lines += [f"**{name}** `{asked}`{' → error' if reply.is_error else ''}", "", f"```\n{text}\n```", ""]
    return lines


if __name__ == "__main__":
    main()
