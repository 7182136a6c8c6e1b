"""JSON objects that carry a checksum of their own text, so that a flipped bit is an error and never another answer.

The checksum is the last member, `"crc32": "9a3b5c7d"`, over all bytes that stand before it. CRC-32 finds every single
flipped bit and every burst of up to 32 bits; it is no protection against somebody who changes a file on purpose.
"""

from __future__ import annotations

import json
import re
import zlib
from typing import Any

__all__ = ["parse_json", "seal", "unseal"]

_END = re.compile(rb'(?:, |,\n )?"crc32": "([0-9a-f]{8})"\s*\}\s*\Z')
_KEY = "crc32"


def seal(document: dict[str, Any], *, indent: int | None = None) -> str:
    """`document` (JSON-safe) as ASCII text whose last member is the checksum; on one line unless `indent` is 1.

    Raises:
        ValueError: It already has a member of that name, or is empty.
    """
    if not document or _KEY in document:
        raise ValueError(f"a sealed document has members, and none called {_KEY}")
    body = json.dumps(document, ensure_ascii=True, indent=indent).removesuffix("}").rstrip()
    comma = ", " if indent is None else ",\n "
    return f'{body}{comma}"{_KEY}": "{zlib.crc32(body.encode("ascii")):08x}"' + ("}" if indent is None else "\n}")


def unseal(text: bytes, *, required: bool = True) -> Any:
    """The document of a text that `seal` made, without its checksum.

    Args:
        text: The whole text.
        required: Whether a text without a checksum is refused; otherwise it is read as it is, whatever it holds.

    Raises:
        ValueError: It is no JSON, is nested too deep, or differs from its checksum.
    """
    found = _END.search(text, max(0, len(text) - 200))
    if found is None:
        document = parse_json(text)
        if required or (isinstance(document, dict) and _KEY in document):
            raise ValueError("it has no checksum")
        return document
    if zlib.crc32(text[: found.start()]) != int(found[1], 16):
        raise ValueError("it differs from its checksum")
    document = parse_json(text)
    del document[_KEY]
    return document


def parse_json(text: bytes | str) -> Any:
    """`json.loads`, which says of a text that is nested too deep what it says of any other that it cannot read.

    Raises:
        ValueError: It is no JSON, not UTF-8, or nested too deep.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
