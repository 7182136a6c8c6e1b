"""Several calls to a chat model for one request: one deadline, and one account of what they cost."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING

from ctxprune.errors import FailureKind, ModelError
from ctxprune.llm.base import model_name
from ctxprune.llm.calls import ask_model
from ctxprune.llm.deadline import Deadline, timeout_error

from .base import Candidate
from .extract import extract_sql
from .prompts.base import prompt_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling

    from .base import Request

__all__ = ["Talk"]


class Talk:
    """The calls of one request and the candidates that come of them.

    Args:
        model: Who is asked.
        name: The generator's.
        request: What it was asked.
        draw: How answers are drawn; its `seconds` are for all calls together, waiting for a model's limits aside.
    """

    def __init__(self, model: ChatModel, name: str, request: Request, draw: Sampling) -> None:
        self.request = request
        self.made: list[Candidate] = []
        self._model, self._name, self._draw = model, name, draw
        self._deadline = Deadline(draw.seconds)
        self._since = perf_counter()
        self._tokens_in = self._tokens_out = 0
        self._prompt = ""

    def ask(self, messages: Sequence[Message], *, n: int = 1, temperature: float = 0.0) -> Sequence[ChatAnswer]:
        """The model's answers.

        Raises:
            ModelError: It failed, or the deadline has passed.
        """
        left = self._deadline.left()
        self._prompt = prompt_text(messages)
        if left <= 0:
            raise timeout_error(self._draw.seconds, where=model_name(self._model))
        sampling = replace(self._draw, n=n, temperature=temperature, seconds=left)
        answers = ask_model(self._model, messages, sampling, deadline=self._deadline)
        self._tokens_in += sum(answer.tokens_in for answer in answers)
        self._tokens_out += sum(answer.tokens_out for answer in answers)
        return answers

    def candidates(self, answers: Sequence[ChatAnswer], notes: Sequence[str] = ()) -> None:
        """Files the answers of the last call; the first of them carries what the calls before it cost."""
        ms = (perf_counter() - self._since) * 1e3 / len(answers)
        for turn, answer in enumerate(answers):
            found = extract_sql(answer.text)
            before = self._tokens_out - sum(other.tokens_out for other in answers)
            self.made.append(
                Candidate(
                    sql=found.sql,
                    generator=self._name,
                    path=self.request.path,
                    prompt=self._prompt,
                    raw=answer.text,
                    tokens_in=0 if turn else self._tokens_in,
                    tokens_out=answer.tokens_out + (0 if turn else before),
                    ms=ms,
                    cached=answer.cached,
                    error=found.error,
                    failure=FailureKind.NO_SQL if found.error else None,
                    notes=tuple(notes),
                )
            )
        self._since = perf_counter()
        self._tokens_in = self._tokens_out = 0

    def fail(self, error: ModelError) -> None:
        """Files a candidate with an error, which carries what was spent."""
        self.made.append(
            replace(
                Candidate.failed(error, self._name, self.request.path),
                prompt=self._prompt,
                tokens_in=self._tokens_in,
                tokens_out=self._tokens_out,
                ms=(perf_counter() - self._since) * 1e3,
            )
        )
