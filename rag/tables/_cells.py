"""What a reader sees in a cell."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

__all__ = ["cell_text"]

_MISSING = frozenset({"NAType", "NaTType"})  # of pandas, known by name: they compare with nothing


def cell_text(value: Any) -> str:
    """`value` as text; "" for None, NaN and other missing values, JSON for what is nested."""
    if isinstance(value, str):
        return str(value)
    # An array of numpy or the like in a cell; scalars have no dimensions.
    if isinstance(value, (Mapping, list, tuple, set, frozenset)) or getattr(value, "ndim", None):
        return json.dumps(_plain(value), ensure_ascii=False)
    if value is None or type(value).__name__ in _MISSING or value != value:  # noqa: PLR0124  (NaN)
        return ""
    return _scalar_text(value)


def _scalar_text(value: Any) -> str:
    if isinstance(value, float):
        return float.__repr__(value)  # numpy's own names its type
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _bytes_text(bytes(value))
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def _bytes_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return f"0x{value.hex()}"


def _plain(value: Any) -> Any:
    """Texts, numbers, lists and dicts, as JSON can hold them."""
    if isinstance(value, Mapping):
        return {cell_text(key): _plain(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # arrays and scalars of numpy
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(cell_text, value))
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float) and value - value == 0:  # finite
        return value
    return cell_text(value)
