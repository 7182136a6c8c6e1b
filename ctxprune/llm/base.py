"""What a chat model is to this library: messages in, texts and token counts out."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from ctxprune.errors import CtxpruneError, ModelError, UsageError
from ctxprune.llm.deadline import Deadline, deadlined
from ctxprune.utils.cancellation import cancellation, check_cancelled, current_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "LATE",
    "Call",
    "ChatAnswer",
    "ChatModel",
    "Message",
    "Prices",
    "Sampling",
    "ask_model",
    "model_name",
    "recorded_calls",
]


_LOOK = 0.05  # seconds between two looks at whether the question was cancelled
LATE = "no answer within"  # how the message of a missed deadline begins
# What providers repeat of a key in their messages.
_SECRET = re.compile(r"(?i)\b(bearer\s+)\S+|\b((?:sk|pk|gsk|xai|key|api[_-]?key)[-_=:])[\w.*-]{6,}")


class Message(NamedTuple):
    """One turn of a conversation; `role` is "system", "user" or "assistant"."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn.

    Attributes:
        n: How many answers, 1 or more.
        temperature: 0 or more; at 0 all answers are the same, so ask for one.
        max_tokens: Tokens of one answer at most, 1 or more.
        seed: Same seed, same answers, where the model can promise that.
        stop: Texts at which an answer ends; they are not part of it.
        seconds: Deadline for all n answers together, above 0.

    Raises:
        UsageError: A number is out of its range.
    """

    n: int = 1
    temperature: float = 0.0
    max_tokens: int = 256
    seed: int = 0
    stop: tuple[str, ...] = ()
    seconds: float = 120.0

    def __post_init__(self) -> None:
        for name, low in (("n", 1), ("max_tokens", 1), ("temperature", 0)):
            if getattr(self, name) < low:
                raise UsageError(f"{name} must be at least {low}, got {getattr(self, name)}", where=name)
        if not self.seconds > 0:
            raise UsageError(f"seconds must be above 0, got {self.seconds}", where="seconds")


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One answer.

    Attributes:
        text: As the model wrote it.
        tokens_in: Tokens of the prompt, as the model counts them, 0 where it does not (`ask_model` then counts). Of
            several answers to one prompt the first carries them and the others carry 0, so that sums are right.
        tokens_out: Tokens of the answer.
        ms: Milliseconds that this answer took when it was made (also when it now comes from a cache).
        cached: True when it comes from a cache.
    """

    text: str
    tokens_in: int = 0
    tokens_out: int = 0
    ms: float = 0.0
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Prices:
    """What a provider charges, in any currency: per million tokens of prompts and of answers, 0 or more.

    Raises:
        UsageError: A price is no number or below 0.
    """

    per_million_in: float
    per_million_out: float

    def __post_init__(self) -> None:
        for name in ("per_million_in", "per_million_out"):
            price = getattr(self, name)
            if isinstance(price, bool) or not isinstance(price, (int, float)) or not 0 <= price < float("inf"):
                raise UsageError(f"{name} must be a number of at least 0, got {price!r}", where=name)

    def cost(self, answers: Sequence[ChatAnswer]) -> float:
        """Of these answers; those out of a cache cost nothing."""
        paid = [answer for answer in answers if not answer.cached]
        spent = sum(answer.tokens_in for answer in paid) * self.per_million_in
        return (spent + sum(answer.tokens_out for answer in paid) * self.per_million_out) / 1e6


@runtime_checkable
class ChatModel(Protocol):
    """A chat model. Safe to share between threads."""

    @property
    def fingerprint(self) -> str:
        """Names the model and all that changes its answers except the prompt and `Sampling`; part of cache keys.

        Raises:
            ModelError: The model cannot be told from others now, for instance since its server is down.
        """
        ...

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """Up to `sampling.n` answers, at least one.

        Raises:
            ModelError: The model failed, or did not answer in time.
        """
        ...


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
        cost: What it cost, by the caller's prices, 0 for answers out of a cache and for failures, though a provider may
            charge an answer that came too late; None where the model has no prices.
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
def recorded_calls() -> Iterator[list[Call]]:
    """Collects every call that `ask_model` makes in this thread or task while the block runs."""
    calls: list[Call] = []
    before = _recorder.set(calls)
    try:
        yield calls
    finally:
        _recorder.reset(before)


def model_name(model: ChatModel) -> str:
    """What messages and traces call a model: its attribute `name` where it has one, else its fingerprint.

    A name never asks a server, which a fingerprint may.
    """
    return str(getattr(model, "name", "") or model.fingerprint)


def ask_model(
    model: ChatModel, messages: Sequence[Message], sampling: Sampling, *, deadline: Deadline | None = None
) -> Sequence[ChatAnswer]:
    """Ask `model`, and stop waiting at the deadline even if it hangs.

    The call runs in a thread of its own, since nothing can interrupt a foreign library; a thread that hangs is left
    behind as a daemon. Waiting for the limits of a `LimitedModel` does not count against the deadline. A key that the
    model's message repeats is struck out.

    Args:
        model: Who is asked.
        messages: What it is sent.
        sampling: How answers are drawn.
        deadline: That of several calls together; None for one of `sampling.seconds`.

    Raises:
        ModelError: The model raised, gave nothing, or did not answer in time.
        asyncio.CancelledError: The question was cancelled.
    """
    check_cancelled()
    start = perf_counter()
    answers: Sequence[ChatAnswer] = ()
    error = ""
    try:
        answers = _counted(messages, _ask(model, messages, sampling, deadline or Deadline(sampling.seconds)))
    except CtxpruneError as failure:
        error = str(failure)
        raise
    finally:
        calls = _recorder.get()
        if calls is not None:
            ms = (perf_counter() - start) * 1e3
            prices: Prices | None = getattr(model, "prices", None)
            cost = None if prices is None else prices.cost(answers)
            calls.append(Call(model_name(model), tuple(messages), sampling, tuple(answers), ms, error, cost))
    return answers


def _counted(messages: Sequence[Message], answers: Sequence[ChatAnswer]) -> Sequence[ChatAnswer]:
    """Answers of a model that counts no tokens get ours."""
    if any(answer.tokens_in for answer in answers):
        return answers
    from ctxprune.tokens import as_counter

    counter = as_counter()
    prompt = sum(counter.count_many(message.content for message in messages))
    return [
        replace(answer, tokens_in=0 if turn else prompt, tokens_out=answer.tokens_out or counter.count(answer.text))
        for turn, answer in enumerate(answers)
    ]


def _join(thread: threading.Thread, deadline: Deadline) -> None:
    """Wait for the thread, at most until the deadline or a cancellation."""
    longest = threading.TIMEOUT_MAX if current_event() is None else _LOOK
    while thread.is_alive() and (left := deadline.left()) > 0:
        check_cancelled()
        thread.join(min(left, longest))
    check_cancelled()


def _without_secrets(text: str) -> str:
    return _SECRET.sub(lambda found: f"{found[1] or found[2]}***", " ".join(text.split()))


def _ask(model: ChatModel, messages: Sequence[Message], sampling: Sampling, deadline: Deadline) -> Sequence[ChatAnswer]:
    outcome: list[Sequence[ChatAnswer] | Exception] = []
    cancelled = current_event()

    def work() -> None:
        try:
            with cancellation(cancelled), deadlined(deadline):
                outcome.append(model.complete(messages, sampling))
        except Exception as error:  # noqa: BLE001 - whatever a model raises becomes a ModelError below
            outcome.append(error)

    thread = threading.Thread(target=work, name="ctxprune-model", daemon=True)
    thread.start()
    _join(thread, deadline)
    if not outcome:
        raise ModelError(f"{LATE} {deadline.seconds:g} s", where=model_name(model))
    answers = outcome[0]
    if isinstance(answers, CtxpruneError):
        answers.what = _without_secrets(answers.what)
        raise answers
    if isinstance(answers, Exception):
        text = _without_secrets(str(answers))[:300]
        raise ModelError(f"{type(answers).__name__}: {text}", where=model_name(model)) from answers
    if not answers:
        raise ModelError("the model gave no answer", where=model_name(model))
    return answers
