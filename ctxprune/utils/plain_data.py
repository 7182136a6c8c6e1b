"""Any result as data that JSON can hold."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["as_plain"]

_PLAIN = frozenset({str, int, bool, type(None)})  # most values, told at the first look


def as_plain(value: Any) -> Any:
    """`value` as dicts, lists, texts, numbers, booleans and None.

    Bytes become hexadecimal text; numbers that JSON lacks (NaN, infinities) and all else become texts.
    """
    if type(value) in _PLAIN:
        return value
    if isinstance(value, dict):
        return {str(key): as_plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    return value if isinstance(value, (str, int, float)) else str(value)
