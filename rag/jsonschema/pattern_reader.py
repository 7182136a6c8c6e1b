"""Regular expressions of JSON schemas as trees, read by the standard library's own parser; none is ever run."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALL_CHARS",
    "END",
    "MOST_PARTS",
    "START",
    "Ranges",
    "Tree",
    "UndecidedPatternError",
    "parse_pattern",
    "read_tree",
]

# What the parser accepts is what `re` runs. It has no public name.
_parser: Any = import_module("re._parser")
MOST_PARTS = 2000  # parts of one expression, and the least count of a repeat
_LAST = 0x10FFFF
START, END = -1, -2  # symbols for the two ends of the text, so that anchors are characters like others

Ranges: TypeAlias = "tuple[tuple[int, int], ...]"
Tree: TypeAlias = "tuple[Any, ...]"
"""("set", ranges), ("end", symbols), ("join", trees), ("or", trees), ("repeat", tree, least, most or None)."""

_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 13), (32, 32), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
                  (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF))  # fmt: skip
_BREAKS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
ALL_CHARS: Ranges = ((0, 0xD7FF), (0xE000, _LAST))  # surrogates are no characters


class UndecidedPatternError(Exception):
    """An expression is not supported, or the search is over its bounds."""


def parse_pattern(pattern: str) -> Any:
    """The parsed expression, as the standard library has it.

    Raises:
        UndecidedPatternError: Python does not read it, or may read it in another way than ECMA 262.
    """
    if "{," in pattern:  # a repeat for Python only
        raise UndecidedPatternError
    try:
        return _parser.parse(_escape_sets(pattern))
    except (re.error, RecursionError, OverflowError):
        raise UndecidedPatternError from None


def _escape_sets(pattern: str) -> str:
    """`pattern` with a backslash before what Python warns of inside a set: characters that may get a meaning there."""
    made: list[str] = []
    start = None  # of the set's characters
    place = 0
    while place < len(pattern):
        char = pattern[place]
        step = 2 if char == "\\" else 1
        piece = pattern[place : place + step]
        if start is None:
            if char == "[":
                start = place + (2 if pattern[place + 1 : place + 2] == "^" else 1)
                piece = pattern[place:start]
                step = len(piece)
        elif char == "]":
            if place == start:  # the empty set in ECMA 262, a bracket in the set for Python
                raise UndecidedPatternError
            start = None
        elif char == "-" and pattern[place + 1 : place + 2] == "-":
            raise UndecidedPatternError
        elif char in "[&~|":
            piece = f"\\{char}"
        made.append(piece)
        place += step
    return "".join(made)


def read_tree(pattern: str) -> Tree:
    """The tree of an expression.

    Raises:
        UndecidedPatternError: It is not read, or has look-around, a back reference, a word boundary, flags, an anchor
            in the middle, or over 2,000 parts.
    """
    parsed = parse_pattern(pattern)
    if parsed.state.flags & ~re.UNICODE:
        raise UndecidedPatternError
    try:
        return _Reader().sequence(list(parsed), first=True, last=True)
    except RecursionError:
        raise UndecidedPatternError from None


class _Reader:
    def __init__(self) -> None:
        self.left = MOST_PARTS

    def sequence(self, parts: Sequence[Any], *, first: bool, last: bool) -> Tree:
        made = []
        for place, (operator, argument) in enumerate(parts):
            self.left -= 1
            if self.left < 0:
                raise UndecidedPatternError
            ends = first and not place, last and place == len(parts) - 1
            made.append(self._part(str(operator), argument, *ends))
        return ("join", tuple(made))

    def _part(self, operator: str, argument: Any, first: bool, last: bool) -> Tree:
        if operator == "AT":
            # Elsewhere an anchor would have to be read twice or against what stands around it.
            name = str(argument)
            if (name == "AT_BEGINNING" and first) or (name == "AT_END" and last):
                return ("end", frozenset({START if name == "AT_BEGINNING" else END}))
            raise UndecidedPatternError
        if operator == "BRANCH":
            return ("or", tuple(self.sequence(part, first=first, last=last) for part in argument[1]))
        if operator == "SUBPATTERN":
            if argument[1] or argument[2]:
                raise UndecidedPatternError
            return self.sequence(argument[3], first=first, last=last)
        if operator in ("MAX_REPEAT", "MIN_REPEAT"):
            most = None if argument[1] is _parser.MAXREPEAT else int(argument[1])
            if int(argument[0]) > MOST_PARTS:
                raise UndecidedPatternError
            return ("repeat", self.sequence(argument[2], first=False, last=False), int(argument[0]), most)
        return ("set", _read_set(operator, argument))


def _read_set(operator: str, argument: Any) -> Ranges:
    if operator == "LITERAL":
        return ((argument, argument),)
    if operator == "NOT_LITERAL":
        return _complement(((argument, argument),))
    if operator == "ANY":
        return _complement(_BREAKS)
    if operator != "IN":
        raise UndecidedPatternError
    parts = [(str(kind), value) for kind, value in argument]
    ranges: list[tuple[int, int]] = []
    for kind, value in parts:
        if kind in ("LITERAL", "RANGE"):
            ranges.append((value, value) if kind == "LITERAL" else tuple(value))
        elif kind == "CATEGORY":
            name = str(value).removeprefix("CATEGORY_")
            known = {"DIGIT": _DIGITS, "WORD": _WORD, "SPACE": _SPACE}[name.removeprefix("NOT_")]
            ranges += _complement(known) if name.startswith("NOT_") else known
    return _complement(tuple(ranges)) if parts[0][0] == "NEGATE" else tuple(sorted(ranges))


def _complement(ranges: Ranges) -> Ranges:
    left: list[tuple[int, int]] = []
    start = 0
    for low, high in sorted(ranges):
        if start < low:
            left.append((start, low - 1))
        start = max(start, high + 1)
    return (*left, (start, _LAST)) if start <= _LAST else tuple(left)
