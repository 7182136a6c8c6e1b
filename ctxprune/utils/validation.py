"""Checks of arguments that many constructors share; each failure is a `UsageError` of the form "NAME is VALUE".

A dataclass below `Checked` names a field's check where it states the default, and has no code for it:

@dataclass(frozen=True)
class Ridge(Checked):
    strength: float = checked_field(0.01, check_number, minimum=0)
"""

from __future__ import annotations

import math
from dataclasses import field, fields
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = [
    "Checked",
    "check_choice",
    "check_flag",
    "check_number",
    "check_range",
    "check_whole",
    "checked_field",
    "describe_type",
    "is_number",
    "is_whole",
    "plain_fault",
]


def is_number(value: Any) -> bool:
    """True for a finite real number of any kind, numpy's included; False for bool, text, None, NaN and infinities."""
    return not isinstance(value, bool) and isinstance(value, Real) and math.isfinite(value)


def is_whole(value: Any) -> bool:
    """True for an integer of any kind, numpy's included; False for bool, which Python counts among the integers."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_whole(name: str, value: Any, *, minimum: int = 1, optional: bool = False) -> None:
    """Refuse what is not a whole number of at least `minimum`; None passes where `optional`.

    Raises:
        UsageError: "NAME is VALUE", with the allowed values as the hint.
    """
    if value is None and optional:
        return
    if not is_whole(value) or value < minimum:
        raise UsageError(f"{name} is {value!r}", hint=f"give a whole number from {minimum} up{_or_none(optional)}")


def check_number(
    name: str, value: Any, *, minimum: float | None = None, over: float | None = None, optional: bool = False
) -> None:
    """Refuse what is not a finite number, at least `minimum` or greater than `over` where one of them is given.

    Raises:
        UsageError: As `check_whole`.
    """
    if value is None and optional:
        return
    if minimum is not None:
        valid, allowed = is_number(value) and value >= minimum, f"a number from {minimum:g} up"
    elif over is not None:
        valid, allowed = is_number(value) and value > over, f"a number over {over:g}"
    else:
        valid, allowed = is_number(value), "a finite number"
    if not valid:
        raise UsageError(f"{name} is {value!r}", hint=f"give {allowed}{_or_none(optional)}")


def check_range(
    name: str,
    value: Any,
    low: float = 0,
    high: float = 1,
    *,
    open_low: bool = False,
    open_high: bool = False,
    optional: bool = False,
) -> None:
    """Refuse what is not a number from `low` to `high`; an end that is open is out of range itself.

    Raises:
        UsageError: As `check_whole`.
    """
    if value is None and optional:
        return
    valid = is_number(value) and low <= value <= high and not (open_low and value == low)
    if not valid or (open_high and value == high):
        start, end = ("over", "and up to") if open_low else ("from", "to")
        allowed = f"{start} {low:g} {'and under' if open_high else end} {high:g}"
        raise UsageError(f"{name} is {value!r}", hint=f"give a number {allowed}{_or_none(optional)}")


def check_choice(name: str, value: Any, known: Collection[Any]) -> None:
    """Refuse what is none of the known values.

    Raises:
        UsageError: As `check_whole`.
    """
    # a list, so that what has no hash is refused and not an error of Python's
    if value not in list(known):
        raise UsageError(f"{name} is {value!r}", hint=f"give one of {', '.join(map(repr, known))}")


def check_flag(name: str, value: Any) -> None:
    """Refuse what is not a bool; numbers and texts do not count as one.

    Raises:
        UsageError: As `check_whole`.
    """
    if not isinstance(value, bool):
        raise UsageError(f"{name} is {value!r}", hint="give True or False")


def _or_none(optional: bool) -> str:
    return ", or None" if optional else ""


def describe_type(value: object) -> str:
    """The type of a value, for an error message: "a str", or "the class SnapKV" where a class itself was passed."""
    return f"the class {value.__name__}" if isinstance(value, type) else f"a {type(value).__name__}"


class Checked:
    """The base of dataclasses whose fields are checked when they are built, see `checked_field`.

    Raises:
        UsageError: A field has a value that its check refuses.
    """

    def __post_init__(self) -> None:
        for entry in fields(self):  # type: ignore[arg-type]
            if (check := entry.metadata.get("check")) is not None:
                check(entry.name, getattr(self, entry.name))


def checked_field(default: Any, check: Callable[..., None], *given: Any, **named: Any) -> Any:
    """A dataclass field with a check of this module.

    Args:
        default: Of the field.
        check: Called with the field's name, its value, and what follows here.
        given, named: What follows the value in the call of the check.
    """
    return field(default=default, metadata={"check": lambda name, value: check(name, value, *given, **named)})


def plain_fault(message: str) -> str:
    """What pydantic says of a fault, without the kind of exception that a check of ours raised."""
    return message.removeprefix("Value error, ")
