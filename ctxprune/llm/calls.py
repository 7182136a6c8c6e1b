"""Calls to chat models: in a thread of their own, with a deadline, and recorded for traces."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from ctxprune.errors import CtxpruneError, ModelError
from ctxprune.llm.base import model_name, remove_secrets
from ctxprune.llm.deadline import Deadline, timeout_error, use_deadline
from ctxprune.llm.langchain import as_chat_model
from ctxprune.llm.spans import describe_answers, start_chat
from ctxprune.utils.cancellation import cancellation, check_cancelled, current_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.llm.base import ChatAnswer, ChatModel, Message, Sampling

__all__ = ["Call", "ask_model", "record_calls"]

_POLL_SECONDS = 0.05  # between two checks of whether the question was cancelled


@dataclass(frozen=True)
class Call:
    """One request to a model, for traces.

    Attributes:
        model: The model's name.
        messages: What was sent.
        sampling: How answers were drawn.
        answers: What came back; () when the model failed.
        ms: Milliseconds until it came back.
        error: "" or why the model failed.
        cost: What it cost, by the caller's prices; 0 for cached answers and for failures, though a provider may charge
            an answer that came too late; None where the model has no prices.
    """

    model: str
    messages: tuple[Message, ...]
    sampling: Sampling
    answers: tuple[ChatAnswer, ...] = ()
    ms: float = 0.0
    error: str = ""
    cost: float | None = None


_recorder: ContextVar[list[Call] | None] = ContextVar("ctxprune_calls", default=None)


@contextmanager
def record_calls() -> Iterator[list[Call]]:
    """Collect every call that `ask_model` makes in this thread or task while the block runs."""
    calls: list[Call] = []
    before = _recorder.set(calls)
    try:
        yield calls
    finally:
        _recorder.reset(before)


def ask_model(
    model: ChatModel, messages: Sequence[Message], sampling: Sampling, *, deadline: Deadline | None = None
) -> Sequence[ChatAnswer]:
    """Request answers from `model`, and stop waiting at the deadline even if it hangs.

    The call runs in a thread of its own, since nothing can interrupt a foreign library; a thread that hangs is left
    behind as a daemon. Waiting for the limits of a `LimitedModel` does not count against the deadline. API keys that
    the model's message repeats are removed.

    Args:
        model: The model, or any object that `as_chat_model` accepts.
        messages: What it is sent.
        sampling: How answers are drawn.
        deadline: The deadline of several calls together; None for one of `sampling.seconds`.

    Raises:
        ModelError: The model raised, gave nothing, or did not answer in time.
        UsageError: `model` is not a chat model.
        asyncio.CancelledError: The question was cancelled.
    """
    check_cancelled()
    model = as_chat_model(model)
    start = perf_counter()
    answers: Sequence[ChatAnswer] = ()
    error = ""
    try:
        with start_chat(model, messages, sampling) as span:
            found = _run(model, messages, sampling, deadline or Deadline(sampling.seconds))
            answers = _with_token_counts(messages, found)
            describe_answers(span, answers, model.prices)
    except CtxpruneError as failure:
        error = str(failure)
        raise
    finally:
        calls = _recorder.get()
        if calls is not None:
            ms = (perf_counter() - start) * 1e3
            cost = None if model.prices is None else model.prices.cost(answers)
            calls.append(Call(model_name(model), tuple(messages), sampling, tuple(answers), ms, error, cost))
    return answers


def _with_token_counts(messages: Sequence[Message], answers: Sequence[ChatAnswer]) -> Sequence[ChatAnswer]:
    """The answers, with our token counts where the model reports none."""
    if any(answer.tokens_in for answer in answers):
        return answers
    from ctxprune.tokens import as_counter

    counter = as_counter()
    prompt = sum(counter.count_many(message.content for message in messages))
    return [
        replace(answer, tokens_in=0 if turn else prompt, tokens_out=answer.tokens_out or counter.count(answer.text))
        for turn, answer in enumerate(answers)
    ]


def _wait(thread: threading.Thread, deadline: Deadline) -> None:
    """Wait for the thread until the deadline or a cancellation."""
    # Where nothing can be cancelled one long wait is enough; polling would wake the processor for nothing.
    longest = threading.TIMEOUT_MAX if current_event() is None else _POLL_SECONDS
    while thread.is_alive() and (left := deadline.left()) > 0:
        check_cancelled()
        thread.join(min(left, longest))
    check_cancelled()


def _run(model: ChatModel, messages: Sequence[Message], sampling: Sampling, deadline: Deadline) -> Sequence[ChatAnswer]:
    """The model's answers, generated in a thread.

    Raises:
        ModelError: As `ask_model`.
    """
    outcome: list[Sequence[ChatAnswer] | Exception] = []
    cancelled = current_event()

    def work() -> None:
        try:
            # What is recorded is this call; a model that calls another one is not recorded twice.
            _recorder.set(None)
            with cancellation(cancelled), use_deadline(deadline):
                outcome.append(model.complete(messages, sampling))
        except Exception as error:  # noqa: BLE001 - whatever a model raises becomes a ModelError below
            outcome.append(error)

    # A new thread starts with an empty context; with a copy of this one, what runs there is a part of this trace.
    thread = threading.Thread(target=copy_context().run, args=(work,), name="ctxprune-model", daemon=True)
    thread.start()
    _wait(thread, deadline)
    if not outcome:
        raise timeout_error(deadline.seconds, where=model_name(model))
    answers = outcome[0]
    if isinstance(answers, CtxpruneError):
        answers.what = remove_secrets(answers.what)
        raise answers
    if isinstance(answers, Exception):
        text = remove_secrets(str(answers))[:300]
        raise ModelError(f"{type(answers).__name__}: {text}", where=model_name(model)) from answers
    if not answers:
        raise ModelError("the model gave no answer", where=model_name(model))
    return answers
