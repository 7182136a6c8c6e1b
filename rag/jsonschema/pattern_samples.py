"""Texts of bounded length that a regular expression matches. The expression is parsed and never run."""

from __future__ import annotations

import string
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .pattern_reader import UndecidedPatternError, parse_pattern

if TYPE_CHECKING:
    from random import Random

__all__ = ["sample_match"]

_MOST = 1000  # characters of a text, and parts of an expression that are visited for it
_PLAIN = string.ascii_letters + string.digits
_VISIBLE = _PLAIN + " -_.,:;/@#"
_CATEGORIES = {"DIGIT": string.digits, "WORD": _PLAIN + "_", "SPACE": " "}


class _UnsupportedError(Exception):
    """The expression has a part for which no text can be written on its own, or needs too long a text."""


def sample_match(pattern: str, random: Random, longer: int = 0) -> str | None:
    """Write a text that `pattern` should match; None for look-around, back references and invalid expressions.

    Args:
        pattern: As in JSON Schema; syntax that only ECMA 262 has is not supported.
        random: Source of all choices.
        longer: Repeats allowed on top of each repeat's minimum, in addition to three.
    """
    try:
        return _Writer(random, longer).text(parse_pattern(pattern))
    except (UndecidedPatternError, RecursionError, OverflowError, _UnsupportedError):
        return None


@dataclass
class _Writer:
    random: Random
    longer: int
    left: int = _MOST

    def text(self, tree: Any) -> str:
        return "".join(self._part(str(operator), argument) for operator, argument in tree)

    def _part(self, operator: str, argument: Any) -> str:
        self.left -= 1
        if self.left < 0:
            raise _UnsupportedError
        if operator == "LITERAL":
            return chr(argument)
        if operator in ("ANY", "NOT_LITERAL", "IN"):
            return self._char(operator, argument)
        if operator in ("BRANCH", "SUBPATTERN", "ATOMIC_GROUP"):
            whole = argument if operator == "ATOMIC_GROUP" else argument[-1]
            return self.text(self.random.choice(whole) if operator == "BRANCH" else whole)
        if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            least, most, body = int(argument[0]), int(argument[1]), argument[2]
            count = least + self.random.randint(0, min(most - least, 3 + self.longer))
            return "".join(self.text(body) for _ in range(count))
        if operator == "AT":  # an anchor or a word boundary: the caller checks the whole text afterwards
            return ""
        raise _UnsupportedError

    def _char(self, operator: str, argument: Any) -> str:
        if operator == "ANY":
            return self.random.choice(_PLAIN)
        if operator == "NOT_LITERAL":
            return self.random.choice([char for char in _PLAIN if char != chr(argument)])
        parts = [(str(kind), value) for kind, value in argument]
        if parts[0][0] == "NEGATE":
            left = [char for char in _VISIBLE if not any(_holds(part, char) for part in parts[1:])]
            if not left:
                raise _UnsupportedError
            return self.random.choice(left)
        kind, value = self.random.choice(parts)
        if kind == "LITERAL":
            return chr(value)
        if kind == "RANGE":
            return chr(self.random.randint(*value))
        return self.random.choice([char for char in _VISIBLE if _holds((kind, value), char)] or [" "])


def _holds(part: tuple[str, Any], char: str) -> bool:
    """Whether a part of a character set contains `char`."""
    kind, value = part
    if kind == "LITERAL":
        return bool(ord(char) == value)
    if kind == "RANGE":
        return bool(value[0] <= ord(char) <= value[1])
    name: str = str(value).removeprefix("CATEGORY_")
    inside = char in _CATEGORIES.get(name.removeprefix("NOT_"), "")
    return inside != name.startswith("NOT_")
