"""Regular expressions that a caller may hand in: compiled, and refused where a text could make them run for ages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["found", "safe_pattern"]

_parser: Any = import_module("re._parser")
_WINDOW = 1000  # characters searched at once: with an open repeat the cost grows with the square
_ENDLESS = 10**9
_MANY = 32  # repeats of more than that count as open
_WAYS = (256, 16)  # ways through optional parts and alternatives, without and with an open repeat


class _UnsafeError(Exception):
    """Why an expression is refused."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Open repeats that can run on the same text, and ways through what is optional, of an expression."""

    repeats: int = 0
    ways: int = 1

    def then(self, other: _Cost) -> _Cost:
        return _Cost(self.repeats + other.repeats, min(self.ways * other.ways, _ENDLESS))


def safe_pattern(source: str) -> re.Pattern[str]:
    """`source` compiled. What could take more than some milliseconds for a sentence is refused.

    Allowed are at most one open repeat (`*`, `+`, `{3,}`), not inside another repeat, few optional parts and
    alternatives, and no back references.

    Raises:
        UsageError: It is no regular expression, or one that could take too long.
    """
    if not isinstance(source, str):
        raise UsageError(f"a pattern is a {type(source).__name__}", hint="give a regular expression as a str")
    try:
        pattern = re.compile(source)
        tree = _parser.parse(source)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"the pattern {source!r} is no regular expression ({error})") from error
    try:
        _check(_sequence(tree, inside=False))
    except _UnsafeError as reason:
        hint = "write it more narrowly, for instance {1,9} in place of +"
        raise UsageError(f"the pattern {source!r} could take too long: {reason}", hint=hint) from None
    return pattern


def found(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    """Whether one of the patterns matches somewhere in `text`; long texts are searched in overlapping windows."""
    starts = range(0, max(len(text) - _WINDOW // 2, 1), _WINDOW // 2)
    return any(pattern.search(text, start, start + _WINDOW) for pattern in patterns for start in starts)


def _check(cost: _Cost) -> None:
    if cost.repeats > 1:
        raise _UnsafeError(f"{cost.repeats} open repeats can follow each other, of at most 1")
    if cost.ways > _WAYS[cost.repeats]:
        raise _UnsafeError(f"optional parts and alternatives leave {cost.ways} ways, of at most {_WAYS[cost.repeats]}")


def _sequence(tree: Any, *, inside: bool) -> _Cost:
    """Cost of the parts of `tree` one after the other; `inside` a repeat nothing may vary."""
    cost = _Cost()
    for operator, argument in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            cost = cost.then(_repeat(argument, inside))
        elif name == "BRANCH":
            cost = cost.then(_branch(argument[1], inside))
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            raise _UnsafeError("it has a back reference")
        else:
            for part in _parts(argument):
                cost = cost.then(_sequence(part, inside=inside))
    return cost


def _repeat(argument: tuple[Any, Any, Any], inside: bool) -> _Cost:
    least, most, body = int(argument[0]), int(argument[1]), argument[2]
    cost = _sequence(body, inside=inside or most > 1)
    if least == most:
        return cost
    if inside:
        raise _UnsafeError("a repeat stands inside a repeat")
    return cost.then(_Cost(repeats=1) if most > _MANY else _Cost(ways=most - least + 1))


def _branch(alternatives: Any, inside: bool) -> _Cost:
    if inside:
        raise _UnsafeError("alternatives stand inside a repeat")
    costs = [_sequence(part, inside=False) for part in alternatives]
    return _Cost(max(cost.repeats for cost in costs), sum(cost.ways for cost in costs))


def _parts(argument: Any) -> list[Any]:
    """The expressions inside a group or an assertion."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    return [part for part in argument if isinstance(part, _parser.SubPattern)] if isinstance(argument, tuple) else []
