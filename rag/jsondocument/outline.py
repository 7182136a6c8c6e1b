"""Where the parts of a JSON text are: one pass over it, without recursion, without building its values.

What is left of the pass is an outline: the containers that are looked into, and in them, as leaves, the scalars and the
containers that stay whole; of long lists of scalars several that follow each other are one leaf. Everything that
Python's `json` reads is read, and control characters in strings.
"""

from __future__ import annotations

import json
import re
from array import array
from typing import TYPE_CHECKING, NoReturn

from ctxprune.errors import InputError

from ..passages.tiny_units import check_units, count_most_units

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Spans = Sequence[tuple[int, int]]

__all__ = ["Outline", "outline"]

_SHOWN = 20  # characters that an error quotes
_RECORD = 2000  # characters of an object that is read in one go
_LONG_LIST = 1000  # items of a list, from which on up to 64 scalars in a row are one
_BLANK = r"[ \t\r\n]*"
_STRING = r'"[^"\\]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\]*)*"'
_SCALAR = rf"(?:{_STRING}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null|NaN|-?Infinity)"
_VALUE = rf"(?:({_SCALAR})|([\[{{])){_BLANK}"
_BLANKS = re.compile(_BLANK)
_KEY = re.compile(_STRING)
_ITEM = re.compile(rf"{_BLANK}(){_VALUE}")
_MEMBER = re.compile(rf"{_BLANK}({_STRING}){_BLANK}:{_BLANK}{_VALUE}")
_RUN = re.compile(rf"{_SCALAR}(?:{_BLANK},{_BLANK}{_SCALAR}){{1,63}}")
_INSIDE = {"{": ("}", _MEMBER), "[": ("]", _ITEM)}


def _separated(pattern: str) -> str:
    return rf"(?:{pattern}{_BLANK}(?:,{_BLANK}{pattern}{_BLANK})*)?"


# An object of scalars and of lists and objects of scalars: most of the records that there are.
_PAIR = rf"{_STRING}{_BLANK}:{_BLANK}"
_FLAT = rf"(?:{_SCALAR}|\[{_BLANK}{_separated(_SCALAR)}\]|\{{{_BLANK}{_separated(_PAIR + _SCALAR)}\}})"
_FLAT_RECORD = re.compile(rf"\{{{_BLANK}{_separated(_PAIR + _FLAT)}\}}")


class Outline:
    """The parts of a text from left to right, each before what is in it; part 0 is the whole text.

    Attributes:
        text: The text.
        largest: Items of more characters are looked into; None: no items are.
        opened: Where items, and runs of scalars, start that are looked into whatever their size, and where each ends.
        pieces: By where a member or item starts the characters [start, end) of the pieces that its string is cut into.
        leads: Where each part starts: a member with its key.
        values: Where the value of each starts.
        ends: Where each ends, exclusive.
        parents: The part that each is in; -1 for part 0.
        gaps: Where the part before it in the same container ends; -1 for the first one.
    """

    def __init__(
        self,
        text: str,
        largest: int | None,
        opened: Mapping[int, int] | None = None,
        pieces: Mapping[int, Spans] | None = None,
    ) -> None:
        self.text, self.largest, self.opened, self.pieces = text, largest, opened or {}, pieces or {}
        self.leads, self.values, self.ends = array("q"), array("q"), array("q")
        self.parents, self.gaps = array("q"), array("q")
        # Most parts become units; where items stay whole, what is in them is forgotten again.
        self._most = -1 if largest is None else count_most_units(len(text)) + 1

    def __len__(self) -> int:
        return len(self.leads)

    def add(self, lead: int, value: int, end: int, parent: int, gap: int) -> int:
        """A further part; its number."""
        self.leads.append(lead)
        self.values.append(value)
        self.ends.append(end)
        self.parents.append(parent)
        self.gaps.append(gap)
        if len(self.leads) == self._most:
            check_units(self._most, len(self.text), "read it as plain text, or give a part of it")
        return len(self.leads) - 1

    def close(self, part: int, end: int) -> None:
        """The container ends here; its parts are forgotten if it stays whole."""
        self.ends[part] = end
        stays = self.largest is None or end - self.leads[part] <= self.largest
        if self.is_item(part) and stays and self.leads[part] not in self.opened:
            for column in (self.leads, self.values, self.ends, self.parents, self.gaps):
                del column[part + 1 :]

    def mark(self, part: int) -> str:
        """First character of the value: "{" or "[" for a container."""
        return self.text[self.values[part]]

    def is_item(self, part: int) -> bool:
        """Whether it is an item of a list, or one of several JSON lines."""
        return part > 0 and self.leads[part] == self.values[part] and not self.is_piece(part)

    def is_piece(self, part: int) -> bool:
        """Whether it is a piece of a string."""
        # Part 0 of JSON lines is no value, although it starts where the first of them does.
        return part > 0 and (owner := self.parents[part]) > 0 and self.leads[owner] in self.pieces

    def find_inside(self, part: int) -> tuple[int, int] | None:
        """Characters [start, end) between the quotation marks of a string; None for all else, runs of strings too."""
        match = None if self.is_piece(part) else _KEY.match(self.text, self.values[part])
        return (match.start() + 1, match.end() - 1) if match and match.end() == self.ends[part] else None

    def key(self, part: int) -> str | None:
        """The key of a member, decoded; None for an item."""
        if part == 0 or self.leads[part] == self.values[part]:
            return None
        match = _KEY.match(self.text, self.leads[part])
        return None if match is None else _decoded(match.group())


def outline(
    text: str,
    largest: int | None,
    opened: Mapping[int, int] | None = None,
    pieces: Mapping[int, Spans] | None = None,
) -> Outline:
    """The outline of a JSON text or of JSON lines.

    Args:
        text: Any length, nested to any depth.
        largest: Items of lists are looked into if they are longer than so many characters; None: never.
        opened: Where items, and runs of scalars, start that are looked into in any case, and where each ends.
        pieces: By where a member or item starts the characters [start, end) of the pieces that its string is cut into.

    Raises:
        InputError: The text is no JSON; says where.
    """
    start = _after_blanks(text, text.startswith("\ufeff"))
    if start == len(text):
        raise InputError("there is no JSON in the text")
    found = Outline(text, largest, opened, pieces)
    end = _read(found, start, -1, -1)
    if end < len(text):
        found = Outline(text, largest, opened, pieces)
        _read_lines(found, start)
    if len(found) > 1 or found.mark(0) in "{[":
        found.leads[0], found.ends[0] = 0, len(text)
    return found


def _read_lines(found: Outline, at: int) -> None:
    """Adds several values, of which each starts on a line of its own."""
    text, gap = found.text, -1
    found.add(at, at, len(text), -1, -1)
    while at < len(text):
        if gap >= 0 and "\n" not in text[gap:at]:
            _refuse(text, at, "the value has ended, and more text stands")
        part = len(found)
        at = _read(found, at, 0, gap)
        gap = found.ends[part]


def _read(found: Outline, at: int, parent: int, gap: int) -> int:
    """Adds the value at `at` and its parts; where the next thing behind it starts."""
    text = found.text
    part, at = _add(found, _ITEM.match(text, at), at, parent, gap)
    stack = [part] if found.ends[part] < 0 else []
    counts = [0]  # of each container in the stack how many parts of its own it has so far
    gap, opened = -1, -1
    while stack:
        closer, pattern = _INSIDE[found.mark(stack[-1])]
        if text.startswith(closer, at):
            part = stack.pop()
            counts.pop()
            gap = at + 1
            found.close(part, gap)
            at = _after_blanks(text, gap)
            continue
        if gap >= 0:
            if not text.startswith(",", at):
                _refuse(text, at, f"',' or '{closer}' is missing")
            at += 1
        part, at = _add(found, pattern.match(text, at), at, stack[-1], gap)
        gap = found.ends[part]
        opened = found.opened.get(found.leads[part], opened)
        counts[-1] += 1
        if gap < 0:
            stack.append(part)
            counts.append(0)
        elif found.leads[part] < opened or pattern is not _ITEM:
            continue
        elif counts[-1] > _LONG_LIST and (run := _RUN.match(text, found.values[part])):
            gap = found.ends[part] = run.end()
            at = _after_blanks(text, gap)
    return at


def _add(found: Outline, match: re.Match[str] | None, at: int, parent: int, gap: int) -> tuple[int, int]:
    """The number of the part that was matched, its end -1 for an open container, and where the next thing starts."""
    if match is None:
        inside = parent >= 0 and at > found.values[parent] and found.mark(parent) == "{"
        _refuse(found.text, at, "a key with its value is missing" if inside else "a value is missing")
    lead, value = match.start(1), max(match.start(2), match.start(3))
    part = found.add(lead, value, match.end(2), parent, gap)
    if parent >= 0 and lead == value and match.start(3) >= 0 and lead not in found.opened:
        most = _RECORD if found.largest is None else min(found.largest, _RECORD)
        if (record := _FLAT_RECORD.match(found.text, value, value + most)) is not None:
            found.ends[part] = record.end()
            return part, _after_blanks(found.text, record.end())
    elif lead in found.pieces and parent >= 0:
        gap = -1
        for start, end in found.pieces[lead]:
            found.add(start, start, end, part, gap)
            gap = end
    return part, match.end()


def _decoded(string: str) -> str:
    return string[1:-1] if "\\" not in string else str(json.loads(string, strict=False))


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return at if match is None else match.end()


def _refuse(text: str, at: int, what: str) -> NoReturn:
    """An error that says where, and what stands there."""
    at = _after_blanks(text, at)
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    there = f"before {text[at : at + _SHOWN]!r}" if at < len(text) else "at the end of the text"
    raise InputError(f"this is no JSON: {what} {there}", where=f"line {line}, column {column}")
