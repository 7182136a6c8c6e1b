"""Answers of the last requests, for those that are repeated byte for byte: what is popular is computed once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.serve.replies import encode

if TYPE_CHECKING:
    from ctxprune.serve.call import Call
    from ctxprune.serve.scoring import Outcome

__all__ = ["Answers"]

_LONGEST_BODY = 131_072  # bytes; to hash more of them would keep the event loop from other requests
_ENTRY_BYTES = 1_000  # of an entry besides its body
_LARGEST_SHARE = 8  # of all bytes, one entry may have this part


class Answers:
    """Outcomes by the body of their request, its path and its key, so that no key gets what another one asked.

    The times that an answer tells are those of the first one. To be used from one thread, and only for paths whose
    answers depend on nothing else.

    Args:
        most: Bytes of all answers; 0 for none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[bytes, tuple[Outcome, str]] = OrderedDict()  # with the id of their request
        self.size = 0

    def digest(self, path: str, call: Call) -> bytes:
        """What the answer to a request is found by; b"" where it is not to be remembered."""
        # The mark is of this request alone, so a body that holds it comes only once.
        if not self._most or len(call.body) > _LONGEST_BODY or call.mark:
            return b""
        # Of lengths that are known, so that no two requests give the same bytes.
        head = f"{len(path)} {len(call.key.name)} {len(call.content_type)} {path}{call.key.name}{call.content_type}"
        return hashlib.sha256(head.encode("utf-8", "surrogatepass") + call.body).digest()

    def find(self, digest: bytes, request_id: str) -> Outcome | None:
        """The answer that was remembered, with this request's id where it holds one; None where there is none."""
        if digest not in self._entries:
            return None
        self._entries.move_to_end(digest)
        outcome, first_id = self._entries[digest]
        return replace(outcome, body=_replace_id(outcome.body, first_id, request_id))

    def remember(self, digest: bytes, outcome: Outcome, request_id: str) -> None:
        """Keep an answer, and forget those that were not asked for the longest where there is no room."""
        size = _size_of(outcome)
        if not digest or digest in self._entries or size > self._most // _LARGEST_SHARE:
            return
        # The times are those of the first one; another one takes none.
        self._entries[digest] = replace(outcome, seconds={}), request_id
        self.size += size
        while self.size > self._most:
            self.size -= _size_of(self._entries.popitem(last=False)[1][0])


def _size_of(outcome: Outcome) -> int:
    return len(outcome.body) + _ENTRY_BYTES


def _replace_id(body: bytes, old: str, new: str) -> bytes:
    # Only at the beginning, where `/v1/rerank` writes it: elsewhere the same bytes may be a client's text.
    head = _id_entry(old)
    return _id_entry(new) + body[len(head) :] if body.startswith(head) else body


def _id_entry(request_id: str) -> bytes:
    return b'{"id": ' + encode(request_id) + b","
