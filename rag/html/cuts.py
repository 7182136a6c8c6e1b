"""Cutting a long run of text at the ends of sentences or lines, else between words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .leaves import Part, plain, span, text_span, united

if TYPE_CHECKING:
    from .tree import Tree

__all__ = ["cut"]

_SENTENCE_ENDS = re.compile(r"[.!?…][\"')\]»”’]*\s|[。！？]|\n")
_LINE_ENDS = re.compile(r"\n")
_ODD = re.compile("[&<\x00]")  # may be nothing to a reader
_WORD_ENDS = re.compile(r"\s")
_LONGEST_REFERENCE = 34
_REFERENCE = re.compile(r"&#?[A-Za-z0-9]{0,32}\Z")
_JOINED = re.compile("[\u0300-\u036f\u200d\ufe0f\U0001f3fb-\U0001f3ff]")


def cut(tree: Tree, number: int, most: int, *, lines: bool = False) -> list[Part]:
    """Run `number` in parts of at most `most` UTF-8 bytes of source text each, if `lines` at line ends where it can be.

    A cut never parts a character reference, nor a letter and the marks that are drawn upon it.
    """
    parts: list[Part] = []
    first, last = tree.run_firsts[number], tree.run_lasts[number]
    start, size = None, 0
    for index in range(first, last):
        begin, end = (0, 0) if index in tree.marks else text_span(tree, index)
        wide = _width(tree.source[begin:end])
        if size and size + min((end - begin) * wide, most) > most:
            parts.append(Part(number, first, index, start))
            first, start, size = index, None, 0
        while (end - begin) * wide > most:
            begin = _place(tree.source, begin, begin + max(most // wide, 1), lines)
            parts.append(Part(number, first, index + 1, start, begin))
            first, start = index, begin
        size += (end - begin) * wide
    parts.append(Part(number, first, last, start))
    return _filled(tree, parts)


def _filled(tree: Tree, parts: list[Part]) -> list[Part]:
    """The parts, with what is blank added to a neighbour."""
    found: list[Part] = []
    blank = False
    for part in parts:
        empty = _is_blank(tree, part)
        if found and (blank or empty):
            found[-1] = united(found[-1], part)
            blank = blank and empty
        else:
            found.append(part)
            blank = empty
    return found


def _is_blank(tree: Tree, part: Part) -> bool:
    written = tree.source[slice(*span(tree, part))]
    return not plain(tree, part) if _ODD.search(written) else not written.strip()


def _place(text: str, start: int, end: int, lines: bool) -> int:
    """The best place for a cut in (start, end]."""
    for pattern in (_LINE_ENDS if lines else _SENTENCE_ENDS, _WORD_ENDS):
        places = [match.end() for match in pattern.finditer(text, start, end)]
        if places:
            return places[-1]
    reference = _REFERENCE.search(text, max(start, end - _LONGEST_REFERENCE), end)
    if reference and reference.start() > start:
        return reference.start()
    place, least = end, (start + end) // 2
    while place > least and (_JOINED.match(text, place) or text[place - 1] == "\u200d"):
        place -= 1
    return place if place > least else end


def _width(text: str) -> int:
    """Most UTF-8 bytes of a character."""
    return 1 if text.isascii() else len(max(text).encode("utf-8", "surrogatepass"))
