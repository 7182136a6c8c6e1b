"""What a service and its worker processes say to each other: a head as JSON, then bytes as they are."""

from __future__ import annotations

import json
import struct
from typing import IO, Any

from ctxprune import errors
from ctxprune.errors import CtxpruneError, RequestError

__all__ = ["decode_error", "encode_error", "read_frame", "write_frame"]

_SIZES = struct.Struct(">II")


def write_frame(file: IO[bytes], head: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame.

    Raises:
        OSError: The other side is gone.
    """
    data = json.dumps(head).encode("ascii")
    file.write(_SIZES.pack(len(data), len(body)) + data)
    file.write(body)
    file.flush()


def read_frame(file: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Read one frame; None where the other side ended, in the middle of one or before it."""
    sizes = file.read(_SIZES.size)
    if len(sizes) < _SIZES.size:
        return None
    head_size, body_size = _SIZES.unpack(sizes)
    head, body = file.read(head_size), file.read(body_size)
    # A killed process leaves half a frame, which is the same as none.
    if len(head) < head_size or len(body) < body_size:
        return None
    return json.loads(head), body


def encode_error(error: CtxpruneError) -> dict[str, Any]:
    """An error of this library as the head of a frame."""
    status = error.status if isinstance(error, RequestError) else 0
    return {
        "error": type(error).__name__,
        "what": error.what,
        "where": error.where,
        "hint": error.hint,
        "status": status,
    }


def decode_error(head: dict[str, Any]) -> CtxpruneError:
    """The error that `encode_error` was given."""
    kind = vars(errors).get(head["error"], CtxpruneError)
    error: CtxpruneError = kind.__new__(kind)
    CtxpruneError.__init__(error, head["what"], where=head["where"], hint=head["hint"])
    if isinstance(error, RequestError):
        error.status = head["status"]
    return error
