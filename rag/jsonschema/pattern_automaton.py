"""Texts that match some regular expressions and do not match others, or the proof that there are none.

By derivatives of regular expressions (Brzozowski, Journal of the ACM 1964): the derivative of an expression by a
character is what must follow that character. A state is a tuple of derivatives, one of each expression, so that
intersection and complement cost nothing; a search over the states ends because there are finitely many.
"""

from __future__ import annotations

import re
from collections import deque
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["UndecidedPatternError", "find_text"]

_parser: Any = import_module("re._parser")
_MOST_STATES = 2000
_MOST_STEPS = 40_000  # derivatives of whole states
_MOST_SIZE = 2000  # characters by which lengths are bounded, and parts of one expression
_LAST = 0x10FFFF
_START, _END = -1, -2  # symbols for the two ends of the text, so that anchors are characters like others
_PREFERRED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,:;/@#"

Ranges: TypeAlias = "tuple[tuple[int, int], ...]"
Expression: TypeAlias = "tuple[Any, ...]"
"""("none",), ("empty",), ("set", symbols), ("join", a, b), ("or", frozenset), ("repeat", a, least, most or None)."""

_NONE: Expression = ("none",)
_EMPTY: Expression = ("empty",)
_DIGITS: Ranges = ((48, 57),)
_WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACE: Ranges = ((9, 13), (32, 32), (160, 160), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
                  (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF))  # fmt: skip
_BREAKS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_ALL: Ranges = ((0, 0xD7FF), (0xE000, _LAST))  # surrogates are no characters


class UndecidedPatternError(Exception):
    """An expression is not supported, or the search is over its bounds."""


def find_text(
    like: Sequence[str], unlike: Sequence[str], *, length: tuple[int, int | None] = (0, None), other: Iterable[str] = ()
) -> str | None:
    """A shortest text in which each of `like` matches somewhere and none of `unlike` does; None if there is none.

    Args:
        like: Regular expressions as in JSON Schema (ECMA 262), those that Python's parser reads.
        unlike: As `like`.
        length: Least and most characters; a maximum over 2,000 is not looked at.
        other: Texts that are not wanted.

    Raises:
        UndecidedPatternError: There is look-around, a back reference, a word boundary or an anchor in the middle; or
            the search takes more than 2,000 states.
    """
    # A schema is searched several times, and a search that was given up would be given up again.
    found = _find_text(tuple(like), tuple(unlike), length, tuple(other))
    if isinstance(found, UndecidedPatternError):
        raise found
    return found


@lru_cache(maxsize=512)
def _find_text(
    like: tuple[str, ...], unlike: tuple[str, ...], length: tuple[int, int | None], other: tuple[str, ...]
) -> str | UndecidedPatternError | None:
    try:
        return _search_text(like, unlike, length, other)
    except UndecidedPatternError:
        return UndecidedPatternError()


def _search_text(
    like: tuple[str, ...], unlike: tuple[str, ...], length: tuple[int, int | None], other: tuple[str, ...]
) -> str | None:
    least, most = length
    if least > _MOST_SIZE:
        raise UndecidedPatternError
    read = [_read(pattern) for pattern in (*like, *unlike)]
    excluded = [tuple(map(ord, text)) for text in other]
    alphabet = _Alphabet([*_sets_in(read), *(((char, char),) for text in excluded for char in text)])
    found = [_wrap(alphabet.compile(tree), alphabet) for tree in read]
    span = _repeat(alphabet.any_char, least, most if most is not None and most <= _MOST_SIZE else None)
    wanted = [*found[: len(like)], _anchor(span)]
    texts = [_anchor(_join_all(alphabet.compile(("set", ((char, char),))) for char in text)) for text in excluded]
    return _Search(alphabet, tuple(wanted), tuple(found[len(like) :] + texts)).run()


class _Alphabet:
    """Characters in groups that the expressions do not tell apart, each a symbol; `chars` has one of each group."""

    def __init__(self, sets: list[Ranges]) -> None:
        edges = sorted({edge for ranges in (*sets, _ALL) for low, high in ranges for edge in (low, high + 1)})
        places: dict[int, int] = {}
        groups: dict[tuple[bool, ...], int] = {}
        self.chars: list[str] = []
        distinct = list(dict.fromkeys(sets))
        for low in edges:
            if not _holds(_ALL, low):
                continue
            signature = tuple(_holds(ranges, low) for ranges in distinct)
            if signature not in groups:
                groups[signature] = len(self.chars)
                self.chars.append(chr(low))
            places[low] = groups[signature]
        self._symbols = {
            ranges: frozenset(groups[key] for key in groups if key[i]) for i, ranges in enumerate(distinct)
        }
        self.any_char: Expression = ("set", frozenset(range(len(self.chars))))
        for char in reversed(_PREFERRED):  # of each group the first preferred character stands for it
            number = groups.get(tuple(_holds(ranges, ord(char)) for ranges in distinct))
            if number is not None:
                self.chars[number] = char

    def compile(self, tree: Expression) -> Expression:
        """`tree` with symbols for its sets of characters."""
        kind = tree[0]
        if kind == "end":
            return ("set", tree[1])
        if kind == "set":
            return ("set", self._symbols[tree[1]]) if self._symbols[tree[1]] else _NONE
        if kind == "join":
            return _join_all(map(self.compile, tree[1]))
        if kind == "or":
            return _either(map(self.compile, tree[1]))
        if kind == "repeat":
            return _repeat(self.compile(tree[1]), tree[2], tree[3])
        return tree


def _read(pattern: str) -> Expression:
    """The parsed expression with "join" and "or" over tuples, and sets as ranges of characters."""
    if "{," in pattern:  # a repeat for Python only
        raise UndecidedPatternError
    try:
        tree = _parser.parse(pattern)
        if tree.state.flags & ~re.UNICODE:
            raise UndecidedPatternError
        return _Reader().sequence(list(tree), first=True, last=True)
    except (re.error, RecursionError, OverflowError):
        raise UndecidedPatternError from None


class _Reader:
    def __init__(self) -> None:
        self.left = _MOST_SIZE

    def sequence(self, parts: Sequence[Any], *, first: bool, last: bool) -> Expression:
        made = []
        for place, (operator, argument) in enumerate(parts):
            self.left -= 1
            if self.left < 0:
                raise UndecidedPatternError
            ends = first and not place, last and place == len(parts) - 1
            made.append(self._part(str(operator), argument, *ends))
        return ("join", tuple(made))

    def _part(self, operator: str, argument: Any, first: bool, last: bool) -> Expression:
        if operator == "AT":
            # Elsewhere an anchor would have to be read twice or against what stands around it.
            name = str(argument)
            if (name == "AT_BEGINNING" and first) or (name == "AT_END" and last):
                return ("end", frozenset({_START if name == "AT_BEGINNING" else _END}))
            raise UndecidedPatternError
        if operator == "BRANCH":
            return ("or", tuple(self.sequence(part, first=first, last=last) for part in argument[1]))
        if operator == "SUBPATTERN":
            if argument[1] or argument[2]:
                raise UndecidedPatternError
            return self.sequence(argument[3], first=first, last=last)
        if operator in ("MAX_REPEAT", "MIN_REPEAT"):
            most = None if argument[1] is _parser.MAXREPEAT else int(argument[1])
            if int(argument[0]) > _MOST_SIZE:
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


def _holds(ranges: Ranges, char: int) -> bool:
    return any(low <= char <= high for low, high in ranges)


def _sets_in(trees: Iterable[Expression]) -> list[Ranges]:
    found: list[Ranges] = []
    stack = list(trees)
    while stack:
        tree = stack.pop()
        if tree[0] == "set":
            found.append(tree[1])
        elif tree[0] in ("join", "or"):
            stack += tree[1]
        elif tree[0] == "repeat":
            stack.append(tree[1])
    return found


def _join(one: Expression, other: Expression) -> Expression:
    if _NONE in (one, other):
        return _NONE
    if one == _EMPTY:
        return other
    if other == _EMPTY:
        return one
    return ("join", one[1], _join(one[2], other)) if one[0] == "join" else ("join", one, other)


def _join_all(parts: Iterable[Expression]) -> Expression:
    made = _EMPTY
    for part in reversed(list(parts)):
        made = _join(part, made)
    return made


def _either(parts: Iterable[Expression]) -> Expression:
    flat: set[Expression] = set()
    for part in parts:
        flat |= part[1] if part[0] == "or" else {part}
    flat.discard(_NONE)
    return _NONE if not flat else next(iter(flat)) if len(flat) == 1 else ("or", frozenset(flat))


def _repeat(body: Expression, least: int, most: int | None) -> Expression:
    if most == 0 or body == _EMPTY or (body == _NONE and least == 0):
        return _EMPTY
    if body == _NONE:
        return _NONE
    return body if (least, most) == (1, 1) else ("repeat", body, least, most)


def _wrap(found: Expression, alphabet: _Alphabet) -> Expression:
    """A text with its two ends, in which the expression matches somewhere."""
    around = ("repeat", ("set", alphabet.any_char[1] | {_START, _END}), 0, None)
    return _join_all((around, found, around))


def _anchor(found: Expression) -> Expression:
    return _join_all((("set", frozenset({_START})), found, ("set", frozenset({_END}))))


class _Search:
    """Breadth first over states: `like` must be complete at the end of the text, and none of `unlike`."""

    def __init__(self, alphabet: _Alphabet, like: tuple[Expression, ...], unlike: tuple[Expression, ...]) -> None:
        self._chars = alphabet.chars
        self._like = len(like)
        self._first = like + unlike
        self._derived: dict[tuple[Expression, int], Expression] = {}
        self._nullable: dict[Expression, bool] = {}

    def run(self) -> str | None:
        """The first text found; None if there is none."""
        try:
            return self._run()
        except RecursionError:
            raise UndecidedPatternError from None

    def _run(self) -> str | None:
        start = self._step(self._first, _START)
        seen, queue, steps = {start}, deque([(start, "")]), 0
        while queue:
            state, text = queue.popleft()
            last = self._step(state, _END)
            if all(map(self._is_nullable, last[: self._like])) and not any(map(self._is_nullable, last[self._like :])):
                return text
            for symbol, char in enumerate(self._chars):
                steps += 1
                following = self._step(state, symbol)
                if following in seen or _NONE in following[: self._like]:
                    continue
                if len(seen) >= _MOST_STATES or steps > _MOST_STEPS:
                    raise UndecidedPatternError
                seen.add(following)
                queue.append((following, text + char))
        return None

    def _step(self, state: tuple[Expression, ...], symbol: int) -> tuple[Expression, ...]:
        return tuple(self._derive(part, symbol) for part in state)

    def _derive(self, part: Expression, symbol: int) -> Expression:
        key = part, symbol
        if key not in self._derived:
            self._derived[key] = self._derive_once(part, symbol)
        return self._derived[key]

    def _derive_once(self, part: Expression, symbol: int) -> Expression:
        kind = part[0]
        if kind == "set":
            return _EMPTY if symbol in part[1] else _NONE
        if kind == "join":
            made = _join(self._derive(part[1], symbol), part[2])
            return _either((made, self._derive(part[2], symbol))) if self._is_nullable(part[1]) else made
        if kind == "or":
            return _either(self._derive(one, symbol) for one in part[1])
        if kind == "repeat":
            least, most = max(0, part[2] - 1), None if part[3] is None else part[3] - 1
            return _join(self._derive(part[1], symbol), _repeat(part[1], least, most))
        return _NONE

    def _is_nullable(self, part: Expression) -> bool:
        if part not in self._nullable:
            kind = part[0]
            if kind == "join":
                found = self._is_nullable(part[1]) and self._is_nullable(part[2])
            elif kind == "or":
                found = any(map(self._is_nullable, part[1]))
            else:
                found = kind == "empty" or (kind == "repeat" and (part[2] == 0 or self._is_nullable(part[1])))
            self._nullable[part] = found
        return self._nullable[part]
