"""What a driver gives as what `ResultSet` promises: None, int, float, str or bytes."""

from __future__ import annotations

import json
import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

__all__ = ["cell", "computed", "decimal", "duration", "number", "text"]

_LARGEST_FLOAT = 300  # digits
_LONGEST_INT = 1000  # digits; Python refuses to print longer ones


def cell(value: Any) -> int | float | str | bytes | None:
    """Any value, exactly where it is a number and as text where nothing else fits; never raises.

    Whole numbers are int, and True 1. A decimal fraction is a float where that prints as the same number, else its
    digits as text. Days and times are ISO texts ("2024-03-01 10:00:00"), an interval an ISO duration ("P1DT2H").
    A NaN is None. Lists and mappings are JSON; UUIDs and whatever else there is are texts.
    """
    found: int | float | str | bytes | None
    if value is None or isinstance(value, (str, bytes)):
        found = value
    elif isinstance(value, float):
        found = None if math.isnan(value) else float(value)
    elif isinstance(value, int):
        found = int(value)
    elif isinstance(value, Decimal):
        found = number(value)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        found = bytes(value)
    elif isinstance(value, datetime):
        found = value.isoformat(" ")
    elif isinstance(value, (date, time)):
        found = value.isoformat()
    elif isinstance(value, timedelta):
        found = duration(value)
    elif isinstance(value, (list, tuple, dict)):
        found = json.dumps(_plain(value), ensure_ascii=False)
    else:
        found = str(value)
    return found


def _plain(value: Any) -> Any:
    """What JSON has a form for, all the way down; keys of any type are texts."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(cell(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool):
        return value
    plain = cell(value)
    if isinstance(plain, bytes):
        return plain.hex()
    return str(plain) if isinstance(plain, float) and math.isinf(plain) else plain


def number(value: Decimal) -> int | float | str | None:
    """A decimal number: int if whole, float if that prints as the same number, else text; None for NaN."""
    if not value.is_finite():
        return None if value.is_nan() else float(value)
    if value.adjusted() > _LONGEST_INT:
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)


def text(raw: bytes) -> str:
    """A server's text; what is no UTF-8 in it is U+FFFD."""
    return raw.decode("utf-8", "replace")


def decimal(raw: bytes) -> int | float | str | None:
    """A server's digits as a number; see `number`."""
    return number(Decimal(raw.decode()))


def computed(raw: bytes) -> int | float | str | None:
    """As `decimal`, of an expression: an average comes with digits that no float has, and that mean nothing."""
    value = decimal(raw)
    return value if not isinstance(value, str) or Decimal(value).adjusted() > _LARGEST_FLOAT else float(value)


def duration(value: timedelta) -> str:
    """An ISO 8601 duration of days and seconds: "P1DT3600S", "-PT0.5S"."""
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    seconds = f"{value.seconds + value.microseconds / 1e6:.6f}".rstrip("0").rstrip(".")
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}T{seconds}S" if seconds != "0" or not days else f"{sign}P{days}"
