"""Images and files in the JSON of a proxy's request: left out while the body arrives, so that they take no memory.

A proxy sends each image of a conversation, as a data URL, once in a list and once more in its message. Nothing here
reads them, and the proxy keeps its own: what counts is that a large one does not keep its request from being pruned.
"""

from __future__ import annotations

import re
import secrets

__all__ = ["AttachmentFilter"]

# A string of JSON that is a data URL, or the value of "data" (Anthropic's images, OpenAI's audio), up to where its
# content begins. In a text of a message such a string is quoted, so that its quotation marks follow a backslash.
_START = re.compile(rb'(?<!\\)"(?:data:[\w.+/;=-]{0,150};base64,|data"\s{0,20}:\s{0,20}")')
_LONGEST_START = 256  # bytes, more than any match of `_START`
_CONTENT = re.compile(rb'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)  # the rest of a string, without the mark that ends it
_QUOTE = ord('"')


class AttachmentFilter:
    """Passes the bytes of a JSON text on without the contents of data URLs. Holds a few hundred bytes at most.

    In a text that is no JSON it may leave out anything; such a text is refused when it is parsed.

    Attributes:
        mark: In the place of what was left out. No text that a client wrote holds it: it is drawn for each request, so
            nobody can turn pruning off by a word in a text.
    """

    def __init__(self) -> None:
        self.mark = f"left-out-by-ctxprune:{secrets.token_hex(16)}"
        self._rest, self._inside = b"", False

    def feed(self, data: bytes) -> bytes:
        """What is certain to stay of the bytes so far, without what was given before."""
        # No match begins at the first byte that was kept back: so many bytes were enough for it to be seen. The byte is
        # there because it may be the backslash before the second one.
        searched = int(len(self._rest) >= _LONGEST_START)
        data, kept, at = self._rest + data, [], 0
        while True:
            if self._inside:
                at = self._find_end(data, at)
                if self._inside:
                    break
            start = _START.search(data, max(at, searched))
            if start is None:
                # The last bytes may be the beginning of a match that the next ones complete.
                end = max(at, len(data) - _LONGEST_START)
                kept.append(data[at:end])
                at = end
                break
            kept += [data[at : start.end()], self.mark.encode()]
            at, self._inside = start.end(), True
        self._rest = data[at:]
        return b"".join(kept)

    def _find_end(self, data: bytes, at: int) -> int:
        """Where the string ends that begins before `at`, or where it must be read on."""
        found = _CONTENT.match(data, at)
        end = at if found is None else found.end()
        self._inside = end == len(data) or data[end] != _QUOTE
        return end

    def finish(self) -> bytes:
        """What stays of the last bytes."""
        rest, self._rest = self._rest, b""
        return rest
