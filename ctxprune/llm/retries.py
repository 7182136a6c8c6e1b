"""Transient failures of a paid endpoint, and the pause before the next attempt."""

from __future__ import annotations

import math
import re
import time
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import IncompleteRead
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from ctxprune.utils.foreign import optional_member

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["TransientFault", "backoff_seconds", "find_transient_fault"]

_FIRST, _LONGEST = 0.5, 30.0  # seconds of the first pause and of the longest
_MAX_CAUSES = 8  # exceptions of a chain that are examined; a chain may contain itself
_TOO_MANY_REQUESTS = 429
_TRANSIENT = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, TimeoutError, IncompleteRead)
# Clients wrap the network error in classes of their own, and some drop the cause: then only the name is left.
_NAMES = re.compile(r"Timeout|ConnectionError|RemoteProtocol|RateLimit|ServiceUnavailable|InternalServer|Overloaded")


@dataclass(frozen=True, slots=True)
class TransientFault:
    """A failure after which a retry can succeed; `retry_after` is the pause that the server demands, in seconds."""

    retry_after: float | None = None


def find_transient_fault(error: BaseException) -> TransientFault | None:
    """The transient fault among `error` and its causes; None where there is none.

    Transient are HTTP 429 and 5xx, broken connections, and timeouts; not other statuses of 4xx, a refused connection
    or an unknown host. Exceptions of any client are understood: by `status_code`, `response`, or as an HTTPError.
    """
    for link in _chain(error):
        status = _status(link)
        if status is not None:
            return TransientFault(_retry_after(link)) if status == _TOO_MANY_REQUESTS or 500 <= status < 600 else None
        if isinstance(link, ConnectionRefusedError):
            return None  # before the test below: nobody listens there, and a retry would only delay the error
        if isinstance(link, _TRANSIENT):
            return TransientFault()
    return TransientFault() if any(_NAMES.search(type(link).__name__) for link in _chain(error)) else None


def backoff_seconds(tries: int, jitter: float) -> float:
    """Seconds to wait after that many failed attempts: doubling from 0.5 to 30. `jitter`, 0..1, spreads the upper half,
    so that threads which failed together do not retry together."""
    whole = min(_FIRST * 2.0 ** (tries - 1), _LONGEST)
    return whole * (0.5 + 0.5 * jitter)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_MAX_CAUSES):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _status(error: BaseException) -> int | None:
    # Exceptions of requests, httpx, openai and others: the status is on the exception or on its response.
    places = (error, optional_member(error, "response", None))
    found = [optional_member(place, "status_code", None) for place in places]
    if isinstance(error, HTTPError):
        found.append(error.code)
    return next((status for status in found if isinstance(status, int) and not isinstance(status, bool)), None)


def _retry_after(error: BaseException) -> float | None:
    # As above: headers are on an HTTPError itself, or on the response of other clients' exceptions.
    headers: Any = error.headers if isinstance(error, HTTPError) else optional_member(error, "response", None)
    headers = optional_member(headers, "headers", headers)
    with suppress(AttributeError, TypeError):
        text = headers.get("retry-after-ms")
        seconds = _number(text)
        if seconds is not None:
            return seconds / 1e3
        return _seconds(headers.get("retry-after"))
    return None


def _seconds(text: Any) -> float | None:
    """Seconds of a Retry-After header: a number of seconds, or a date."""
    seconds = _number(text)
    if seconds is None and isinstance(text, str):
        with suppress(ValueError, TypeError, OverflowError):
            return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    return seconds


def _number(text: Any) -> float | None:
    with suppress(TypeError, ValueError):
        number = float(text)
        if math.isfinite(number):
            return max(0.0, number)
    return None
