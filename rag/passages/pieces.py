"""Units that are pieces of a whole (a sentence, a Markdown table, a code block), and what marks their cut edges."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

from .cutting import CUTS, SMALLEST, choose_cuts, count_bytes, cut_pieces, strip_part
from .markdown import is_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from ctxprune.context.base import Unit

    from .markdown import Block

    Span = tuple[int, int]

__all__ = [
    "Layout",
    "Whole",
    "bind_frames",
    "bind_rows",
    "block_form",
    "find_cut",
    "find_enclosing",
    "find_pieces",
    "lay_out",
    "trace_wholes",
]

Form = Literal["sentence", "table", "code", "block"]
_LINES = re.compile(r"\n+")
_FENCE = re.compile(r"[ \t]*(?:`{3,}|~{3,})")
_WIDE_LINE = 3  # times the size of a part: a longer line would not fit by itself, and is cut inside
_WIDE_CLAUSE = 2  # times: half a clause says less than a whole one, and may say something else
_CELL = "| {} |"  # a row of one cell keeps the rows below it in the table


@dataclass(frozen=True, slots=True)
class Whole:
    """What some units are pieces of.

    Attributes:
        start, end: Its characters [start, end) in the text.
        form: What stands in the place of pieces that are dropped depends on it.
        cut: Whether it was cut for its size, so that its edges are marked; rows of a table are units by themselves.
    """

    start: int
    end: int
    form: Form
    cut: bool = True


class Layout(NamedTuple):
    """What a rendered text consists of.

    Attributes:
        spans: Characters [start, end) of the source text, in order.
        marks: What stands before, between and behind these: one more than there are spans; none without spans.
        cut: Characters [start, end) of each sentence, table or code block of which only pieces are kept.
    """

    spans: list[Span]
    marks: list[str]
    cut: Sequence[Span] = ()

    def write(self, text: str) -> str:
        """The rendering, made of the source text."""
        if not self.spans:
            return ""
        parts = [text[start:end] for start, end in self.spans]
        return self.marks[0] + "".join(part + mark for part, mark in zip(parts, self.marks[1:], strict=True))


def block_form(text: str, start: int, end: int) -> Form:
    """What a block of Markdown is; "block" for one that is never cut, such as a heading or a formula."""
    first, _, rest = text[start:end].partition("\n")
    if not rest:
        return "block"
    if _FENCE.match(first) and not first.lstrip().startswith("$"):
        return "code"
    return "table" if is_table(first, rest.partition("\n")[0]) else "block"


def find_pieces(
    text: str, units: Sequence[Unit], sizes: Mapping[int, int], wholes: Mapping[int, Whole], forms: Mapping[int, Form]
) -> dict[int, list[Span]]:
    """By unit the characters [start, end) of its pieces: a sentence is cut at clause ends, tables and code blocks
    between lines, with the header or the fences as pieces of their own; other blocks are not cut.

    Args:
        text: The source text.
        units: All units.
        sizes: By unit the UTF-8 bytes that its pieces may take.
        wholes: By start of a unit what it is a piece of already.
        forms: By start of a block of Markdown its form.
    """
    found: dict[int, list[Span]] = {}
    needed = {link for unit in units for link in (*unit.requires, unit.parent)}
    for index, size in sizes.items():
        unit = units[index]
        if unit.span is None or unit.pinned or index in needed:
            continue
        # A piece of no more than that which does not fit either, with its marks, may be cut once more.
        least = SMALLEST if count_bytes(text, *unit.span) > SMALLEST else SMALLEST // 2
        limit, whole = max(size, least), wholes.get(unit.span[0])
        if whole is not None and whole.cut:  # of a block, lines that were cut out of it before
            form, framed = whole.form, False
        else:
            form, framed = forms.get(unit.span[0], "sentence"), True
        pieces: Iterable[Span] = ()
        if form == "sentence":
            pieces = _cut_sentence(text, unit.span, limit, max(size * _WIDE_CLAUSE, limit), CUTS)
        elif form != "block":
            pieces = _cut_block(text, unit.span, limit, form if framed else "sentence")
        stripped = [part for piece in pieces for part in strip_part(text, *piece)]
        if len(stripped) > 1:
            found[index] = stripped
    return found


def _cut_sentence(text: str, span: Span, size: int, widest: int, cuts: Sequence[re.Pattern[str]]) -> Iterator[Span]:
    """A span cut at line and clause ends into pieces of about `size` UTF-8 bytes; a clause of more than `widest`, which
    could not fit by itself, is cut between words."""
    own = count_bytes(text, *span)
    if own <= size or (len(cuts) == 1 and own <= widest):
        yield span
        return
    if len(cuts) == 1:
        yield from _cut_words(text, *span, -(-own // size))
        return
    first = span[0]
    for cut in choose_cuts(text, *span, size, cuts[0]):
        yield from _cut_sentence(text, (first, cut), size, widest, cuts[1:])
        first = cut


def _cut_words(text: str, start: int, end: int, pieces: int) -> Iterator[Span]:
    """[start, end) in about so many pieces of about one length, so that no single word is left over at the end."""
    borders = [match.end() for match in CUTS[-1].finditer(text, start, end)]
    limit = -(-count_bytes(text, start, end) // pieces) * _WIDE_CLAUSE
    cuts = {start, end}
    for piece in range(1, pieces):
        at = bisect_right(borders, start + (end - start) * piece // pieces)
        cuts.update(borders[max(at - 1, 0) : at])
    for first, cut in pairwise(sorted(cuts)):
        yield from cut_pieces(text, first, cut, limit, ())  # a word without an end


def _cut_block(text: str, span: Span, size: int, form: Form) -> list[Span]:
    """The pieces of a table or code block; of one that was cut before, which has no frame any more, of its lines."""
    start, end = span
    lines = [match.end() for match in _LINES.finditer(text, start, end)]
    first, last = start, end
    if form == "table":
        first = lines[1] if len(lines) > 1 else end
    elif form == "code":
        first, last = (lines[0], lines[-1]) if len(lines) > 1 else (end, end)
    if first >= last:
        return []
    frames = [(start, first), (first, last), (last, end)]
    return [frames[0], *_cut_lines(text, first, last, size), frames[2]]


def _cut_lines(text: str, start: int, end: int, size: int) -> Iterator[Span]:
    first = start
    for cut in choose_cuts(text, start, end, size, _LINES):
        # Half a line of code or half a row says something else; only what could never fit is cut inside.
        if cut - first > size * _WIDE_LINE:
            yield from cut_pieces(text, first, cut, size, CUTS)
        else:
            yield first, cut
        first = cut


def bind_frames(
    units: Sequence[Unit], origins: Sequence[int], forms: Mapping[int, Form], was: Sequence[Unit]
) -> tuple[Unit, ...]:
    """The units after a cut, where pieces of a table need its header, and those of a code block both fences.

    Args:
        units: All units, pieces included.
        origins: For each the index in `was` of what it is a piece of.
        forms: By start of a block of Markdown its form.
        was: The units before the cut.
    """
    places: dict[int, list[int]] = {}
    for place, origin in enumerate(origins):
        places.setdefault(origin, []).append(place)
    bound = list(units)
    for origin, own in places.items():
        span = was[origin].span
        form = None if span is None or len(own) == 1 else forms.get(span[0])
        frame = own[:1] if form == "table" else [own[0], own[-1]] if form == "code" else []
        for place in own if frame else ():
            links = tuple(index for index in frame if index != place)
            bound[place] = replace(units[place], requires=(*units[place].requires, *links))
    return tuple(bound)


def bind_rows(units: tuple[Unit, ...], tables: Sequence[Sequence[Block]], wholes: dict[int, Whole]) -> tuple[Unit, ...]:
    """The units, where rows of pipe tables need their header: without it nobody could tell what their cells are.

    Args:
        units: All units.
        tables: Of each table its header with the rule, then each row.
        wholes: By start of a unit what it is a piece of; what belongs to a table is added.
    """
    bound = list(units)
    places = {unit.span[0]: index for index, unit in enumerate(units) if unit.span is not None}
    for header, *rows in tables:
        above = places.get(header.start)
        if above is None or not rows:
            continue
        whole = Whole(header.start, rows[-1].end, "table", cut=False)
        wholes[header.start] = whole
        for row in rows:
            index = places.get(row.start)
            if index is not None and index != above:
                wholes[row.start] = whole
                bound[index] = replace(units[index], requires=(*units[index].requires, above))
    return tuple(bound)


def find_enclosing(units: Sequence[Unit], wholes: Mapping[int, Whole]) -> frozenset[int]:
    """Indices of the headers of tables and the fences of code: what units of the same table or block still need.

    Args:
        units: All units.
        wholes: By start of a unit what it is a piece of.
    """
    found: set[int] = set()
    for unit in units:
        whole = wholes.get(unit.span[0]) if unit.requires and unit.span is not None else None
        if whole is None or whole.form not in ("table", "code"):
            continue
        spans = {link: units[link].span for link in unit.requires}
        found.update(link for link, span in spans.items() if span is not None and wholes.get(span[0]) == whole)
    return frozenset(found)


def trace_wholes(
    spans: Sequence[Span], units: Sequence[Unit], wholes: Mapping[int, Whole], forms: Mapping[int, Form]
) -> dict[int, Whole]:
    """By start of a span what it is a piece of; `spans` are those of `units`, or of these cut further.

    Args:
        spans: Characters [start, end), in order.
        units: The units before they were cut.
        wholes: Theirs.
        forms: By start of a block of Markdown its form.
    """
    known = [unit.span for unit in units if unit.span is not None]
    starts = [start for start, _ in known]
    traced: dict[int, Whole] = {}
    for span in spans:
        own = known[bisect_right(starts, span[0]) - 1]
        whole = wholes.get(own[0])
        if span != own and (whole is None or not whole.cut):
            whole = Whole(*own, forms.get(own[0], "sentence"))
        if whole is not None:
            traced[span[0]] = whole
    return traced


def lay_out(
    text: str, spans: Sequence[Span], kept: Sequence[int], wholes: Mapping[int, Whole], gaps: tuple[str, str]
) -> Layout:
    """What is kept of `text`, and what stands around it.

    Args:
        text: The source text.
        spans: Characters [start, end) of all units.
        kept: Indices of those that are kept, rising.
        wholes: By start of a unit what it is a piece of.
        gaps: What stands where something was dropped: within a line, and between lines.
    """
    if not kept:
        return Layout([(0, len(text))], ["", ""]) if not spans else Layout([], [])
    found: list[Span] = []
    marks = [_mark(wholes.get(spans[kept[0]][0]), text, spans[kept[0]], gaps[0], side=0)]
    before = -2
    for index in kept:
        start, end = spans[index]
        if index == before + 1:
            found[-1] = (found[-1][0], end)
        else:
            if found:
                marks.append(_gap(text, spans[before], spans[index], wholes, gaps))
            found.append((start, end))
        before = index
    marks.append(_mark(wholes.get(spans[before][0]), text, spans[before], gaps[0], side=1))
    # White space at the edges of a text belongs to its first and last unit.
    if kept[0] == 0:
        found[0] = (0, found[0][1])
    if before == len(spans) - 1:
        found[-1] = (found[-1][0], len(text))
    return Layout(found, marks)


def _gap(text: str, before: Span, after: Span, wholes: Mapping[int, Whole], gaps: tuple[str, str]) -> str:
    """What stands between two kept units that are no neighbours."""
    whole, other = wholes.get(before[0]), wholes.get(after[0])
    if whole is not None and whole == other and whole.form != "block":
        return _write_gap(whole.form, gaps[0])
    between = text[before[1] : after[0]]
    lined = "\n" in between or "\r" in between
    # A table ends with a blank line; text in its last line would be read as a row.
    if lined and any(one is not None and one.form == "table" for one in (whole, other)):
        return f"\n\n{mark}\n\n" if (mark := gaps[0].strip()) else "\n\n"
    return gaps[lined]


def _write_gap(form: Form, gap: str) -> str:
    if form == "sentence":
        return gap
    mark = gap.strip()
    if not mark:
        return "\n"
    return f"\n{_CELL.format(mark) if form == 'table' else mark}\n"


def _mark(whole: Whole | None, text: str, span: Span, gap: str, *, side: int) -> str:
    """What stands for the dropped start (side 0) or end (side 1) of the whole that a kept unit is a piece of."""
    if whole is None or not whole.cut or not gap.strip():
        return ""
    dropped = text[whole.start : span[0]] if side == 0 else text[span[1] : whole.end]
    if not dropped.strip():
        return ""
    written = _write_gap(whole.form, gap)
    return written.rstrip() if side else written.lstrip()


def find_cut(spans: Sequence[Span], kept: set[int], wholes: Mapping[int, Whole]) -> list[Span]:
    """Characters [start, end) of each whole that was cut and of which some pieces are kept and others dropped."""
    members: dict[Span, list[bool]] = {}
    for index, (start, _) in enumerate(spans):
        whole = wholes.get(start)
        if whole is not None and whole.cut:
            members.setdefault((whole.start, whole.end), []).append(index in kept)
    return sorted(span for span, own in members.items() if any(own) and not all(own))
