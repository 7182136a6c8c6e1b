"""Cutting a long run of text at the ends of sentences or lines, else between words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .leaves import Part, plain, span, text_span, united

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tree import Tree

__all__ = ["cut", "divide"]

_SENTENCE_ENDS = re.compile(r"[.!?…][\"')\]»”’]*\s|[。！？]|\n")
_CLAUSE_ENDS = re.compile(r"[;:,)][\"')\]»”’]{0,3}\s|[、，；：]")
_LINE_ENDS = re.compile(r"\n")
_ODD = re.compile("[&<\x00]")  # may be nothing to a reader
_WORD_ENDS = re.compile(r"\s")
_LONG = 3  # times the size of a part, from which a sentence is cut within
_LONGEST_REFERENCE = 34
_REFERENCE = re.compile(r"&#?[A-Za-z0-9]{0,32}\Z")
_JOINED = re.compile("[\u0300-\u036f\u200d\ufe0f\U0001f3fb-\U0001f3ff]")


def cut(tree: Tree, number: int, most: int, *, lines: bool = False, whole: Part | None = None) -> list[Part]:
    """Run `number`, or of it the part `whole`, in parts of at most `most` UTF-8 bytes of source text each, if `lines`
    at line ends where it can be.

    A cut never parts a character reference, nor a letter and the marks that are drawn upon it.
    """
    parts: list[Part] = []
    if whole is None:
        whole = Part(number, tree.run_firsts[number], tree.run_lasts[number])
    first, last = whole.first, whole.last
    start, size = whole.start, 0
    for index in range(first, last):
        begin, end = _find_text(tree, whole, index)
        wide = _width(tree.source[begin:end])
        if size and size + min((end - begin) * wide, most) > most:
            parts.append(Part(number, first, index, start))
            first, start, size = index, None, 0
        while (end - begin) * wide > most:
            begin = _place(tree.source, begin, begin + max(most // wide, 1), lines)
            parts.append(Part(number, first, index + 1, start, begin))
            first, start = index, begin
        size += (end - begin) * wide
    parts.append(Part(number, first, last, start, whole.end))
    return _filled(tree, parts)


def divide(tree: Tree, whole: Part, most: int, *, lines: bool = False) -> list[Part]:
    """A part between its sentences, or its `lines`, as many together as take at most `most` UTF-8 bytes of source text.

    A sentence stays whole up to three times as many: half of it says little. Longer ones are cut as in `cut`.
    """
    found: list[Part] = []
    size, open_ = 0, False  # of the last part, and whether more may join it
    for sentence in _find_sentences(tree, whole, _LINE_ENDS if lines else _SENTENCE_ENDS):
        weight = sum(
            (end - begin) * _width(tree.source[begin:end])
            for begin, end in (_find_text(tree, sentence, index) for index in range(sentence.first, sentence.last))
        )
        if weight > _LONG * most:
            found += cut(tree, whole.run, most, lines=lines, whole=sentence)
            open_ = False
        elif open_ and size + weight <= most:
            found[-1] = united(found[-1], sentence)
            size += weight
        else:
            found.append(sentence)
            size, open_ = weight, True
    return _filled(tree, found)


def _find_sentences(tree: Tree, whole: Part, ends: re.Pattern[str]) -> Iterator[Part]:
    first, start = whole.first, whole.start
    for index in range(whole.first, whole.last):
        begin, end = _find_text(tree, whole, index)
        for match in ends.finditer(tree.source, begin, end):
            place = match.end()
            if place < end:
                yield Part(whole.run, first, index + 1, start, place)
                first, start = index, place
            elif index + 1 < whole.last:
                yield Part(whole.run, first, index + 1, start)
                first, start = index + 1, None
    yield Part(whole.run, first, whole.last, start, whole.end)


def _find_text(tree: Tree, whole: Part, index: int) -> tuple[int, int]:
    """Characters of a text in the source, as far as it is in the part; (0, 0) of what is no text."""
    if index in tree.marks:
        return 0, 0
    begin, end = text_span(tree, index)
    if index == whole.first and whole.start is not None:
        begin = whole.start
    if index == whole.last - 1 and whole.end is not None:
        end = whole.end
    return begin, end


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
    borders: tuple[re.Pattern[str], ...] = (
        (_LINE_ENDS, _WORD_ENDS) if lines else (_SENTENCE_ENDS, _CLAUSE_ENDS, _WORD_ENDS)
    )
    for pattern in borders:
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
