"""One request, from its headers to the log line about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ctxprune.serve.keys import Key

__all__ = ["Call"]


@dataclass
class Call:
    """One request, as routes and the log know it.

    Attributes:
        id: Request id: the caller's or a new one.
        headers: By lower-case name; of several of a name the first.
        key: The key that the request was sent with.
        status: Of the answer; 0 until it begins.
        log_fields: What the log says besides.
        unread: Whether a body comes, or part of one, that nobody reads; the connection is then closed after the answer.
        body: Of the request, once it is read; b"" again where it went elsewhere.
        mark: In the place of what was left out of the body; see `ctxprune.serve.attachments.AttachmentFilter`.
        cost: Estimated seconds of the work on it, once the body is read.
        short: Whether this process works on it.
        digest: See `ctxprune.serve.answers.Answers.digest`; b"" where the answer is not remembered.
        reserve: See `ctxprune.serve.limits.Reservation.resize`.
    """

    id: str
    headers: dict[bytes, bytes]
    key: Key = field(default_factory=Key)
    status: int = 0
    log_fields: dict[str, Any] = field(default_factory=dict)
    unread: bool = False
    body: bytes = field(default=b"", repr=False)
    mark: str = ""
    cost: float = 0.0
    short: bool = True
    digest: bytes = b""
    reserve: Callable[[int], None] = lambda _: None

    @property
    def content_type(self) -> str:
        """Of the body."""
        return self.headers.get(b"content-type", b"").decode("latin-1")
