"""An agent with a 0.5B model that works through `ctxprune mcp`, and the tool `ask` by itself, on the same questions.

    python benchmarks/quality/mcp_agent.py MODEL.gguf   # benchmarks/results/mcp_agent.json and mcp_agent_transcript.md

The SDK's own client starts the server over stdio on the demo database and lists its tools, all of which the model is
offered, with the server's instructions as its system message. The model (Qwen2.5-Coder-0.5B-Instruct, four bits) does
not call tools reliably by itself, so a grammar holds its first turn to a call of one of them, in the form of its own
chat template; which tool, and with which arguments, it chooses. Once a reply had rows it either calls another tool or
writes one line that begins with "The answer is"; before, it can only call, because it otherwise answers from nothing. A
tool that it called is not offered again for the same question, but for `run_sql`, because it otherwise repeats its
call; after four calls it must answer.

Conditions: "ask alone" calls the tool with the question as it is; "all tools" offers the model all of them; "without
ask" hides that one, so that the model has to write SQL, which it mostly does not come to within its four calls. The
first six questions are of the demo's kind, on which `ask` was worked before; the last four were added as harder ones
when it had answered the first twelve.

A question counts as right if the rows of the last reply that has rows are those of the expected query, run by SQLite
alone, in any order of rows and columns.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import llama_cpp
from mcp import Client, StdioServerParameters, stdio_client

from benchmarks.common.record import RESULTS, record
from ctxprune.cli._demo_database import make_database
from ctxprune.integrations.mcp import ReplyBudget

BUDGET = 1_500  # tokens of a reply: about half of it is content, so that four replies and the tools fit the context
MOST_CALLS = 4
CONTEXT = 8_192
CONDITIONS: dict[str, Callable[[str], bool]] = {"all tools": lambda _: True, "without ask": lambda name: name != "ask"}
QUESTIONS = (  # with the query whose rows are right
    (
        "How many suppliers are from Ethiopia?",
        "SELECT count(*) FROM supplier JOIN country USING (iso_code) WHERE country.name = 'Ethiopia'",
    ),
    (
        "Show the names of all suppliers from Brazil.",
        "SELECT supplier_name FROM supplier JOIN country USING (iso_code) WHERE country.name = 'Brazil'",
    ),
    ("How many products are there for each roast?", "SELECT roast, count(*) FROM product GROUP BY roast"),
    (
        "What is the name of the product with the highest unit price?",
        'SELECT product_name FROM product ORDER BY "Unit Price" DESC LIMIT 1',
    ),
    (
        "How many orders were placed between 2023-03-01 and 2023-05-31?",
        """SELECT count(*) FROM "order" WHERE order_date BETWEEN '2023-03-01' AND '2023-05-31'""",
    ),
    (
        "How many customers are in the city of sao paulo?",
        "SELECT count(*) FROM customer JOIN city USING (city_id) WHERE city.name = 'São Paulo'",
    ),
    ("How many reviews have 5 stars?", "SELECT count(*) FROM review WHERE stars = 5"),
    ("What is the average salary of the employees?", "SELECT avg(salary) FROM employee"),
    (
        "How many employees have the job title Head of Sales?",
        "SELECT count(*) FROM employee WHERE job_title = 'Head of Sales'",
    ),
    ("How many shipments were carried by UPS?", "SELECT count(*) FROM shipment WHERE carrier = 'UPS'"),
    ("What is the largest capacity of a warehouse?", "SELECT max(capacity) FROM warehouse"),
    (
        "Which cities are in Germany?",
        "SELECT city.name FROM city JOIN country USING (iso_code) WHERE country.name = 'Germany'",
    ),
    (
        "Which carrier made the most shipments?",
        "SELECT carrier FROM shipment GROUP BY carrier ORDER BY count(*) DESC LIMIT 1",
    ),
    (
        "How many orders were placed by customers from Poland?",
        """SELECT count(*) FROM "order" JOIN customer USING (customer_id) JOIN city USING (city_id)
        JOIN country USING (iso_code) WHERE country.name = 'Poland'""",
    ),
    (
        "Which products have an average rating of less than 3 stars?",
        """SELECT product_name FROM product JOIN review USING (product_id)
        GROUP BY product_id HAVING avg(stars) < 3""",
    ),
    (
        "How many employees earn more than their manager?",
        """SELECT count(*) FROM employee AS e JOIN employee AS m ON m.employee_id = e.manager_id
        WHERE e.salary > m.salary""",
    ),
)


@dataclass
class Turn:
    """What the model said in one turn, and what came back.

    Attributes:
        said: By the model.
        tokens_in: Of its prompt, by its own tokenizer.
        tokens_out: That it wrote.
        seconds: That this took.
        reply: Text of the tool's reply; "" for an answer.
        rows: In the reply; None where it has none.
    """

    said: str
    tokens_in: int
    tokens_out: int
    seconds: float
    reply: str = ""
    rows: list[list[Any]] | None = None


@dataclass
class Session:
    """The connected client with what it has seen.

    Attributes:
        client: Of the SDK.
        tools: By name, as the chat template takes them.
        budget: Counts replies as the server does.
        reply_tokens: Of each reply, both of its forms.
    """

    client: Client
    tools: dict[str, dict[str, Any]]
    budget: ReplyBudget
    reply_tokens: list[int] = field(default_factory=list)

    async def call(self, name: str, arguments: dict[str, Any]) -> tuple[str, list[list[Any]] | None]:
        """The text of a tool's reply, and its rows."""
        result = await self.client.call_tool(name, arguments)
        (block,) = result.content
        content = result.structured_content
        both = block.text + (json.dumps(content, ensure_ascii=False) if content is not None else "")
        self.reply_tokens.append(self.budget.count_text(both))
        return block.text, (content or {}).get("rows")


class LocalModel:
    """A GGUF file that calls tools under a grammar; see the module's docstring."""

    def __init__(self, path: Path, threads: int) -> None:
        self._llama = llama_cpp.Llama(
            str(path), n_ctx=CONTEXT, n_threads=threads, n_threads_batch=threads, seed=0, verbose=False
        )

    def complete(self, messages: list[dict[str, str]], tools: list[dict[str, Any]], grammar: str) -> Turn:
        """One turn."""
        start = time.perf_counter()
        reply = self._llama.create_chat_completion(
            messages,
            tools=tools,
            temperature=0.0,
            max_tokens=200,
            grammar=llama_cpp.LlamaGrammar.from_string(grammar, verbose=False),
        )
        usage = reply["usage"]
        said = reply["choices"][0]["message"]["content"] or ""
        seconds = round(time.perf_counter() - start, 1)
        return Turn(said.strip(), usage["prompt_tokens"], usage["completion_tokens"], seconds)


def write_grammar(tools: list[dict[str, Any]], *, may_answer: bool) -> str:
    """A call of one of these tools with the arguments that it requires, which are texts, or an answer in one line."""
    ways = []
    for tool in tools:
        function = tool["function"]
        parts = [json.dumps(f'{{"name": "{function["name"]}", "arguments": {{')]
        for number, name in enumerate(function["parameters"].get("required", ())):
            parts += [json.dumps(f'{", " if number else ""}"{name}": "'), "text", r'"\""']
        ways.append(" ".join([*parts, '"}}"']))
    rules = ["root ::= " + " | ".join(["call"] * bool(ways) + ["answer"] * may_answer)]
    if ways:
        rules.append('call ::= "<tool_call>\\n" (' + " | ".join(ways) + ') "\\n</tool_call>"')
    if may_answer:
        rules.append('answer ::= "The answer is " [^{}<>\\n]{1,200}')
    rules.append(r"""text ::= ([^"\\\x00-\x1F] | "\\" ["\\]){1,240}""")
    return "\n".join(rules)


async def run_agent(session: Session, model: LocalModel, question: str, offers: Callable[[str], bool]) -> list[Turn]:
    """The turns of one question, with the tools whose names `offers` takes; the last one is the answer."""
    offered = [tool for name, tool in session.tools.items() if offers(name)]
    messages = [
        {"role": "system", "content": session.client.instructions or ""},
        {"role": "user", "content": question},
    ]
    turns: list[Turn] = []
    called: set[str] = set()
    while not turns or turns[-1].reply:
        left = [tool for tool in offered if tool["function"]["name"] not in called] if len(turns) < MOST_CALLS else []
        may_answer = not left or any(turn.rows for turn in turns)
        turn = model.complete(messages, offered, write_grammar(left, may_answer=may_answer))
        turns.append(turn)
        if turn.said.startswith("<tool_call>"):
            call = read_call(turn.said)
            turn.reply, turn.rows = await session.call(call["name"], call["arguments"])
            called |= {call["name"]} - {"run_sql"}
            messages += [{"role": "assistant", "content": turn.said}, {"role": "tool", "content": turn.reply}]
    return turns


def read_call(said: str) -> dict[str, Any]:
    """The call in a turn; one that was cut off at its length is called without arguments, which the server refuses."""
    text = said.removeprefix("<tool_call>").removesuffix("</tool_call>")
    try:
        return json.loads(text)
    except ValueError:
        name = re.search(r'"name": "(\w+)"', text)
        return {"name": name[1] if name else "", "arguments": {}}


def summarise(question: str, gold: list[tuple[Any, ...]], turns: list[Turn]) -> dict[str, Any]:
    """One run for the record."""
    found = [turn.rows for turn in turns if turn.rows is not None]
    calls = [read_call(turn.said) for turn in turns if turn.reply]
    return {
        "question": question,
        "calls": [{"name": call["name"], **call["arguments"]} for call in calls],
        "rows": found[-1][:20] if found else None,
        "right": bool(found) and normalise(found[-1]) == normalise(gold),
        "right in any reply": any(normalise(rows) == normalise(gold) for rows in found),
        "answer": turns[-1].said,
        "tokens_in": [turn.tokens_in for turn in turns],
        "tokens_out": [turn.tokens_out for turn in turns],
        "seconds": [turn.seconds for turn in turns],
    }


def normalise(rows: Any) -> list[tuple[str, ...]]:
    """Rows as a multiset of multisets of cells, floats to six digits."""
    return sorted(
        tuple(sorted(f"{cell:.6g}" if isinstance(cell, float) else str(cell) for cell in row)) for row in rows
    )


async def measure(path: Path, model: LocalModel | None, questions: int) -> tuple[dict[str, Any], list[str]]:
    """All conditions, and the transcript."""
    words = ["-m", "ctxprune", "mcp", str(path), "--budget", str(BUDGET)]
    places = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}  # the SDK hands on no variables
    server = StdioServerParameters(command=sys.executable, args=words, env=places)
    asked = [(question, stored(path, query)) for question, query in QUESTIONS[: questions or None]]
    async with Client(stdio_client(server)) as client:
        session = Session(client, await list_tools(client), ReplyBudget(BUDGET))
        alone = []
        for question, gold in asked:
            reply, rows = await session.call("ask", {"question": question})
            alone.append(
                {
                    "question": question,
                    "outcome": json.loads(reply)["outcome"],
                    "right": normalise(rows or ()) == normalise(gold),
                }
            )
        figures: dict[str, Any] = {"ask alone": {"right": count(alone, "right"), "runs": alone}}
        lines = [f"{len(session.tools)} tools: {', '.join(session.tools)}"]
        for condition, offers in CONDITIONS.items() if model else ():
            runs = []
            for question, gold in asked:
                turns = await run_agent(session, model, question, offers)
                runs.append(summarise(question, gold, turns))
                lines += describe_run(condition, runs[-1], turns)
                sys.stderr.write(f"{condition}: {runs[-1]}\n")
            figures[condition] = {
                "right": count(runs, "right"),
                "right in any reply": count(runs, "right in any reply"),
                "tokens_in": sum(sum(run["tokens_in"]) for run in runs),
                "runs": runs,
            }
        sizes = session.reply_tokens
    over = sum(size > BUDGET for size in sizes)
    replies = {"number": len(sizes), "budget": BUDGET, "largest": max(sizes), "over budget": over}
    return {"questions": len(asked), "replies": replies, **figures}, lines


async def list_tools(client: Client) -> dict[str, dict[str, Any]]:
    """The server's tools as the chat template takes them."""
    return {
        tool.name: {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema},
        }
        for tool in (await client.list_tools()).tools
    }


def count(runs: list[dict[str, Any]], what: str) -> int:
    return sum(run[what] for run in runs)


def stored(path: Path, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query, by SQLite alone: what is expected must not come from what is measured."""
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def describe_run(condition: str, run: dict[str, Any], turns: list[Turn]) -> list[str]:
    """One run for people."""
    lines = ["", f"**{run['question']}** ({condition}; right: {'yes' if run['right'] else 'no'})", ""]
    for turn in turns:
        lines.append(f"- model: `{' '.join(turn.said.split())}`")
        if turn.reply:
            lines.append(f"- server: `{turn.reply[:300]}{'…' if len(turn.reply) > 300 else ''}`")
    return lines


def write_transcript(figures: dict[str, Any], lines: list[str]) -> str:
    """The record for people."""
    replies = figures["replies"]
    head = [
        "# A 0.5B model at work through the MCP server",
        "",
        "Written by `benchmarks/quality/mcp_agent.py`.",
        "",
        "| who | right |",
        "|---|---|",
        *(f"| {name} | {part['right']} of {figures['questions']} |" for name, part in figures.items() if is_run(part)),
        "",
        f"{replies['number']} replies, the largest {replies['largest']} of {replies['budget']} tokens, "
        f"{replies['over budget']} over the budget.",
        "",
    ]
    return "\n".join([*head, *lines]) + "\n"


def is_run(part: Any) -> bool:
    return isinstance(part, dict) and "runs" in part


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path, nargs="?", help="without it only `ask` is measured, and nothing recorded")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--questions", type=int, default=0, help="the first ones only; records nothing")
    words = parser.parse_args()
    model = LocalModel(words.model, words.threads) if words.model else None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coffee.sqlite"
        make_database(path)
        figures, lines = asyncio.run(measure(path, model, words.questions))
    if model is None or words.questions:
        print(json.dumps(figures, indent=1, ensure_ascii=False))
        return
    record("mcp_agent", {"model": words.model.name, **figures}, seed=0, data={})
    (RESULTS / "mcp_agent_transcript.md").write_text(write_transcript(figures, lines), encoding="utf-8")


if __name__ == "__main__":
    main()
