"""`ctxprune sql ask DB -`: a conversation, one question a line of stdin."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.sql.generate.base import Generator
    from ctxprune.sql.pipeline.answer import Answer
    from ctxprune.sql.pipeline.pipeline import Pipeline

__all__ = ["converse"]


def converse(pipeline: Pipeline, generators: Sequence[Generator], evidence: str) -> Iterator[Answer]:
    """The answers to the lines of stdin, each before the next line is read; stderr says how follow-ups were taken.

    Follow-ups are said in full by the chat model that writes the queries, where there is one, and by rule otherwise.
    """
    from ctxprune.cli import _console
    from ctxprune.sql.pipeline.conversation import Conversation
    from ctxprune.sql.rewrite.base import UNRESOLVED
    from ctxprune.sql.rewrite.chat import ChatRewriter

    model = next((writer.model for writer in generators if hasattr(writer, "model")), None)
    talk = Conversation(pipeline, rewriter=None if model is None else ChatRewriter(model))
    for line in filter(str.strip, sys.stdin):
        answer = talk.ask(line, evidence)
        rewritten = answer.trace.rewritten
        if rewritten is not None and rewritten.changed:
            _console.say(f"taken as: {_console.visible(answer.question)} ({rewritten.rewriter})")
        elif rewritten is not None and rewritten.kind == UNRESOLVED:
            _console.say(f"taken as it is: {rewritten.reason}")
        yield answer
