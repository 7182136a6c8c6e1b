"""TOML that people write by hand, whose reader a short file cannot make take gigabytes."""

from __future__ import annotations

import re
import tomllib
from typing import Any

__all__ = ["parse_toml"]

# A key of n dotted parts is n nested tables, for which tomllib takes memory that grows with the square of n. This finds
# the same number of dots in a text as well, which no path, URL or name of an entry has. A part begins only where none
# goes on, so that the time grows evenly with the file.
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){100}""")


def parse_toml(text: str) -> dict[str, Any]:
    """The document of a TOML text.

    Args:
        text: The whole text.

    Raises:
        ValueError: It is no TOML.
        RecursionError: It is nested too deep, or a key has 100 dotted parts.
    """
    if _DEEP_KEY.search(text):
        raise RecursionError("a key has 100 dotted parts or more")
    return tomllib.loads(text)
