"""Rate limits of a paid endpoint: concurrency, requests and tokens a minute."""

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

__all__ = ["Admission", "CallLimits", "RateLimiter", "Timer"]

_MINUTE = 60.0
_POLL_SECONDS = 0.05  # between two checks of a slot that may be free, and of whether the question was cancelled


@dataclass(frozen=True)
class CallLimits:
    """What a paid endpoint allows, and how often a request is repeated.

    Attributes:
        concurrency: Maximum number of simultaneous requests; None for no limit.
        requests_per_minute: Maximum number of requests in any 60 seconds, retries included; None for no limit.
        tokens_per_minute: Maximum number of tokens of prompts and answers in any 60 seconds; None for no limit. Until
            a request is answered and the model's own count is known, it counts as its prompt, by our counter, and the
            longest answers that it allows.
        tries: Maximum number of attempts for one request, 1 or more.
        try_seconds: Deadline of one attempt, where the model observes `Sampling.seconds`; None for all that is left of
            the request's deadline.

    Raises:
        UsageError: A number is out of its range.
    """

    concurrency: int | None = None
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tries: int = 4
    try_seconds: float | None = None

    def __post_init__(self) -> None:
        for name, value in (
            ("concurrency", self.concurrency),
            ("requests_per_minute", self.requests_per_minute),
            ("tokens_per_minute", self.tokens_per_minute),
            ("tries", self.tries),
        ):
            if (value is None and name != "tries") or (type(value) is int and value >= 1):
                continue
            raise UsageError(f"{name} must be a whole number from 1, got {value!r}", where=name)
        if self.try_seconds is not None and not self.try_seconds > 0:
            raise UsageError(f"try_seconds must be above 0, got {self.try_seconds!r}", where="try_seconds")


class Timer:
    """Clock and random numbers, which tests replace."""

    def now(self) -> float:
        """Seconds of a monotonic clock."""
        return time.monotonic()

    def wait(self, turn: threading.Condition, seconds: float) -> None:
        """Wait for a notification, at most this many seconds."""
        turn.wait(seconds)

    def jitter(self) -> float:
        """A random number, 0..1."""
        # Not the shared generator: a thread that was abandoned would change the numbers that a seeded caller draws.
        return random.SystemRandom().random()


@dataclass(eq=False, slots=True)
class Admission:
    """One admitted request: its time, and the tokens that it counts as."""

    at: float
    tokens: int
    deadline: Deadline


class RateLimiter:
    """Shared by all threads that use one model; first in, first out. A request past its deadline frees its slot, even
    if its thread still hangs."""

    def __init__(self, limits: CallLimits, timer: Timer) -> None:
        self._limits, self._timer = limits, timer
        self._turn = threading.Condition()
        self._queue: deque[object] = deque()
        self._admitted: deque[Admission] = deque()
        self._running: list[Admission] = []
        self._blocked_until = 0.0

    @contextmanager
    def acquire(self, tokens: int, deadline: Deadline) -> Iterator[Admission]:
        """Wait for a slot, with the deadline stopped, and hold it while the block runs. The block may correct the
        admission's `tokens`.

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
        admission = self._enter(tokens, deadline)
        try:
            yield admission
        finally:
            with self._turn:
                self._running.remove(admission)
                self._turn.notify_all()

    def block(self, seconds: float) -> None:
        """Admit no request for this long, because the server said so."""
        with self._turn:
            self._blocked_until = max(self._blocked_until, self._timer.now() + seconds)

    def pause(self, seconds: float, deadline: Deadline) -> None:
        """Wait between two attempts; the time counts against the deadline.

        Raises:
            ModelError: The question was cancelled.
        """
        until = self._timer.now() + seconds
        with self._turn:
            while (rest := until - self._timer.now()) > 0 and deadline.left() > 0:
                _check_not_cancelled()
                self._timer.wait(self._turn, min(rest, _POLL_SECONDS))

    def _enter(self, tokens: int, deadline: Deadline) -> Admission:
        place = object()
        with self._turn:
            self._queue.append(place)
            try:
                while not self._is_admitted(place, tokens, deadline):
                    _check_not_cancelled()
                admission = Admission(self._timer.now(), tokens, deadline)
                self._admitted.append(admission)
                self._running.append(admission)
                return admission
            finally:
                self._queue.remove(place)
                self._turn.notify_all()

    def _is_admitted(self, place: object, tokens: int, deadline: Deadline) -> bool:
        """True when it is this request's turn; else False, after a short wait."""
        blocked = self._blocked_until - self._timer.now()
        if blocked > 0:
            if blocked >= deadline.left():
                raise ModelError(
                    f"the server asks to wait {blocked:.0f} s, longer than the {deadline.left():.0f} s left"
                )
            self._timer.wait(self._turn, min(blocked, _POLL_SECONDS))
            return False
        wait = self._seconds_to_wait(tokens) if self._queue[0] is place else _POLL_SECONDS
        if wait > 0:
            with deadline.stopped():
                self._timer.wait(self._turn, min(wait, _POLL_SECONDS))
        return wait <= 0

    def _seconds_to_wait(self, tokens: int) -> float:
        """Seconds until the limits may admit a request of so many tokens; 0 where they do now."""
        limits, now = self._limits, self._timer.now()
        while self._admitted and self._admitted[0].at <= now - _MINUTE:
            self._admitted.popleft()
        # Requests past their deadline no longer count: their threads may hang forever and would block everyone.
        running = sum(admission.deadline.left() > 0 for admission in self._running)
        if limits.concurrency is not None and running >= limits.concurrency:
            return _POLL_SECONDS
        free_at = now
        if limits.requests_per_minute is not None and len(self._admitted) >= limits.requests_per_minute:
            free_at = self._admitted[-limits.requests_per_minute].at + _MINUTE
        if limits.tokens_per_minute is not None:
            over = sum(admission.tokens for admission in self._admitted) + tokens - limits.tokens_per_minute
            # The window slides: find the oldest requests whose tokens must expire before this one fits.
            for admission in self._admitted:
                if over <= 0:
                    break
                over -= admission.tokens
                free_at = max(free_at, admission.at + _MINUTE)
        return free_at - now


def _check_not_cancelled() -> None:
    if is_cancelled():
        raise ModelError("the question was cancelled")
