"""An agent with a 0.5B model on this machine, with and without the middleware, on the same questions in the same run.

    python benchmarks/quality/agent.py MODEL.gguf        # benchmarks/results/agent.json and agent_transcript.md

`create_agent` of LangChain gets eight tools, of which `ask_database` (`sql_tool` on the demo database) and
`read_handbook` (a long text) are real and the others say only that they are not there. With middleware:
`ToolSelectionMiddleware` offers at least two tools, `PruningMiddleware` cuts tool results to 120 tokens.

The model (Qwen2.5-Coder-0.5B-Instruct, four bits) does not call tools reliably by itself. So its first turn is held by
a grammar to a call of one of the tools that it is offered, in the form of its own chat template; which tool, and with
which arguments, it chooses. After a result the grammar asks for one line that begins with "The answer is", since
this model else calls again or repeats the call; the rest it chooses. An answer counts as right if it holds the expected
text as a word.
"""

from __future__ import annotations

import argparse
import json
import re
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import llama_cpp
from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import Field, PrivateAttr

from benchmarks.common.record import RESULTS, record
from ctxprune.cli._demo_database import make_database
from ctxprune.integrations.langchain import (
    MessagePruner,
    PruningMiddleware,
    ToolSelectionMiddleware,
    ToolSelector,
    sql_tool,
)
from ctxprune.sql import Database, Pipeline

SYSTEM = "You answer questions of the staff of a coffee importer. Answer in one short sentence."
QUESTIONS = (  # with the tool that can tell, and what a right answer holds, for the database as a query
    (
        "How many suppliers are from Ethiopia?",
        "ask_database",
        "SELECT count(*) FROM supplier JOIN country USING (iso_code) WHERE country.name = 'Ethiopia'",
    ),
    ("What does the handbook say: at what temperature is green coffee stored?", "read_handbook", "18"),
    (
        "What is the name of the product with the highest unit price?",
        "ask_database",
        'SELECT product_name FROM product ORDER BY "Unit Price" DESC LIMIT 1',
    ),
    ("What does the handbook say: after how many days may a customer return roasted coffee?", "read_handbook", "21"),
)
HANDBOOK = (
    "Deliveries are unloaded at the north gate between six and ten in the morning. The driver waits in the cab. "
    "Pallets are counted twice, once by the driver and once by the shift lead. Damaged sacks are photographed "
    "before they are moved. A sack that smells of mould is set aside and reported to quality on the same day.",
    "Green coffee is stored at 18 degrees. The humidity of the store stays near sixty percent. Windows stay "
    "closed from May to September. Sacks stand on pallets and never touch a wall. The oldest lot is used first. "
    "Nothing that smells is kept in the same room, not even cleaning agents.",
    "Roasting begins at seven. The drum is heated for half an hour before the first batch. Each batch is logged "
    "with its lot, its weight before and after, and the time of the first crack. A batch that loses more than a "
    "fifth of its weight is tasted before it is packed. The roaster is cleaned every Friday afternoon.",
    "Roasted coffee rests for two days before it is packed. Bags carry a valve. The date on the bag is the date "
    "of the roast. Labels are printed on the day of packing only. Bags without a label are opened and given to "
    "the canteen.",
    "A customer may return roasted coffee within 21 days if the bag is closed. The price is paid back to the "
    "account that it came from. Opened bags are replaced once. Returns are entered on the day on which they "
    "arrive. Whoever takes a return asks for the reason and writes it down in the customer's words.",
    "Orders over five hundred kilograms are confirmed by telephone. A new customer pays the first order in "
    "advance. The credit limit is looked at once a year. Reminders are sent after ten, twenty and thirty days. "
    "After the third one the account is closed until it is paid.",
    "The cupping room is open to all staff on Tuesdays. Cups are rinsed with hot water only. Scores are given "
    "in silence and talked about afterwards. Samples are kept for six months. Visitors sign the book at the "
    "door.",
)


class LocalModel(BaseChatModel):
    """A GGUF file as a LangChain chat model that can call tools; see the module's docstring."""

    calls: list[dict[str, Any]] = Field(default_factory=list)
    _llama: Any = PrivateAttr()

    def __init__(self, path: Path, threads: int) -> None:
        super().__init__()
        self._llama = llama_cpp.Llama(
            str(path), n_ctx=6144, n_threads=threads, n_threads_batch=threads, seed=0, verbose=False
        )

    @property
    def _llm_type(self) -> str:
        return "llama.cpp"

    def bind_tools(self, tools: Any, **options: Any) -> Any:  # noqa: ARG002 - the grammar stands in for tool_choice
        return self.bind(tools=[convert_to_openai_tool(one) for one in tools])

    def _generate(
        self,
        messages: Any,
        stop: Any = None,  # noqa: ARG002 - what LangChain hands over
        run_manager: Any = None,  # noqa: ARG002
        *,
        tools: Any = (),
        **options: Any,  # noqa: ARG002
    ) -> ChatResult:
        called = any(isinstance(message, ToolMessage) for message in messages)
        start = time.perf_counter()
        reply = self._llama.create_chat_completion(
            [_turn(message) for message in messages],
            tools=list(tools) or None,
            temperature=0.0,
            max_tokens=60,
            grammar=_grammar([] if called else tools),
        )
        text = reply["choices"][0]["message"]["content"] or ""
        names = [one["function"]["name"] for one in tools]
        tokens = {"tokens_in": reply["usage"]["prompt_tokens"], "tokens_out": reply["usage"]["completion_tokens"]}
        self.calls.append({"tools": names, **tokens, "seconds": round(time.perf_counter() - start, 1), "said": text})
        if called or not tools:
            return ChatResult(generations=[ChatGeneration(message=AIMessage(text.strip()))])
        call = json.loads(text.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"))
        made = {"name": call["name"], "args": call["arguments"], "id": f"call-{len(self.calls)}"}
        return ChatResult(generations=[ChatGeneration(message=AIMessage("", tool_calls=[made]))])


def _turn(message: Any) -> dict[str, Any]:
    """A message as the chat template takes it."""
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": message.text}
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": message.text}
    if isinstance(message, ToolMessage):
        return {"role": "tool", "content": message.text}
    calls = [{"name": call["name"], "arguments": call["args"]} for call in message.tool_calls]
    said = [f"<tool_call>\n{json.dumps(call)}\n</tool_call>" for call in calls]
    return {"role": "assistant", "content": "\n".join([message.text, *said]).strip()}


def _grammar(tools: Any) -> Any:
    """One call of any of the tools, each with its one text argument; without tools, one line that answers."""
    if not tools:
        return llama_cpp.LlamaGrammar.from_string('root ::= "The answer is " [^{}<>\\n]{1,200}', verbose=False)
    ways = []
    for one in tools:
        (argument,) = one["function"]["parameters"]["properties"]
        start = json.dumps(f'{{"name": "{one["function"]["name"]}", "arguments": {{"{argument}": "')
        ways.append(f"{start} text {json.dumps(chr(34) + '}}')}")
    rules = ['root ::= "<tool_call>\\n" (' + " | ".join(ways) + ') "\\n</tool_call>"', 'text ::= [^"\\\\\\n]{1,160}']
    return llama_cpp.LlamaGrammar.from_string("\n".join(rules), verbose=False)


def make_tools(pipeline: Pipeline) -> list[Any]:
    """The agent's tools."""

    @tool
    def read_handbook(topic: str) -> str:  # noqa: ARG001 - the whole text comes, as from a simple document store
        """Gives the staff handbook: deliveries, storage of green coffee, roasting, packing, returns, cupping."""
        return "\n\n".join(HANDBOOK)

    @tool
    def get_weather(place: str) -> str:
        """Tells today's weather at a place: temperature, wind, rain and hours of sunshine, from the public service."""
        return f"There is no weather service for {place}."

    @tool
    def send_email(text: str) -> str:
        """Sends an email to a colleague or a customer; the first line is the address, the second the subject."""
        return f"Nothing was sent: {len(text)} characters."

    @tool
    def book_meeting(when: str) -> str:
        """Books a meeting room in the calendar for a day and an hour, and invites those who are named to it."""
        return f"No room is free: {when}."

    @tool
    def convert_currency(amount: str) -> str:
        """Converts an amount of money from one currency into another one at the central bank's rate."""
        return f"There is no rate for {amount}."

    @tool
    def translate_text(text: str) -> str:
        """Translates a text into English, German, French, Portuguese or Spanish, whichever it is not yet in."""
        return f"Not translated: {text}"

    @tool
    def track_parcel(number: str) -> str:
        """Tells where a parcel is and when it will arrive, by the tracking number of the carrier that brings it."""
        return f"There is no parcel {number}."

    return [get_weather, send_email, sql_tool(pipeline), book_meeting, convert_currency, read_handbook, translate_text,
            track_parcel]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--questions", type=int, default=0, help="the first ones only; records nothing")
    words = parser.parse_args()
    middleware = [PruningMiddleware(MessagePruner(limit=120)), ToolSelectionMiddleware(ToolSelector(least=2, most=3))]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coffee.sqlite"
        make_database(path)
        with Database(path, name="coffee") as database:
            pipeline = Pipeline(database)
            model = LocalModel(words.model, words.threads)
            rows = []
            for name, layers in (("without", ()), ("with", middleware)):
                for question, wanted, gold in QUESTIONS[: words.questions or None]:
                    expected = stored(path, gold) if wanted == "ask_database" else gold
                    agent = create_agent(model, make_tools(pipeline), system_prompt=SYSTEM, middleware=layers)
                    rows.append(
                        {"question": question, "middleware": name, **run(agent, model, question, wanted, expected)}
                    )
                    sys.stderr.write(f"{rows[-1]}\n")
    if not words.questions:
        record("agent", {"model": words.model.name, **totals(rows), "runs": rows}, seed=0, data={})
        (RESULTS / "agent_transcript.md").write_text(transcript(rows), encoding="utf-8")


def stored(path: Path, query: str) -> str:
    """The one cell of a query, by SQLite alone: what is expected must not come from what is measured."""
    with closing(sqlite3.connect(path)) as database:
        return str(database.execute(query).fetchone()[0])


def run(agent: Any, model: LocalModel, question: str, wanted: str, expected: str) -> dict[str, Any]:
    """One question."""
    model.calls.clear()
    messages = agent.invoke({"messages": [HumanMessage(question)]}, {"recursion_limit": 8})["messages"]
    used = [call["name"] for message in messages if isinstance(message, AIMessage) for call in message.tool_calls]
    answer = messages[-1].text
    return {
        "wanted tool": wanted,
        "used tools": used,
        "offered": [len(call["tools"]) for call in model.calls],
        "wanted tool offered": all(wanted in call["tools"] for call in model.calls),
        "tokens_in": [call["tokens_in"] for call in model.calls],
        "tokens_out": [call["tokens_out"] for call in model.calls],
        "seconds": [call["seconds"] for call in model.calls],
        "first turn": model.calls[0]["said"],
        "answer": answer,
        "expected": expected,
        "right": re.search(rf"\b{re.escape(expected)}\b", answer) is not None,
    }


def totals(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums by middleware, and how many answers are the same."""
    found: dict[str, Any] = {}
    for name in ("without", "with"):
        own = [row for row in rows if row["middleware"] == name]
        found[name] = {
            "questions": len(own),
            "tokens_in": sum(sum(row["tokens_in"]) for row in own),
            "wanted tool offered": sum(row["wanted tool offered"] for row in own),
            "wanted tool used": sum(row["wanted tool"] in row["used tools"] for row in own),
            "right": sum(row["right"] for row in own),
        }
    pairs = list(zip(rows[: len(rows) // 2], rows[len(rows) // 2 :], strict=True))
    found["both right or both wrong"] = sum(one["right"] == other["right"] for one, other in pairs)
    found["equal answers"] = sum(one["answer"] == other["answer"] for one, other in pairs)
    return found


def transcript(rows: list[dict[str, Any]]) -> str:
    """The runs for people."""
    lines = [
        "# An agent with a 0.5B model, without and with ctxprune's middleware",
        "",
        "Written by `benchmarks/quality/agent.py`.",
    ]
    for row in rows:
        lines += ["", f"**{row['question']}** ({row['middleware']} middleware, tools offered: {row['offered']})", ""]
        lines += [f"- first turn: `{' '.join(row['first turn'].split())}`", f"- answer: {row['answer']}"]
        lines += [f"- tokens into the model: {row['tokens_in']}; expected: {row['expected']}; right: {row['right']}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
