"""A LangChain agent whose model follows a script: it calls the tool of a turn, and recall where evidence is missing.

No language model answers here. The agent, its middleware and its tools are the real ones; the script decides by looking
for the evidence in what the model is sent: what it does not see, it asks for, as far as the strategy lets it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from langchain.agents import create_agent
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage, convert_to_openai_messages
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import StructuredTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import PrivateAttr

from benchmarks.quality._prompt_prices import CallCost, PromptCache
from benchmarks.quality._tool_results import holds_evidence, visible_forms
from ctxprune import as_counter
from ctxprune.scorers import DEFAULT_SCORER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.quality._agent_runs import AgentRun, Turn

SYSTEM = "You answer questions with the help of tools. Say so where the tools' results do not hold the answer."
RECALLS = 3
"""Calls of recall that the script makes within one turn, at most."""
_RECALL = "recall"
ABOUT = {
    "read_document": "Read a document, or a part of it, by its name.",
    "fetch_page": "Fetch a web page, or a part of it, as HTML.",
    "read_table": "Read a table by its name; the result is CSV.",
    "read_log": "Read the lines of a log file.",
    "call_api": "Call an API by the name of its resource; the result is JSON.",
    "run_sql": "Run a query; the result is its rows as JSON.",
    "list_tables": "List the tables of the databases with their columns, as JSON.",
    "search_stories": "Search stories; the result is a list of whole stories as JSON.",
    "search_passages": "Search passages; the result is a list of passages.",
    "search_tables": "Search tables; the result is a list of tables as JSON.",
    "search_reports": "Search annual reports; the result is a list of their parts as JSON.",
}


@dataclass(frozen=True)
class Strategy:
    """What stands between the agent's state and its model, and what the script may do about missing evidence.

    Attributes:
        middleware: Makes the middleware of one run, with the scorer that prunes.
        recall: What the script calls `recall` with: "id" and the question, the "question" alone, or "" for never.
        read_again: Whether it calls the tool of an earlier turn again, once a turn, where it has no evidence.
        extra_tools: Makes further tools on offer, which no turn needs.
    """

    middleware: Callable[[Any], list[Any]]
    recall: str = ""
    read_again: bool = False
    extra_tools: Callable[[], list[Any]] = list


@dataclass
class TurnOutcome:
    """What became of one turn.

    Attributes:
        name: Of the tool result that answers it.
        group: Of that result.
        returns: Whether the result is of an earlier turn.
        scored: Whether it counts for answers.
        cut: Whether the result's own message did not show the evidence when it was first needed.
        shown: Whether the evidence was anywhere in the prompt by then, without a call for it.
        found: Whether it was in the prompt that is answered.
        recalls: Calls of `recall`, or of the same tool again.
        calls: Of the model.
    """

    name: str
    group: str
    returns: bool
    scored: bool
    cut: bool = False
    shown: bool = False
    found: bool = False
    recalls: int = 0
    calls: list[CallCost] = field(default_factory=list)


def play_run(run: AgentRun, strategy: Strategy, scorer: Any = DEFAULT_SCORER) -> list[dict[str, Any]]:
    """The outcomes of a run's turns, as JSON-safe objects.

    Args:
        run: What is asked.
        strategy: What stands between the agent and its model.
        scorer: Prunes tool results.
    """
    script = Script(run, strategy)
    model = ScriptedModel()
    model._script = script
    tools = [*make_tools(run), *strategy.extra_tools()]
    agent = create_agent(model, tools, middleware=strategy.middleware(scorer), system_prompt=SYSTEM)
    config = {"configurable": {"thread_id": run.name}, "recursion_limit": 100}
    messages: list[BaseMessage] = []
    for place, turn in enumerate(run.turns):
        script.start(turn)
        messages.append(HumanMessage(turn.question.text, id=f"question-{place}"))
        messages = agent.invoke({"messages": messages}, config)["messages"]
    return [asdict(outcome) for outcome in script.outcomes]


def make_tools(run: AgentRun) -> list[StructuredTool]:
    """The same tools for every run; they give the tool results of this one."""
    texts = {turn.result.name: turn.result.text for turn in run.turns}

    def read(name: str) -> str:
        return texts[name]

    return [StructuredTool.from_function(read, name=name, description=about) for name, about in ABOUT.items()]


class Script:
    """Decides what the model says next, and keeps account of its calls.

    Args:
        run: What is asked.
        strategy: What it may do.
    """

    def __init__(self, run: AgentRun, strategy: Strategy) -> None:
        self.outcomes: list[TurnOutcome] = []
        self._strategy = strategy
        self._cache = PromptCache(count_tokens)
        self._questions = [turn.question.text for turn in run.turns]
        self._call_ids: dict[str, str] = {}  # of the first call that gave each tool result
        self._calls = 0
        self._turn: Turn | None = None
        self._judged = False

    def start(self, turn: Turn) -> None:
        """Begin the next turn."""
        self._turn, self._judged = turn, False
        self.outcomes.append(TurnOutcome(turn.result.name, turn.result.group, turn.returns, turn.scored))

    def reply(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> AIMessage:
        """The model's next message to what it is sent and offered."""
        assert self._turn is not None
        turn, outcome = self._turn, self.outcomes[-1]
        outcome.calls.append(self._cache.send(render_prompt(messages, tools)))
        if turn.result.name not in self._call_ids:
            return self._call_tool(turn)
        outcome.found = holds_evidence(turn.question, self._forms(messages))
        own = self._call_ids[turn.result.name]
        if not self._judged:
            shown = [m for m in messages if isinstance(m, ToolMessage) and m.tool_call_id == own]
            outcome.cut = not holds_evidence(turn.question, self._forms(shown))
            outcome.shown, self._judged = outcome.found, True
        return AIMessage(" / ".join(turn.question.evidence[0])) if outcome.found else self._ask_again(messages, tools)

    def _ask_again(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> AIMessage:
        assert self._turn is not None
        turn, outcome = self._turn, self.outcomes[-1]
        offered = any(tool["function"]["name"] == _RECALL for tool in tools)
        if self._strategy.recall and offered and outcome.recalls < RECALLS:
            outcome.recalls += 1
            id_ = find_id(messages, self._call_ids[turn.result.name]) if self._strategy.recall == "id" else ""
            return self._call(_RECALL, {"query": turn.question.text} | ({"id": id_} if id_ else {}))
        if self._strategy.read_again and turn.returns and not outcome.recalls:
            outcome.recalls += 1
            return self._call_tool(turn)
        return AIMessage("The results of the tools do not say that.")

    def _call_tool(self, turn: Turn) -> AIMessage:
        message = self._call(turn.result.tool, {"name": turn.result.name})
        self._call_ids[turn.result.name] = str(message.tool_calls[0]["id"])
        return message

    def _call(self, tool: str, arguments: dict[str, str]) -> AIMessage:
        self._calls += 1
        return AIMessage("", tool_calls=[{"name": tool, "args": arguments, "id": f"call_{self._calls:03d}"}])

    def _forms(self, messages: Sequence[BaseMessage]) -> list[str]:
        """What tools gave and what middleware added; neither the questions nor the model's own words."""
        forms: list[str] = []
        for message in messages:
            if isinstance(message, HumanMessage):
                text = message.text
                for question in self._questions:
                    text = text.replace(question, "")
                forms.extend(_cached_forms(text))
            elif isinstance(message, ToolMessage):
                forms.extend(_cached_forms(message.text))
        return forms


class ScriptedModel(BaseChatModel):
    """A chat model that says what a script tells it."""

    _script: Script = PrivateAttr()

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_options: Any) -> Any:
        """The model with these tools on offer."""
        return self.bind(tools=[convert_to_openai_tool(tool) for tool in tools])

    def _generate(
        self, messages: list[BaseMessage], *_args: Any, tools: Sequence[Any] = (), **_options: Any
    ) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self._script.reply(messages, tools))])


def render_prompt(messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]]) -> tuple[str, ...]:
    """A prompt's segments: the tools, then one a message, its text without the escapes of JSON."""
    return (json.dumps(tools, ensure_ascii=False), *map(render_message, messages))


def render_message(message: BaseMessage) -> str:
    """All of a message that is sent to a provider."""
    row: Any = convert_to_openai_messages([message])[0]
    content = row.pop("content")
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    texts = [one["text"] if one["type"] == "text" else json.dumps(one, ensure_ascii=False) for one in blocks]
    return "\n".join([json.dumps(row, ensure_ascii=False), *texts])


def find_id(messages: Sequence[BaseMessage], call_id: str) -> str:
    """The id that the message of a tool call names for what was left out of it; "" where it names none."""
    for message in messages:
        if isinstance(message, ToolMessage) and message.tool_call_id == call_id:
            found = re.findall(r"recall id ([0-9a-f]{12})\b", message.text)
            return str(found[-1]) if found else ""
    return ""


@lru_cache(maxsize=4096)
def _cached_forms(text: str) -> tuple[str, ...]:
    return visible_forms(text)


@lru_cache(maxsize=8192)
def count_tokens(text: str) -> int:
    """Tokens of the bundled tokenizer."""
    return _COUNTER.count(text)


_COUNTER = as_counter()
