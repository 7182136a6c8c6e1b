"""Values of JSON as cells of a table."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["DECODER", "as_cell", "read_cells"]

DECODER = json.JSONDecoder(strict=False, parse_int=str, parse_float=str, parse_constant=str)  # numbers as written


def read_cells(row: str) -> list[str] | None:
    """The cells of a list, a JSON text; None for one that is nested too deeply."""
    try:
        return [as_cell(value) for value in DECODER.raw_decode(row)[0]]
    except RecursionError:
        return None


def as_cell(value: Any) -> str:
    """What a reader sees; "" for null."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and not any(isinstance(item, (list, dict)) for item in value):
        return ", ".join(map(as_cell, value))
    return json.dumps(value, ensure_ascii=False)
