"""A chat model within limits: concurrency, requests and tokens a minute, retries, and prices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, FailureKind, ModelError
from ctxprune.llm.base import ChatModel, Prices, model_name
from ctxprune.llm.deadline import Deadline, current_deadline, timeout_error
from ctxprune.llm.langchain import as_chat_model
from ctxprune.llm.rate_limit import CallLimits, RateLimiter, Timer
from ctxprune.llm.retries import backoff_seconds, find_transient_fault
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ctxprune.llm.base import ChatAnswer, Message, Sampling

__all__ = ["CallLimits", "LimitedModel", "Prices"]


@dataclass(frozen=True)
class LimitedModel(ChatModel):
    """Wraps a chat model: all threads that use this object share its limits, and transient failures (HTTP 429 and 5xx,
    broken connections, timeouts) are retried within the request's deadline.

    A pause that the server demands (Retry-After) holds for all threads. Waiting for the limits does not count against
    the deadline; waiting for the server does. Put `CachedModel` around it, not inside, so that cached answers do not
    wait.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model. Turn off its own retries.
        limits: Rate limits and retries.
        prices: What tokens cost, for traces; None where they are unknown.
        timer: Clock and random numbers.

    Raises:
        UsageError: `model` is not a chat model.
    """

    model: Any
    limits: CallLimits = field(default_factory=CallLimits)
    prices: Prices | None = None
    timer: Timer = field(default_factory=Timer, repr=False, compare=False)
    _limiter: RateLimiter = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))
        object.__setattr__(self, "_limiter", RateLimiter(self.limits, self.timer))

    @property
    def name(self) -> str:
        """The wrapped model's."""
        return model_name(self.model)

    @property
    def fingerprint(self) -> str:
        """The wrapped model's."""
        return str(self.model.fingerprint)

    @property
    def span_attributes(self) -> Mapping[str, str | int]:
        """The wrapped model's."""
        attributes: Mapping[str, str | int] = self.model.span_attributes
        return attributes

    @property
    def is_small(self) -> bool:
        """The wrapped model's."""
        return bool(self.model.is_small)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """As the wrapped model.

        Raises:
            ModelError: It failed after all attempts, or the next one would start after the deadline; the message says
                how many there were. Other failures are raised as the wrapped model raises them.
        """
        deadline = current_deadline() or Deadline(sampling.seconds, self.timer.now)
        if sampling.n == 1 or not self.model.one_by_one:
            return self._ask(messages, sampling, deadline)
        # Each answer is a request of its own, so each waits for the limits and is retried by itself.
        answers: list[ChatAnswer] = []
        for turn in range(sampling.n):
            single = replace(sampling, n=1, seed=sampling.seed + turn)
            try:
                answers += self._ask(messages, single, deadline)
            except ModelError:
                if not answers:
                    raise
                break  # fewer answers are better than none
        return answers

    def _ask(self, messages: Sequence[Message], sampling: Sampling, deadline: Deadline) -> Sequence[ChatAnswer]:
        """One request, repeated after transient failures."""
        tokens = self._expected(messages, sampling)
        for number in range(1, self.limits.tries + 1):
            try:
                return self._attempt(messages, sampling, deadline, tokens)
            except Exception as error:
                fault = find_transient_fault(error)
                if fault is None or is_cancelled():
                    raise
                wait = backoff_seconds(number, self.timer.jitter())
                if fault.retry_after is not None:
                    wait = max(wait, fault.retry_after)
                    self._limiter.block(fault.retry_after)
                if number == self.limits.tries or wait >= deadline.left():
                    raise self._exhausted(error, number, wait, deadline) from error
            self._limiter.pause(wait, deadline)
        raise ModelError("no try was made", where=self.name)  # unreachable: `tries` is at least 1

    def _attempt(
        self, messages: Sequence[Message], sampling: Sampling, deadline: Deadline, tokens: int
    ) -> Sequence[ChatAnswer]:
        with self._limiter.acquire(tokens, deadline) as admission:
            left = deadline.left()
            if left <= 0:
                raise timeout_error(deadline.seconds, where=self.name)
            seconds = min(left, self.limits.try_seconds or left)
            answers = self.model.complete(messages, replace(sampling, seconds=seconds))
            admission.tokens = sum(answer.tokens_in + answer.tokens_out for answer in answers) or tokens
            return list(answers)

    def _expected(self, messages: Sequence[Message], sampling: Sampling) -> int:
        """Tokens that a request may take; 0 without a limit of tokens."""
        if self.limits.tokens_per_minute is None:
            return 0
        from ctxprune.tokens import as_counter

        return sum(as_counter().count_many(m.content for m in messages)) + sampling.n * sampling.max_tokens

    def _exhausted(self, error: Exception, tries: int, wait: float, deadline: Deadline) -> ModelError:
        kind = error.kind if isinstance(error, ModelError) else FailureKind.MODEL
        what = error.what if isinstance(error, CtxpruneError) else f"{type(error).__name__}: {error}"
        what = " ".join(what.split())[:300]
        attempts = "1 try" if tries == 1 else f"{tries} tries"
        if tries < self.limits.tries:
            late = timeout_error(deadline.seconds, note=f", since the next try is {wait:.1f} s away")
            what, kind = f"{what}; {late.what}", late.kind
        return ModelError(f"gave up after {attempts}: {what}", where=self.name, kind=kind)
