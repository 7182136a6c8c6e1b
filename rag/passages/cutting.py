"""Sentences and blocks that are too long, cut at their own borders: lines, clauses, white space."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ctxprune.context.base import Unit

    Cuts = Sequence[re.Pattern[str]]

__all__ = [
    "CUTS",
    "SMALLEST",
    "WIDEST",
    "choose_cuts",
    "count_bytes",
    "cut_pieces",
    "find_parts",
    "strip_part",
    "strip_span",
]

WIDEST = 4  # most UTF-8 bytes of a character
# Where to cut a piece that is too long, best first: line ends, clause ends, white space.
CUTS = tuple(
    re.compile(pattern) for pattern in (r"\n+", r"[;:.!?。！？；：]\s+|[。！？；：]", r"[,、，)]\s+|[、，]", r"\s+")
)
SMALLEST = 32  # bytes of a part: of shorter ones nobody could tell what they say
_JOINED = re.compile("[\u0300-\u036f\u200d\ufe0f\U0001f3fb-\U0001f3ff]")


def find_parts(
    text: str, units: Sequence[Unit], sizes: Mapping[int, int], cuts: Cuts = CUTS
) -> dict[int, list[tuple[int, int]]]:
    """By unit of `sizes` the characters [start, end) of its parts, of at most so many UTF-8 bytes (at least 32).

    Without units that have no two parts, that are pinned, or that others need: a part of a heading is no heading.
    They are cut after matches of the patterns `cuts`, best first.
    """
    needed = {link for unit in units for link in (*unit.requires, unit.parent)}
    parts = {}
    for index, size in sizes.items():
        unit = units[index]
        if unit.span is None or unit.pinned or index in needed:
            continue
        pieces = cut_pieces(text, *unit.span, max(size, SMALLEST), cuts)
        found = [span for piece in pieces for span in strip_part(text, *piece)]
        if len(found) > 1:
            parts[index] = found
    return parts


def strip_part(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """[start, end) without empty lines and the white space at its end, but with the indentation of its first line."""
    stripped = strip_span(text, start, end)
    if not stripped:
        return []
    line = max(text.rfind("\n", start, stripped[0][0]), text.rfind("\r", start, stripped[0][0])) + 1
    return [(max(start, line), stripped[0][1])]


def cut_pieces(text: str, start: int, end: int, limit: int, cuts: Cuts = CUTS) -> Iterator[tuple[int, int]]:
    """[start, end) in parts of at most `limit` UTF-8 bytes, cut after matches of the first of `cuts` that do."""
    if count_bytes(text, start, end) <= limit:
        yield start, end
        return
    if not cuts:
        yield from _cut_evenly(text, start, end, limit)
        return
    first = start
    for cut in choose_cuts(text, start, end, limit, cuts[0]):
        yield from cut_pieces(text, first, cut, limit, cuts[1:])
        first = cut


def choose_cuts(text: str, start: int, end: int, limit: int, pattern: re.Pattern[str]) -> Iterator[int]:
    """Choose the fewest cuts after matches of `pattern` that leave parts within `limit` where possible; then `end`."""
    before, size = start, 0
    for match in pattern.finditer(text, start, end):
        step = count_bytes(text, before, match.end())
        if size and size + step > limit:
            yield before
            size = 0
        before, size = match.end(), size + step
    if before < end and size and size + count_bytes(text, before, end) > limit:
        yield before
    yield end


def _cut_evenly(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Cut text without places to cut into equal parts; combining marks are kept with their letter."""
    step = limit // len(max(text[start:end]).encode("utf-8", "surrogatepass"))
    while end - start > step:
        cut = start + step
        while cut > start + step // 2 and (_JOINED.match(text[cut]) or text[cut - 1] == "\u200d"):
            cut -= 1
        yield start, cut
        start = cut
    yield start, end


def count_bytes(text: str, start: int, end: int) -> int:
    """UTF-8 bytes of the characters [start, end)."""
    return len(text[start:end].encode("utf-8", "surrogatepass"))


def strip_span(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """[start, end) without the white space at its ends; [] if nothing else is there."""
    part = text[start:end]
    start += len(part) - len(part.lstrip())
    end -= len(part) - len(part.rstrip())
    return [(start, end)] if start < end else []
