"""TOML that people write by hand, whose reader a short file cannot make take gigabytes."""

from __future__ import annotations

import re
import sys
from typing import Any

from ctxprune._extras import require

__all__ = ["parse_toml"]

# A key of n dotted parts is n nested tables, for which tomllib takes memory that grows with the square of n. This finds
# the same number of dots in a text as well, which no path, URL or name of an entry has. A part begins only where none
# goes on, so that the time grows evenly with the file.
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){100}""")


def parse_toml(text: str, extra: str) -> dict[str, Any]:
    """The document of a TOML text.

    Args:
        text: The whole text.
        extra: Of this package, which brings a reader for Python 3.10; later versions have one.

    Raises:
        ValueError: It is no TOML.
        RecursionError: It is nested too deep, or a key has 100 dotted parts.
        MissingExtraError: There is no reader.
    """
    if _DEEP_KEY.search(text):
        raise RecursionError("a key has 100 dotted parts or more")
    reader = require("tomllib" if sys.version_info >= (3, 11) else "tomli", extra)
    document: dict[str, Any] = reader.loads(text)
    return document
