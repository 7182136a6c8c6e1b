"""What constructors ask of their numbers."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

from ctxprune.errors import UsageError

__all__ = ["check_minimum", "check_share", "is_number"]


def is_number(value: Any) -> bool:
    """True for a finite real number of any kind, numpy's included; False for bool, text, None, NaN and infinities."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def check_minimum(name: str, value: Any, minimum: float) -> None:
    """Check that a parameter is at least `minimum`.

    Raises:
        UsageError: It is not; the message names the parameter, its value and the minimum.
    """
    if value < minimum:
        raise UsageError(f"{name} must be at least {minimum}, got {value}", where=name)


def check_share(name: str, value: Any) -> None:
    """Check that a parameter is from 0 to 1, both included.

    Raises:
        UsageError: It is not; the message names the parameter, its value and the range.
    """
    if not 0 <= value <= 1:
        raise UsageError(f"{name} must be in 0..1, got {value}", where=name)
