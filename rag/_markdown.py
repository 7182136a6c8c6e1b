"""Where Markdown must not be cut: headings, tables, fenced and indented code, formulas, front matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Block", "heading_level", "markdown_blocks"]

_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,}|\$\$)(.*)", re.DOTALL)
_HEADING = re.compile(r" {0,3}(#{1,6})(?=[ \t\n]|$)")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)")
_INDENTED = re.compile(r"(?: {4}|\t)[ \t]*\S")
_LIST = re.compile(r"\s*(?:[-*+]|[0-9]{1,9}[.)])(?:\s|$)")
_RULES = frozenset("|:- \t")


@dataclass(frozen=True, slots=True)
class Block:
    """Characters [start, end) that stand or fall together; `level` is 1 to 6 for a heading, 0 for anything else."""

    start: int
    end: int
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str  # without the line end

    @property
    def end(self) -> int:
        return self.start + len(self.text)


def heading_level(text: str) -> int:
    """1 to 6 for a line that starts with as many "#", else 0."""
    match = _HEADING.match(text)
    return len(match.group(1)) if match else 0


def markdown_blocks(text: str) -> list[Block]:
    """The blocks of `text` in order, without overlap. Line ends are "\\n".

    A fence that is never closed is no block, so that one stray mark does not bind the rest of a document together.
    """
    lines = list(_lines(text))
    closing = _closing(lines)
    blocks: list[Block] = []
    number = 0
    while number < len(lines):
        last, level = _block(lines, number, closing)
        if last >= number:
            blocks.append(Block(lines[number].start, lines[last].end, level))
        number = max(last, number) + 1
    return blocks


def _lines(text: str) -> Iterator[_Line]:
    start = 0
    for line in text.split("\n"):
        yield _Line(start, line)
        start += len(line) + 1


def _closing(lines: list[_Line]) -> dict[int, int]:
    """For each line that opens a fence the line that closes it."""
    fences: list[tuple[int, str, bool]] = []
    for number, line in enumerate(lines):
        match = _FENCE.match(line.text)
        if match and not (match.group(1)[0] == "`" and "`" in match.group(2)):
            fences.append((number, match.group(1), not match.group(2).strip()))
    closing: dict[int, int] = {}
    place = 0
    while place < len(fences):
        number, mark, _ = fences[place]
        later = range(place + 1, len(fences))
        end = next((at for at in later if fences[at][2] and fences[at][1].startswith(mark)), None)
        if end is not None:
            closing[number] = fences[end][0]
        place = place + 1 if end is None else end + 1
    if lines and lines[0].text.rstrip() == "---":  # front matter
        ends = (number for number, line in enumerate(lines[1:], 1) if line.text.rstrip() in ("---", "..."))
        first = next(ends, None)
        if first is not None and all(line.text.strip() for line in lines[1:first]):
            closing[0] = first
    return closing


def _block(lines: list[_Line], number: int, closing: dict[int, int]) -> tuple[int, int]:
    """The last line of the block that starts at line `number`, and its level; (-1, 0) where none does."""
    if number in closing:
        return closing[number], 0
    line = lines[number].text
    if not line.strip():
        return -1, 0
    level = heading_level(line)
    if level or _is_break(line):
        return number, level
    following = lines[number + 1].text if number + 1 < len(lines) else ""
    if _is_table(line, following):
        return _run(lines, number + 1, "|"), 0
    if _starts_code(lines, number):
        return _code_end(lines, number), 0
    level = _underlined(line, following) if number == 0 or not lines[number - 1].text.strip() else 0
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
    return len(marks) > 2 and marks[0] in "-*_" and marks == marks[0] * len(marks)


def _is_table(line: str, following: str) -> bool:
    rule = following.strip()
    return "|" in line and "|" in rule and "-" in rule and _RULES.issuperset(rule)


def _run(lines: list[_Line], number: int, mark: str) -> int:
    while number + 1 < len(lines) and mark in lines[number + 1].text:
        number += 1
    return number


def _starts_code(lines: list[_Line], number: int) -> bool:
    """Whether an indented line is code: after an empty line, and under no list item, whose text is indented too."""
    if not _INDENTED.match(lines[number].text) or (number and lines[number - 1].text.strip()):
        return False
    for line in reversed(lines[max(number - 50, 0) : number]):
        if line.text.strip() and not line.text.startswith((" ", "\t")):
            return not _LIST.match(line.text)
    return number <= 50


def _code_end(lines: list[_Line], number: int) -> int:
    last = number
    while number + 1 < len(lines):
        number += 1
        if _INDENTED.match(lines[number].text):
            last = number
        elif lines[number].text.strip():
            break
    return last
