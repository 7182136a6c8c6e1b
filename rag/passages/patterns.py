"""Regular expressions given by a caller: compiled, and refused where a text could make them very slow."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["compile_safely", "matches_any"]

# The standard library's own parser, which has no public name: what it reads is what `re` runs.
_parser: Any = import_module("re._parser")
_WINDOW = 1000  # characters searched at once: with an open repeat the cost is quadratic in the length
_ENDLESS = 10**9
_MANY = 32  # a repeat of more than that counts as open
_WAYS = (256, 16)  # most paths through optional parts and alternatives, without and with an open repeat


class _UnsafeError(Exception):
    """The reason for which an expression is refused."""


@dataclass(frozen=True, slots=True)
class _Cost:
    """Cost of an expression: open repeats that can match the same text, and paths through its optional parts."""

    repeats: int = 0
    ways: int = 1

    def combine(self, other: _Cost) -> _Cost:
        return _Cost(self.repeats + other.repeats, min(self.ways * other.ways, _ENDLESS))


def compile_safely(source: str) -> re.Pattern[str]:
    """Compile `source`; refuse what could take more than some milliseconds for a sentence.

    Allowed are at most one open repeat (`*`, `+`, `{3,}`), not inside another repeat, few optional parts and
    alternatives, and no back references.

    Raises:
        UsageError: It is not a regular expression, or it could take too long.
    """
    if not isinstance(source, str):
        raise UsageError(f"a pattern is a {type(source).__name__}", hint="give a regular expression as a str")
    try:
        pattern = re.compile(source)
        tree = _parser.parse(source)
    except (re.error, RecursionError, OverflowError) as error:
        raise UsageError(f"the pattern {source!r} is no regular expression ({error})") from error
    try:
        _check(_measure_sequence(tree, inside=False))
    except _UnsafeError as reason:
        hint = "write it more narrowly, for instance {1,9} in place of +"
        raise UsageError(f"the pattern {source!r} could take too long: {reason}", hint=hint) from None
    return pattern


def matches_any(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    """Whether one of the patterns matches somewhere in `text`; long texts are searched in overlapping windows."""
    starts = range(0, max(len(text) - _WINDOW // 2, 1), _WINDOW // 2)
    return any(pattern.search(text, start, start + _WINDOW) for pattern in patterns for start in starts)


def _check(cost: _Cost) -> None:
    # k open repeats in a row can match a text of n characters in n**k ways.
    if cost.repeats > 1:
        raise _UnsafeError(f"{cost.repeats} open repeats can follow each other, of at most 1")
    if cost.ways > _WAYS[cost.repeats]:
        raise _UnsafeError(f"optional parts and alternatives leave {cost.ways} ways, of at most {_WAYS[cost.repeats]}")


def _measure_sequence(tree: Any, *, inside: bool) -> _Cost:
    """Cost of the parts of `tree` in sequence; `inside` a repeat no part may vary."""
    cost = _Cost()
    for operator, argument in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            cost = cost.combine(_measure_repeat(argument, inside))
        elif name == "BRANCH":
            cost = cost.combine(_measure_branch(argument[1], inside))
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            raise _UnsafeError("it has a back reference")
        else:
            for part in _list_parts(argument):
                cost = cost.combine(_measure_sequence(part, inside=inside))
    return cost


def _measure_repeat(argument: tuple[Any, Any, Any], inside: bool) -> _Cost:
    least, most, body = int(argument[0]), int(argument[1]), argument[2]
    cost = _measure_sequence(body, inside=inside or most > 1)
    if least == most:
        return cost
    # (a+)+ is the classic: n characters can be split between the two in 2**n ways.
    if inside:
        raise _UnsafeError("a repeat stands inside a repeat")
    return cost.combine(_Cost(repeats=1) if most > _MANY else _Cost(ways=most - least + 1))


def _measure_branch(alternatives: Any, inside: bool) -> _Cost:
    if inside:
        raise _UnsafeError("alternatives stand inside a repeat")
    costs = [_measure_sequence(part, inside=False) for part in alternatives]
    return _Cost(max(cost.repeats for cost in costs), sum(cost.ways for cost in costs))


def _list_parts(argument: Any) -> list[Any]:
    """The expressions inside a group or an assertion."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    return [part for part in argument if isinstance(part, _parser.SubPattern)] if isinstance(argument, tuple) else []
