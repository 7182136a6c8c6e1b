"""Lets requests through to a paid endpoint as its limits allow."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import ModelError, UsageError
from ctxprune.utils.cancellation import is_cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ctxprune.llm.deadline import Deadline

__all__ = ["CallLimits", "Gate", "Pass", "Timer"]

_MINUTE = 60.0
_LOOK = 0.05  # seconds between two looks at a slot that may be free, or at whether the question was cancelled


@dataclass(frozen=True)
class CallLimits:
    """What a paid endpoint allows, and how stubbornly it is asked.

    Attributes:
        concurrency: Requests at once; None for any number.
        requests_per_minute: In any 60 seconds, tries counted each; None for any number.
        tokens_per_minute: Of prompts and answers, in any 60 seconds. A request counts as its prompt, by our counter,
            and the longest answers that it allows, until it is back and the model's own count is known; None for any.
        tries: How often one request is made at most, 1 or more.
        try_seconds: Of one try at most, where the model keeps to `Sampling.seconds`; None for all that is left of the
            deadline.

    Raises:
        UsageError: A number is out of its range.
    """

    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tries: int = 4
    try_seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("concurrency", "requests_per_minute", "tokens_per_minute", "tries"):
            value = getattr(self, name)
            if (value is None and name != "tries") or (type(value) is int and value >= 1):
                continue
            raise UsageError(f"{name} must be a whole number from 1, got {value!r}", where=name)
        if self.try_seconds is not None and not self.try_seconds > 0:
            raise UsageError(f"try_seconds must be above 0, got {self.try_seconds!r}", where="try_seconds")


class Timer:
    """Time and chance, so that tests can bring their own."""

    def now(self) -> float:
        """Seconds of a clock that never goes back."""
        return time.monotonic()

    def wait(self, turn: threading.Condition, seconds: float) -> None:
        """Wait for a notification, at most so long."""
        turn.wait(seconds)

    def jitter(self) -> float:
        """A random number, 0..1."""
        return random.SystemRandom().random()  # its own: also an abandoned thread leaves the shared one alone


@dataclass(eq=False, slots=True)
class Pass:
    """One request that was let through: when, and the tokens that it is taken to cost."""

    at: float
    tokens: int
    deadline: Deadline


class Gate:
    """Shared by all threads that use one model; first come, first served. A request past its deadline frees its place,
    also where its thread still hangs."""

    def __init__(self, limits: CallLimits, timer: Timer) -> None:
        self._limits, self._timer = limits, timer
        self._turn = threading.Condition()
        self._queue: deque[object] = deque()
        self._sent: deque[Pass] = deque()
        self._running: list[Pass] = []
        self._closed_until = 0.0

    @contextmanager
    def passing(self, tokens: int, deadline: Deadline) -> Iterator[Pass]:
        """Wait for a place, with the deadline stopped, and hold it while the block runs. What the block sets as the
        pass's `tokens` counts from then on.

        Raises:
            ModelError: The request alone is over the limit of tokens, the server's pause is longer than the time left,
                or the question was cancelled.
        """
        most = self._limits.tokens_per_minute
        if most is not None and tokens > most:
            raise ModelError(
                f"the request may take {tokens} tokens, over the limit of {most} a minute",
                where="tokens_per_minute",
                hint="lower max_tokens or the number of answers",
            )
        ticket = self._enter(tokens, deadline)
        try:
            yield ticket
        finally:
            with self._turn:
                self._running.remove(ticket)
                self._turn.notify_all()

    def close(self, seconds: float) -> None:
        """Let nothing through for so long, since the server asked for it."""
        with self._turn:
            self._closed_until = max(self._closed_until, self._timer.now() + seconds)

    def pause(self, seconds: float, deadline: Deadline) -> None:
        """Wait between two tries, on the deadline's time.

        Raises:
            ModelError: The question was cancelled.
        """
        until = self._timer.now() + seconds
        with self._turn:
            while (rest := until - self._timer.now()) > 0 and deadline.left() > 0:
                _check_wanted()
                self._timer.wait(self._turn, min(rest, _LOOK))

    def _enter(self, tokens: int, deadline: Deadline) -> Pass:
        place = object()
        with self._turn:
            self._queue.append(place)
            try:
                while not self._waited(place, tokens, deadline):
                    _check_wanted()
                ticket = Pass(self._timer.now(), tokens, deadline)
                self._sent.append(ticket)
                self._running.append(ticket)
                return ticket
            finally:
                self._queue.remove(place)
                self._turn.notify_all()

    def _waited(self, place: object, tokens: int, deadline: Deadline) -> bool:
        """True when it is this one's turn, else after some waiting."""
        closed = self._closed_until - self._timer.now()
        if closed > 0:
            if closed >= deadline.left():
                raise ModelError(
                    f"the server asks to wait {closed:.0f} s, longer than the {deadline.left():.0f} s left"
                )
            self._timer.wait(self._turn, min(closed, _LOOK))
            return False
        wait = self._wait(tokens) if self._queue[0] is place else _LOOK
        if wait > 0:
            with deadline.stopped():
                self._timer.wait(self._turn, min(wait, _LOOK))
        return wait <= 0

    def _wait(self, tokens: int) -> float:
        """Seconds until the limits may have room; 0 where they have."""
        limits, now = self._limits, self._timer.now()
        while self._sent and self._sent[0].at <= now - _MINUTE:
            self._sent.popleft()
        running = sum(ticket.deadline.left() > 0 for ticket in self._running)
        if limits.concurrency is not None and running >= limits.concurrency:
            return _LOOK
        free_at = now
        if limits.requests_per_minute is not None and len(self._sent) >= limits.requests_per_minute:
            free_at = self._sent[-limits.requests_per_minute].at + _MINUTE
        if limits.tokens_per_minute is not None:
            over = sum(ticket.tokens for ticket in self._sent) + tokens - limits.tokens_per_minute
            for ticket in self._sent:
                if over <= 0:
                    break
                over -= ticket.tokens
                free_at = max(free_at, ticket.at + _MINUTE)
        return free_at - now


def _check_wanted() -> None:
    if is_cancelled():
        raise ModelError("the question was cancelled")
