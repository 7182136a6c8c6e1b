"""Blocks of Markdown that must not be cut: headings, tables, fenced and indented code, formulas, front matter."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from operator import itemgetter

__all__ = ["Block", "find_blocks", "find_tables", "heading_level", "is_table"]

_FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,}|\$\$)([^\n]*)", re.MULTILINE)
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t\n]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_LIST = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])(?:\s|$)")
_ABOVE = 50  # lines that are searched for the list item to which an indented line belongs
_BREAKS = "-*_"
_RULES = frozenset("|:- \t")


@dataclass(frozen=True, slots=True)
class Block:
    """Characters [start, end) that are kept or dropped together; `level` is 1 to 6 for a heading, else 0."""

    start: int
    end: int
    level: int = 0


class _Lines:
    """The lines of a text.

    Attributes:
        texts: The lines without their line ends.
        starts: Offset of the start of each line.
        plain: For each line the last one above it that is neither blank nor indented; -1 without one.
    """

    def __init__(self, text: str) -> None:
        self.texts = text.split("\n")
        self.starts = array("q", accumulate((len(line) + 1 for line in self.texts[:-1]), initial=0))

    @cached_property
    def plain(self) -> array[int]:
        """See above; computed when the first indented line is met, since most texts have none."""
        above, plain = array("q"), -1
        for number, line in enumerate(self.texts):
            above.append(plain)
            if line and line[0] not in " \t" and not line.isspace():
                plain = number
        return above

    def __len__(self) -> int:
        return len(self.texts)

    def find_end(self, number: int) -> int:
        """Offset of the end of a line."""
        return self.starts[number] + len(self.texts[number])


def heading_level(text: str) -> int:
    """1 to 6 for a line that starts with as many "#", else 0."""
    match = _HEADING.match(text)
    return len(match.group(1)) if match else 0


def find_blocks(text: str) -> list[Block]:
    """Find the blocks of `text`, in order, without overlap. Line ends are "\\n".

    A fence that is never closed is no block, so that one stray mark does not join the rest of a document.
    """
    lines = _Lines(text)
    closing = _find_closing(text, lines)
    blocks: list[Block] = []
    number = 0
    while number < len(lines):
        last, level = _read_block(lines, number, closing)
        if last >= number:
            blocks.append(Block(lines.starts[number], lines.find_end(last), level))
        number = max(last, number) + 1
    return blocks


def find_tables(text: str) -> list[list[Block]]:
    """Find the pipe tables of a text that is not read as Markdown: of each the header with its rule, then each row.

    Line ends are "\\n".
    """
    if "|" not in text or "-" not in text:
        return []
    lines = _Lines(text)
    tables: list[list[Block]] = []
    number = 0
    while number + 1 < len(lines):
        # The rule is what makes a table; most lines are known not to be one by their first character.
        if lines.texts[number + 1][:1] not in _RULES or not is_table(lines.texts[number], lines.texts[number + 1]):
            number += 1
            continue
        last = _find_run_end(lines, number + 1, "|")
        rows = (Block(lines.starts[row], lines.find_end(row)) for row in range(number + 2, last + 1))
        tables.append([Block(lines.starts[number], lines.find_end(number + 1)), *rows])
        number = last + 1
    return tables


def _find_closing(text: str, lines: _Lines) -> dict[int, int]:
    """Map each line that opens a fence to the line that closes it."""
    fences: list[tuple[int, str, bool]] = []
    for match in _FENCE.finditer(text):
        mark, info = match.groups()
        # A backtick later in the line means inline code, not a fence (CommonMark).
        if not (mark[0] == "`" and "`" in info):
            fences.append((bisect_left(lines.starts, match.start()), mark, not info.strip()))
    texts = lines.texts
    ends = _match_fences(fences)
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


def _match_fences(fences: list[tuple[int, str, bool]]) -> list[int]:
    """For each fence the next one that may close it, of the same character and at least as long; -1 without one."""
    ends = [-1] * len(fences)
    # By character the closing fences below, without those that have a longer one above them, nearest and shortest
    # last: a search is a bisection, where scanning all fences below would be quadratic for a text that is all fences.
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


def _read_block(lines: _Lines, number: int, closing: dict[int, int]) -> tuple[int, int]:
    """The last line of the block that starts at line `number`, and its level; (-1, 0) where none does."""
    if number in closing:
        return closing[number], 0
    line = lines.texts[number]
    content = line.lstrip()
    if not content:
        return -1, 0
    level = heading_level(line) if content[0] == "#" else 0
    if level or (content[0] in _BREAKS and _is_break(line)):
        return number, level
    following = lines.texts[number + 1] if number + 1 < len(lines) else ""
    if "|" in line and is_table(line, following):
        return _find_run_end(lines, number + 1, "|"), 0
    if len(content) < len(line) and _starts_code(lines, number):
        return _find_code_end(lines, number), 0
    level = 0
    if "=" in following or "-" in following:  # most lines have no such line below
        level = _underline_level(line, following) if number == 0 or not lines.texts[number - 1].strip() else 0
    return (number + 1, level) if level else (-1, 0)


def _underline_level(line: str, following: str) -> int:
    """1 or 2 where the following line makes a heading of this one, else 0."""
    match = _UNDERLINE.fullmatch(following.rstrip())
    if match is None or _LIST.match(line) or line.lstrip().startswith((">", "|")):
        return 0
    return 1 if match.group(1)[0] == "=" else 2


def _is_break(line: str) -> bool:
    """Whether the line is a thematic break: three or more of "-", "*" or "_"."""
    marks = "".join(line.split())
    return len(marks) > 2 and marks[0] in _BREAKS and marks == marks[0] * len(marks)


def is_table(line: str, following: str) -> bool:
    """Whether a line is the header of a table, by the rule in the line below it."""
    rule = following.strip()
    return "|" in line and "|" in rule and "-" in rule and _RULES.issuperset(rule)


def _find_run_end(lines: _Lines, number: int, mark: str) -> int:
    while number + 1 < len(lines) and mark in lines.texts[number + 1]:
        number += 1
    return number


def _starts_code(lines: _Lines, number: int) -> bool:
    """Whether an indented line is code: after an empty line, and under no list item, whose text is indented too."""
    if not _INDENTED.match(lines.texts[number]) or (number and lines.texts[number - 1].strip()):
        return False
    plain = lines.plain[number]
    return not _LIST.match(lines.texts[plain]) if plain >= max(number - _ABOVE, 0) else number <= _ABOVE


def _find_code_end(lines: _Lines, number: int) -> int:
    last = number
    while number + 1 < len(lines):
        number += 1
        if _INDENTED.match(lines.texts[number]):
            last = number
        elif lines.texts[number].strip():
            break
    return last
