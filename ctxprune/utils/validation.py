"""What constructors ask of their numbers."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

__all__ = ["is_number"]


def is_number(value: Any) -> bool:
    """True for a finite real number of any kind, numpy's included; False for bool, text, None, NaN and infinities."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)
