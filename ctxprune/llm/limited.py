"""A chat model behind limits: concurrency, requests and tokens a minute, retries, and prices."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ctxprune.errors import CtxpruneError, ModelError
from ctxprune.llm.base import LATE, Prices, model_name
from ctxprune.llm.deadline import Deadline, current_deadline
from ctxprune.llm.gate import CallLimits, Gate, Timer
from ctxprune.llm.langchain import as_chat_model
from ctxprune.llm.retries import backoff, passing_fault
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import ChatAnswer, Message, Sampling

__all__ = ["CallLimits", "LimitedModel", "Prices"]


@dataclass(frozen=True)
class LimitedModel:
    """Wraps a chat model: all threads that use this object keep within its limits together, and failures that pass by
    themselves (HTTP 429 and 5xx, broken connections, timeouts) are tried again within the request's deadline.

    A pause that the server asks for (Retry-After) holds for all threads. Waiting for the limits does not count against
    the deadline; waiting for the server does. Put `CachedModel` around it, not inside, so that what is cached waits for
    nothing.

    Attributes:
        model: A `ChatModel`, or a LangChain chat model. Turn off retries of its own.
        limits: What is allowed.
        prices: What tokens cost, for traces; None where nobody asks.
        timer: Time and chance.

    Raises:
        UsageError: `model` is not a chat model.
    """

    model: Any
    limits: CallLimits = field(default_factory=CallLimits)
    prices: Prices | None = None
    timer: Timer = field(default_factory=Timer, repr=False, compare=False)
    _gate: Gate = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "model", as_chat_model(self.model))
        object.__setattr__(self, "_gate", Gate(self.limits, self.timer))

    @property
    def name(self) -> str:
        """The wrapped model's."""
        return model_name(self.model)

    @property
    def fingerprint(self) -> str:
        """The wrapped model's."""
        return str(self.model.fingerprint)

    def complete(self, messages: Sequence[Message], sampling: Sampling) -> Sequence[ChatAnswer]:
        """As the wrapped model.

        Raises:
            ModelError: It failed for good: after all tries, or since the next one would come after the deadline; the
                message says how many there were. Other failures come as the wrapped model raises them.
        """
        deadline = current_deadline() or Deadline(sampling.seconds, self.timer.now)
        if sampling.n == 1 or not getattr(self.model, "one_by_one", False):
            return self._ask(messages, sampling, deadline)
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
        """One request, tried as often as it takes."""
        tokens = self._expected(messages, sampling)
        for number in range(1, self.limits.tries + 1):
            try:
                return self._try(messages, sampling, deadline, tokens)
            except Exception as error:
                fault = passing_fault(error)
                if fault is None or is_cancelled():
                    raise
                wait = backoff(number, self.timer.jitter())
                if fault.retry_after is not None:
                    wait = max(wait, fault.retry_after)
                    self._gate.close(fault.retry_after)
                if number == self.limits.tries or wait >= deadline.left():
                    raise self._given_up(error, number, wait, deadline) from error
            self._gate.pause(wait, deadline)
        raise ModelError("no try was made", where=self.name)  # unreachable: there is at least one

    def _try(
        self, messages: Sequence[Message], sampling: Sampling, deadline: Deadline, tokens: int
    ) -> Sequence[ChatAnswer]:
        with self._gate.passing(tokens, deadline) as ticket:
            left = deadline.left()
            if left <= 0:
                raise ModelError(f"{LATE} {deadline.seconds:g} s", where=self.name)
            seconds = min(left, self.limits.try_seconds or left)
            answers = self.model.complete(messages, replace(sampling, seconds=seconds))
            ticket.tokens = sum(answer.tokens_in + answer.tokens_out for answer in answers) or tokens
            return list(answers)

    def _expected(self, messages: Sequence[Message], sampling: Sampling) -> int:
        """Tokens that a request may take; 0 where nobody counts them."""
        if self.limits.tokens_per_minute is None:
            return 0
        from ctxprune.tokens import as_counter

        return sum(as_counter().count_many(m.content for m in messages)) + sampling.n * sampling.max_tokens

    def _given_up(self, error: Exception, tries: int, wait: float, deadline: Deadline) -> ModelError:
        what = error.what if isinstance(error, CtxpruneError) else f"{type(error).__name__}: {error}"
        what = " ".join(what.split())[:300]
        tried = "1 try" if tries == 1 else f"{tries} tries"
        if tries < self.limits.tries:
            what = f"{what}; {LATE} {deadline.seconds:g} s, since the next try is {wait:.1f} s away"
        return ModelError(f"gave up after {tried}: {what}", where=self.name)
