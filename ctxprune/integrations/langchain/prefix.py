"""What each message of a conversation is cut for: decided by the messages before it alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from ctxprune.integrations.langchain.messages import shorten_question
from ctxprune.text.words import split_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from langchain_core.messages import BaseMessage

__all__ = ["read_queries"]

# Characters of one argument of a tool call, and of all, that say what was looked for: searches, names and paths are
# shorter, contents longer; and they must not outweigh the question.
_VALUE, _ALL = 200, 400
_NAME = 64  # characters of a parameter's name
_DEPTH = 4  # of arguments: filters are nested so far, and hostile ones far deeper
# Words in the names of parameters that hold a search, in the tools of agents and in search APIs.
_SOUGHT = frozenset(
    {
        "ask",
        "filter",
        "filters",
        "find",
        "goal",
        "intent",
        "keyword",
        "keywords",
        "match",
        "pattern",
        "phrase",
        "prompt",
    }
    | {"q", "query", "queries", "question", "questions", "regex", "search", "sql", "term", "terms", "topic", "topics"}
    | {"prompt", "where"}
)
_NUMBER = re.compile(r"(?<!\S)\d{1,3}(?!\S)")


def read_queries(messages: Sequence[BaseMessage]) -> list[str]:
    """For each message what it is cut for; "" for one that is never cut.

    That is the last human message before it, of a long one its ends, and, for the result of a tool, what the call asked
    for. Messages behind it say nothing, so that later calls of the model find the same. Human messages are never cut:
    each of them was the question once, and was sent whole then.
    """
    question, calls, queries = "", dict[str, str](), []
    for message in messages:
        query = ""
        if isinstance(message, HumanMessage):
            question = shorten_question(str(message.text))
        elif isinstance(message, AIMessage):
            query = question
            # Of calls with the same id the last one before a result is the one that it answers.
            calls |= {call["id"]: _describe(call["args"]) for call in message.tool_calls if call["id"]}
        elif isinstance(message, ToolMessage):
            query = "\n".join(filter(None, (question, calls.get(message.tool_call_id, ""))))
        queries.append(query)
    return queries


def _describe(args: Mapping[str, Any]) -> str:
    """The short texts among the arguments that say what is sought, by their names.

    Names, paths and ids say where a call looked: a result holds them everywhere or nowhere, and the words of the
    question would count less beside them. Long texts are contents.
    """
    sought = [value for name, value in args.items() if not _SOUGHT.isdisjoint(split_identifier(str(name)[:_NAME]))]
    # Small numbers are mostly limits and pages, but would ask for the rows of a table that hold them.
    words = _NUMBER.sub("", " ".join(_texts(sought, _DEPTH))[:_ALL])
    return " ".join(words.split())


def _texts(value: Any, depth: int) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) <= _VALUE:
            yield value
    elif depth and isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner, depth - 1)
