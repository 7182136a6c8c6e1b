"""When two query results count as the same answer."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from .database import ResultSet

__all__ = ["is_hollow", "orders_rows", "result_key"]

_TOKEN = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|[()]|\border\s+by\b", re.IGNORECASE)
_DIGITS = 9  # significant digits that count: sums of floats differ in the last ones with the order of addition


def result_key(result: ResultSet, *, ordered: bool) -> Hashable:
    """Equal keys mean equal results: rows as a multiset, or as a list when `ordered`; column names do not count.

    Numbers are compared by value, floats to 9 significant digits, so that 1, 1.0 and 1.0000000001 agree; NaN equals
    NaN; text and numbers never agree. Column order counts.
    """
    rows = [tuple(map(_cell, row)) for row in result.rows]
    width = len(result.columns)
    if not ordered or len(rows) < 2:
        return ("bag", width, result.truncated, tuple(sorted(rows)))
    return ("list", width, result.truncated, tuple(rows))


def _cell(value: object) -> tuple[int, float | str]:
    """A cell as (kind, value), which sorts and compares across all kinds."""
    if value is None:
        return (0, "")
    if isinstance(value, (bool, int, float)):
        return _number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return (3, bytes(value).hex())
    return (2, str(value))


def _number(value: float) -> tuple[int, float | str]:
    try:
        number = float(value)
    except OverflowError:
        return (2, str(value))
    if not math.isfinite(number):
        return (5, "nan") if math.isnan(number) else (1, number)
    if isinstance(value, int) and abs(value) > 2**53:
        return (4, str(value))
    return (1, float(f"{number:.{_DIGITS}g}") + 0.0)


def is_hollow(result: ResultSet) -> bool:
    """True for a result without a row, or with NULLs only (an aggregate over nothing)."""
    return all(cell is None for row in result.rows for cell in row)


def orders_rows(sql: str) -> bool:
    """True when the outermost query of `sql` has an ORDER BY."""
    depth = 0
    for word in _TOKEN.findall(sql):
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif depth == 0 and word[:1].lower() == "o":
            return True
    return False
