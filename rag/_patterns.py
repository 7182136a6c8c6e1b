"""Regular expressions that a caller may hand in: compiled, and refused where a text could make them run for ages."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["found", "safe_pattern"]

_parser: Any = import_module("re._parser" if sys.version_info >= (3, 11) else "sre_parse")
_WINDOW = 2000  # characters searched at once: with two open repeats the cost grows with the cube
_OPEN_REPEATS = 2
_MANY = 16  # repeats of more than that count as open
_WAYS = 64  # ways through optional parts and alternatives


class _Cost:
    """Open repeats, and ways through what is optional, of one expression."""

    def __init__(self) -> None:
        self.open_repeats = 0
        self.ways = 1


def safe_pattern(source: str) -> re.Pattern[str]:
    """`source` compiled. What could take more than polynomial time of a low degree is refused.

    Allowed are at most two open repeats (`*`, `+`, `{3,}`), none inside another repeat, few optional parts and
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
    cost = _Cost()
    reason = _visit(tree, cost, inside=False)
    if reason is None and cost.open_repeats > _OPEN_REPEATS:
        reason = f"it has {cost.open_repeats} open repeats, of at most {_OPEN_REPEATS}"
    if reason is None and cost.ways > _WAYS:
        reason = f"its optional parts and alternatives leave {cost.ways} ways, of at most {_WAYS}"
    if reason is not None:
        raise UsageError(f"the pattern {source!r} could take too long: {reason}", hint="write it more narrowly")
    return pattern


def found(patterns: Iterable[re.Pattern[str]], text: str) -> bool:
    """Whether one of the patterns matches somewhere in `text`; long texts are searched in overlapping windows."""
    starts = range(0, max(len(text) - _WINDOW // 2, 1), _WINDOW // 2)
    return any(pattern.search(text, start, start + _WINDOW) for pattern in patterns for start in starts)


def _visit(tree: Any, cost: _Cost, *, inside: bool) -> str | None:
    for operator, argument in tree:
        name = str(operator)
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            reason = _repeat(argument, cost, inside)
        elif name == "BRANCH":
            reason = _branch(argument[1], cost, inside)
        elif name in ("GROUPREF", "GROUPREF_EXISTS"):
            reason = "it has a back reference"
        else:
            reason = next((r for part in _parts(argument) if (r := _visit(part, cost, inside=inside))), None)
        if reason is not None:
            return reason
    return None


def _repeat(argument: tuple[Any, Any, Any], cost: _Cost, inside: bool) -> str | None:
    least, most, body = int(argument[0]), int(argument[1]), argument[2]
    if least != most:
        if inside:
            return "a repeat stands inside a repeat"
        if most > _MANY:
            cost.open_repeats += 1
        else:
            cost.ways *= most - least + 1
    return _visit(body, cost, inside=inside or most > 1)


def _branch(alternatives: Any, cost: _Cost, inside: bool) -> str | None:
    if inside:
        return "alternatives stand inside a repeat"
    cost.ways += len(alternatives) - 1
    return next((reason for part in alternatives if (reason := _visit(part, cost, inside=False))), None)


def _parts(argument: Any) -> list[Any]:
    """The expressions inside a group or an assertion."""
    if isinstance(argument, _parser.SubPattern):
        return [argument]
    return [part for part in argument if isinstance(part, _parser.SubPattern)] if isinstance(argument, tuple) else []
