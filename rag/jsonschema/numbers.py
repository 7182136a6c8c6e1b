"""Numbers within bounds and of given multiples, in exact arithmetic, or the proof that there are none."""

from __future__ import annotations

import math
from fractions import Fraction
from functools import reduce
from typing import TYPE_CHECKING, Any

from .assertions import as_fraction
from .failures import ConflictError, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

    from .cases import Case

__all__ = ["generate_number"]

_TRIED = 1000  # candidates of an unbounded range
_WIDE = 10**18  # beyond it a float no longer tells neighbouring multiples apart


def generate_number(case: Case, kind: str, random: Random) -> int | float:
    """An "integer" or a "fraction" (a number that is no integer) that satisfies the atoms of `case`.

    Raises:
        ConflictError: There is none.
        UndecidedError: None was found, or its bounds are over what a float holds.
    """
    low, high, where = _tightest(case)
    _check_bounds(low, high, kind, where)
    steps = [atom.value for atom in case.of("multiple")] + [Fraction(1)] * (kind == "integer")
    refused = {as_fraction(value) for atom in case.of("out") for value in atom.value if _is_number(value)}
    unlike = [atom.value for atom in case.of("no_multiple")]

    def fits(value: Fraction) -> bool:
        wrong_kind = kind == "fraction" and value.denominator == 1
        return not wrong_kind and value not in refused and all((value / one).denominator != 1 for one in unlike)

    if not steps:
        return _between(low, high, fits, random)
    step = reduce(_common_multiple, steps)
    first, last = _multiples(low, high, step)
    where = where or _first_place(case)
    if first is not None and last is not None and first > last:
        noun = "integer" if steps == [1] else f"multiple of {_text(step)}"
        raise ConflictError(f"no {noun} lies between {_show(low)} and {_show(high)}", where)
    for number in _candidates(first, last, random):
        if fits(number * step):
            return _as_json(number * step)
    if any((step / other).denominator == 1 for other in unlike):
        raise ConflictError(f"every multiple of {_text(step)} is excluded", case.of("no_multiple")[0].where)
    if first is not None and last is not None and last - first <= _TRIED:
        raise ConflictError(f"no number between {_show(low)} and {_show(high)} is left", where)
    if kind == "fraction" and step.denominator == 1:
        raise ConflictError(f"every multiple of {_text(step)} is an integer", where)
    raise UndecidedError("multipleOf leaves no number that was found")


def _check_bounds(low: Any, high: Any, kind: str, where: str) -> None:
    if low is None or high is None:
        return
    is_point = low[0] == high[0]
    if low[0] > high[0] or (is_point and (low[1] or high[1])):
        raise ConflictError(f"no number lies between {_show(low)} and {_show(high)}", where)
    if kind == "fraction" and is_point and low[0].denominator == 1:
        raise ConflictError(f"no number that is no integer lies between {_show(low)} and {_show(high)}", where)


def _tightest(case: Case) -> tuple[Any, Any, str]:
    """The tightest bounds, each a value and whether it is exclusive, or None; and the pointer to one of them."""
    lows, highs = case.of("low"), case.of("high")
    low = max(lows, key=lambda atom: atom.value, default=None)
    high = min(highs, key=lambda atom: (atom.value[0], not atom.value[1]), default=None)
    last = high or low
    return low and low.value, high and high.value, last.where if last else ""


def _between(low: Any, high: Any, fits: Callable[[Fraction], bool], random: Random) -> float:
    """A number that is no integer between the bounds."""
    start = low[0] if low else (high[0] - 100 if high else Fraction(0))
    end = high[0] if high else start + 100
    if start == end and fits(start):
        return _checked(start, low, high)
    for _ in range(_TRIED):
        # Few digits first; where the bounds are close, their own resolution.
        value = start + (end - start) * Fraction(random.randint(1, 999), 1000)
        rounded = Fraction(round(value * 10), 10)
        value = rounded if start < rounded < end and fits(rounded) else value
        if fits(value):
            return _checked(value, low, high)
    raise UndecidedError("no number was found between the bounds")


def _checked(value: Fraction, low: Any, high: Any) -> float:
    """`value` as a float, where rounding does not move it out of its bounds or onto an integer."""
    found = _to_float(value)
    exact = as_fraction(found)
    inside = (low is None or exact > low[0] or (exact == low[0] and not low[1])) and (
        high is None or exact < high[0] or (exact == high[0] and not high[1])
    )
    if not inside or exact.denominator == 1:
        raise UndecidedError("no float lies between the bounds")
    return found


def _candidates(first: int | None, last: int | None, random: Random) -> Iterator[int]:
    """Whole numbers of a range, some random ones first; at most a thousand in order."""
    if first is None:
        first = min(0, last - _TRIED) if last is not None else 0
    if last is None or last - first > _TRIED:
        end = max(0, first) + 100 if last is None else last
        yield from (random.randint(first, min(end, first + _TRIED)) for _ in range(20))
        yield from range(first, first + _TRIED)
    else:
        yield from random.sample(range(first, last + 1), last + 1 - first)


def _multiples(low: Any, high: Any, step: Fraction) -> tuple[int | None, int | None]:
    """The first and the last whole number whose product with `step` is in range; None where that end is open."""
    first = last = None
    if low is not None:
        first = math.ceil(low[0] / step)
        first += low[1] and first * step == low[0]
    if high is not None:
        last = math.floor(high[0] / step)
        last -= high[1] and last * step == high[0]
    return first, last


def _common_multiple(one: Fraction, other: Fraction) -> Fraction:
    return Fraction(math.lcm(one.numerator * other.denominator, other.numerator * one.denominator),
                    one.denominator * other.denominator)  # fmt: skip


def _as_json(value: Fraction) -> int | float:
    return int(value) if value.denominator == 1 else _to_float(value)


def _to_float(value: Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        raise UndecidedError("the bounds of a number are too large") from None


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _first_place(case: Case) -> str:
    return next((atom.where for atom in case.of("multiple")), "")


def _show(bound: Any) -> str:
    return "infinity" if bound is None else f"{_text(bound[0])}{' (exclusive)' if bound[1] else ''}"


def _text(value: Fraction) -> str:
    if value.denominator == 1:
        return f"{value.numerator}" if abs(value) < _WIDE else "a very large number"
    return f"{_to_float(value)}"
