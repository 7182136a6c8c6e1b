"""Estimates of what a request costs, from the bytes of its body alone, before anything is parsed.

The size says little: 4 KB of prose take the scorer 20 to 40 ms of processor time, 4 KB of commas as a table 280 ms,
since each cell, row, JSON value, element and document becomes an object of its own. All of these come with at least one
punctuation mark in the body, so marks are counted as well. Measured with the bundled scorer on every kind of text; each
mark counts as the most expensive one (a cell of a table), so estimates are too high rather than too low.
"""

from __future__ import annotations

__all__ = ["CHEAP_SECONDS", "MODERATE_SECONDS", "SHORT_BYTES", "estimate_seconds", "is_short"]

SHORT_BYTES = 4_096  # of a body that the service's own process works on; parsing it takes the event loop no time
CHEAP_SECONDS = 0.02  # up to here requests share runs; a more expensive one would keep those in its run waiting
MODERATE_SECONDS = 1.0  # beyond, a long request leaves one worker process free for those below
_SHORT_SECONDS = (
    0.07  # 4 KB of prose; a more expensive request holds the interpreter, which the event loop needs, for too long
)
# Of prose, and more for each mark: tables and JSON of tiny values have many, and each may begin a unit.
_SECONDS_A_BYTE = 10e-6
_SECONDS_A_MARK = 70e-6
_COUNTED_BYTES = 65_536  # beyond, the bytes alone cost more than a second whatever they are
_NO_MARKS = bytes(byte for byte in range(256) if byte >= 128 or chr(byte).isalnum() or byte == 32)


def estimate_seconds(body: bytes) -> float:
    """Seconds of processor time that the work on a body is expected to take, at least 0; more for more bytes."""
    seconds = len(body) * _SECONDS_A_BYTE
    if len(body) > _COUNTED_BYTES:
        return seconds
    marks = len(body.translate(None, _NO_MARKS))
    # JSON writers escape whatever is not ASCII by default. Such a letter is no mark; an escaped ASCII sign may be one.
    escaped_letters = body.count(b"\\u") - body.count(b"\\u00")
    return seconds + (marks - escaped_letters) * _SECONDS_A_MARK


def is_short(body: bytes, seconds: float) -> bool:
    """Whether a request is worked on in the service's own process, given its body and the estimate for it."""
    return len(body) <= SHORT_BYTES and seconds <= _SHORT_SECONDS
