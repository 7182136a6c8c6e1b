"""Where Markdown must not be cut: headings, tables, fenced and indented code, formulas, front matter."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import itemgetter

__all__ = ["Block", "find_blocks", "heading_level"]

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}|\$\$)([^\n]*)", re.MULTILINE)
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t\n]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_LIST = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])(?:\s|$)")
_ABOVE = 50  # lines that are looked through for the list item to which an indented line belongs
_BREAKS = "-*_"
_RULES = frozenset("|:- \t")


@dataclass(frozen=True, slots=True)
class Block:
    """Characters [start, end) that stand or fall together; `level` is 1 to 6 for a heading, 0 for anything else."""

    start: int
    end: int
    level: int = 0


class _Lines:
    """The lines of a text.

    Attributes:
        texts: Without their line ends.
        starts: Where each starts.
        plain: For each the last line above it that is neither blank nor indented; -1 without one.
    """

    def __init__(self, text: str) -> None:
        self.texts = text.split("\n")
        self.starts = array("q", accumulate((len(line) + 1 for line in self.texts[:-1]), initial=0))

    @cached_property
    def plain(self) -> array[int]:
        """See above; worked out for the first line that is indented."""
        above, plain = array("q"), -1
        for number, line in enumerate(self.texts):
            above.append(plain)
            if line and line[0] not in " \t" and not line.isspace():
                plain = number
        return above

    def __len__(self) -> int:
        return len(self.texts)

    def end(self, number: int) -> int:
        """Where a line ends."""
        return self.starts[number] + len(self.texts[number])


def heading_level(text: str) -> int:
    """1 to 6 for a line that starts with as many "#", else 0."""
    match = _HEADING.match(text)
    return len(match.group(1)) if match else 0


def find_blocks(text: str) -> list[Block]:
    """The blocks of `text` in order, without overlap. Line ends are "\\n".

    A fence that is never closed is no block, so that one stray mark does not bind the rest of a document together.
    """
    lines = _Lines(text)
    closing = _closing(text, lines)
    blocks: list[Block] = []
    number = 0
    while number < len(lines):
        last, level = _block(lines, number, closing)
        if last >= number:
            blocks.append(Block(lines.starts[number], lines.end(last), level))
        number = max(last, number) + 1
    return blocks


def _closing(text: str, lines: _Lines) -> dict[int, int]:
    """For each line that opens a fence the line that closes it."""
    fences: list[tuple[int, str, bool]] = []
    for match in _FENCE.finditer(text):
        mark, said = match.groups()
        if not (mark[0] == "`" and "`" in said):
            fences.append((bisect_left(lines.starts, match.start()), mark, not said.strip()))
    texts = lines.texts
    ends = _ends(fences)
    closing: dict[int, int] = {}
    place = 0
    while place < len(fences):
        end = ends[place]
        if end >= 0:
            closing[fences[place][0]] = fences[end][0]
        place = place + 1 if end < 0 else end + 1
    if texts and texts[0].rstrip() == "---":  # front matter
        last = (number for number, line in enumerate(texts[1:], 1) if line.rstrip() in ("---", "..."))
        first = next(last, None)
        if first is not None and all(line.strip() for line in texts[1:first]):
            closing[0] = first
    return closing


def _ends(fences: list[tuple[int, str, bool]]) -> list[int]:
    """For each fence the next one that may close it, of the same character and as long at least; -1 without one."""
    ends = [-1] * len(fences)
    # By character the closing fences below that no longer one stands above, the nearest and shortest last: one look is
    # a bisection, where a walk over all fences below would take the square of the length of a text that is all fences.
    below: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for place in range(len(fences) - 1, -1, -1):
        _, mark, closes = fences[place]
        longer = below[mark[0]]
        fitting = bisect_right(longer, -len(mark), key=itemgetter(0))
        if fitting:
            ends[place] = longer[fitting - 1][1]
        if closes:
            while longer and -longer[-1][0] <= len(mark):
                longer.pop()
            longer.append((-len(mark), place))
    return ends


def _block(lines: _Lines, number: int, closing: dict[int, int]) -> tuple[int, int]:
    """The last line of the block that starts at line `number`, and its level; (-1, 0) where none does."""
    if number in closing:
        return closing[number], 0
    line = lines.texts[number]
    said = line.lstrip()
    if not said:
        return -1, 0
    level = heading_level(line) if said[0] == "#" else 0
    if level or (said[0] in _BREAKS and _is_break(line)):
        return number, level
    following = lines.texts[number + 1] if number + 1 < len(lines) else ""
    if "|" in line and _is_table(line, following):
        return _run(lines, number + 1, "|"), 0
    if len(said) < len(line) and _starts_code(lines, number):
        return _code_end(lines, number), 0
    level = 0
    if "=" in following or "-" in following:  # most lines have no such line below
        level = _underlined(line, following) if number == 0 or not lines.texts[number - 1].strip() else 0
    return (number + 1, level) if level else (-1, 0)


def _underlined(line: str, following: str) -> int:
    """1 or 2 where the following line makes a heading of this one, else 0."""
    match = _UNDERLINE.fullmatch(following.rstrip())
    if match is None or _LIST.match(line) or line.lstrip().startswith((">", "|")):
        return 0
    return 1 if match.group(1)[0] == "=" else 2


def _is_break(line: str) -> bool:
    """Whether the line is nothing but a rule: three or more of "-", "*" or "_"."""
    marks = "".join(line.split())
    return len(marks) > 2 and marks[0] in _BREAKS and marks == marks[0] * len(marks)


def _is_table(line: str, following: str) -> bool:
    rule = following.strip()
    return "|" in line and "|" in rule and "-" in rule and _RULES.issuperset(rule)


def _run(lines: _Lines, number: int, mark: str) -> int:
    while number + 1 < len(lines) and mark in lines.texts[number + 1]:
        number += 1
    return number


def _starts_code(lines: _Lines, number: int) -> bool:
    """Whether an indented line is code: after an empty line, and under no list item, whose text is indented too."""
    if not _INDENTED.match(lines.texts[number]) or (number and lines.texts[number - 1].strip()):
        return False
    plain = lines.plain[number]
    return not _LIST.match(lines.texts[plain]) if plain >= max(number - _ABOVE, 0) else number <= _ABOVE


def _code_end(lines: _Lines, number: int) -> int:
    last = number
    while number + 1 < len(lines):
        number += 1
        if _INDENTED.match(lines.texts[number]):
            last = number
        elif lines.texts[number].strip():
            break
    return last
