"""JSON and server-sent events."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from ctxprune.utils.plain_data import as_plain

__all__ = ["Json", "encode", "encode_event"]


class Json(Response):
    """Any result as JSON, or bytes that are JSON already."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """See `starlette.responses.Response.render`."""
        # With a line break at its end, for those who read it in a terminal.
        return (content if isinstance(content, bytes) else encode(content)) + b"\n"


def encode(content: object) -> bytes:
    """JSON of `ctxprune.utils.plain_data.as_plain`; lone surrogates, which UTF-8 lacks, come as question marks."""
    return json.dumps(as_plain(content), ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")


def encode_event(name: str, content: object) -> bytes:
    """One server-sent event; JSON has no line breaks of its own."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), encode(content))
