"""Which failures of a paid endpoint pass by themselves, and how long to wait for that."""

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

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Fault", "backoff", "passing_fault"]

_FIRST, _LONGEST = 0.5, 30.0  # seconds of the first pause and of the longest
_LINKS = 8  # of a chain of exceptions that are looked at
_TOO_MANY = 429
_PASSING = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, TimeoutError, IncompleteRead)
# Clients wrap what happened on the wire, and some keep no cause.
_NAMES = re.compile(r"Timeout|ConnectionError|RemoteProtocol|RateLimit|ServiceUnavailable|InternalServer|Overloaded")


@dataclass(frozen=True, slots=True)
class Fault:
    """A failure after which asking again helps; `retry_after` is the pause that the server asks for, in seconds."""

    retry_after: float | None = None


def passing_fault(error: BaseException) -> Fault | None:
    """What of `error`, or of what caused it, passes by itself; None where nothing does.

    These are HTTP 429 and 5xx, connections that broke off, and timeouts; not other statuses of 4xx, a refused
    connection or an unknown host. Clients are read by duck type: `status_code`, `response`, or an HTTPError.
    """
    for link in _chain(error):
        status = _status(link)
        if status is not None:
            return Fault(_retry_after(link)) if status == _TOO_MANY or 500 <= status < 600 else None
        if isinstance(link, ConnectionRefusedError):
            return None
        if isinstance(link, _PASSING):
            return Fault()
    return Fault() if any(_NAMES.search(type(link).__name__) for link in _chain(error)) else None


def backoff(tries: int, jitter: float) -> float:
    """Seconds to wait after that many failed tries: doubling from 0.5 to 30, of which `jitter`, 0..1, spreads the
    upper half, so that threads which failed together do not come back together."""
    whole = min(_FIRST * 2.0 ** (tries - 1), _LONGEST)
    return whole * (0.5 + 0.5 * jitter)


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    for _ in range(_LINKS):
        if link is None:
            return
        yield link
        link = link.__cause__ or link.__context__


def _status(error: BaseException) -> int | None:
    places = (error, getattr(error, "response", None))
    found = [getattr(place, "status_code", None) for place in places]
    if isinstance(error, HTTPError):
        found.append(error.code)
    return next((status for status in found if isinstance(status, int) and not isinstance(status, bool)), None)


def _retry_after(error: BaseException) -> float | None:
    headers: Any = error.headers if isinstance(error, HTTPError) else getattr(error, "response", None)
    headers = getattr(headers, "headers", headers)
    with suppress(AttributeError, TypeError):
        text = headers.get("retry-after-ms")
        seconds = _number(text)
        if seconds is not None:
            return seconds / 1e3
        return _seconds(headers.get("retry-after"))
    return None


def _seconds(text: Any) -> float | None:
    """Seconds of a Retry-After: a number of them, or a date."""
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
