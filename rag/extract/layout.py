"""How labels and values are laid out in a text: lines "Label: value", tables, definition lists, HTML.

Everything is read in a view of the text that has the same length, in which tags of HTML are blanks, line ends and cell
borders; so each place in the view is the place in the source.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..tables._records import records as read_records
from ..tables.form import cell_spans

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Slot", "TableBlock", "find_slots", "find_tables", "mask_markup"]

Span = tuple[int, int]
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,15})\b[^<>]{0,2000}>")
_MARKED = re.compile(r"</[a-zA-Z][a-zA-Z0-9]{0,15}\s?>|<(?:br|hr|td|th|tr|li|dt|dd|p)\b", re.I)
_HIDDEN = (("<!--", "-->"), ("<script", "</script"), ("<style", "</style"))
_BLOCKS = frozenset(
    [
        "p",
        "div",
        "li",
        "ul",
        "ol",
        "tr",
        "table",
        "tbody",
        "thead",
        "tfoot",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "br",
        "hr",
        "dl",
        "dd",
        "section",
        "article",
        "header",
        "footer",
        "main",
        "nav",
        "aside",
        "form",
        "caption",
        "blockquote",
        "pre",
        "title",
        "body",
        "head",
        "html",
        "figure",
        "figcaption",
    ]
)
_ROW = re.compile(r"<tr\b.*?(?=</tr|<tr\b|</table|\Z)|</dt>\s{0,200}(?=<dd)", re.I | re.DOTALL)
_LINE = re.compile(r"[^\n]+")
_RULE = re.compile(r"[\s|:+=_-]+")
_WIDE = re.compile(r"\t+| {2,}")
# A label before its mark, at the start of a line or behind a border within one. It begins with a letter and has no end
# of a sentence in it; "http:" and "12:30" are none.
_PAIR = re.compile(
    r"(?:(?<![^\n])|(?<=[;,|•·/(\[{\t])|(?<=[.!?] )|(?<=  ))[ \t]{0,40}"
    r"(?:[-*•·>+]{1,3}[ \t]{1,4}|\d{1,3}[.)][ \t]{1,4}|#{1,6}[ \t])?"
    r"[*_`\"']{0,3}(?P<label>(?:[^\W_]|[%#№$€£](?=[ \w]))[^\n:=|;,!?<>\"*`\t{}\[\]]{0,58}?)[*_`\"']{0,3}[ \t]{0,30}"
    r"(?P<mark>(?:(?<!\d):|:(?!\d))(?!//|=)|=(?!=)|：|:=|\.{3,60}|…|=>|->|→)[*_`\"']{0,3}(?=[ \t\n]|\S|$)"
)
_DASHED = re.compile(
    r"^[ \t]{0,40}(?:[*•·][ \t]{1,4})?[*_`]{0,3}(?P<label>[^\W\d_][^\n:=|]{0,58}?)[*_`]{0,3}"
    r"(?P<mark>[ \t]+[–—-][ \t]+)(?=\S)"
)
_NO_LABEL = re.compile(r"^\d+$|\s(?:is|was|are|were|has|have|had)\s", re.I)
_ABBREVIATED = re.compile(r"(?:\b\w|\.\w|\b(?:Inc|Ltd|Co|Jr|Sr|Corp|Ph|etc))\.\Z")
_ENDS = " \t\r\n,;|\"'"
_OPEN = 400  # characters of a value behind its label
_MOST_LINE = 20_000  # characters of a line that are searched for labels: longer ones are data


@dataclass(frozen=True, slots=True)
class Slot:
    """A label and the characters [start, end) of the value beside it; `label_at` is where the label stands."""

    label: str
    label_at: Span
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TableBlock:
    """A table: the spans of its cells, row by row, the header first."""

    rows: tuple[tuple[Span, ...], ...]
    caption: Span | None = None

    @property
    def span(self) -> Span:
        """Characters from the first cell to the last."""
        return self.rows[0][0][0], self.rows[-1][-1][1]


def mask_markup(text: str) -> str:
    """`text` with tags of HTML as blanks, line ends and "|" between cells, of the same length."""
    if "<" not in text or _MARKED.search(text) is None:
        return text
    view = text
    for opened, closed in _HIDDEN:
        view = _blank_between(view, opened, closed)
    view = _ROW.sub(lambda found: found[0].replace("\n", " ").replace("\r", " "), view)
    is_open = False

    def stand_in(tag: re.Match[str]) -> str:
        nonlocal is_open
        name, opens = tag[2].lower(), not tag[1]
        # End tags of cells may be left out: the next cell ends the one before.
        border = is_open and opens and name in ("td", "th")
        if name in ("td", "th"):
            is_open = opens
        elif name in ("tr", "table"):
            is_open = False
        return "|".ljust(len(tag[0])) if border else _stand_in(tag)

    return _TAG.sub(stand_in, view)


def _stand_in(tag: re.Match[str]) -> str:
    name, length = tag[2].lower(), len(tag[0])
    closing = bool(tag[1])
    if name in ("td", "th"):
        return ("|" if closing else " ").ljust(length)
    if name == "dt":
        return (":" if closing else "\n").ljust(length)
    if name == "dd" and not closing:
        return " " * length
    return ("\n" if name in _BLOCKS else " ").ljust(length)


def _blank_between(text: str, opened: str, closed: str) -> str:
    """Blanks for whatever stands between the two, which may come many times; without the second one nothing changes."""
    parts, at, lower = list[str](), 0, text.lower()
    while (start := lower.find(opened, at)) >= 0 and (end := lower.find(closed, start + len(opened))) >= 0:
        end += len(closed)
        end += lower.startswith(">", end)
        parts += [text[at:start], " " * (end - start)]
        at = end
    return "".join([*parts, text[at:]]) if len(lower) == len(text) else text


def find_tables(view: str, is_header: Callable[[Sequence[str]], bool]) -> list[TableBlock]:
    """Blocks of lines that are cut into two or more cells alike: by bars, tabs, wide gaps, or as CSV.

    Args:
        view: See `mask_markup`.
        is_header: Whether the cells of a line name fields. Lines cut by commas, semicolons or gaps are a table only
            below such a line, since prose has commas, too.
    """
    lines = [found.span() for found in _LINE.finditer(view) if not found[0].isspace()]
    found: list[TableBlock] = []
    at = 0
    while at < len(lines):
        block, after = _read_block(view, lines, at, is_header)
        if block is not None:
            before = lines[at - 1] if at else None
            caption = before if before and before[1] - before[0] <= 200 else None
            found.append(TableBlock(block, caption))
        at = after
    return found


def _read_block(
    view: str, lines: Sequence[Span], at: int, is_header: Callable[[Sequence[str]], bool]
) -> tuple[tuple[tuple[Span, ...], ...] | None, int]:
    """The table that begins at line `at`, None for none, and the line to go on with."""
    for cut in (_cut_bars, _cut_tabs, _cut_commas, _cut_semicolons, _cut_gaps):
        head = cut(view, *lines[at])
        if len(head) < 2:
            continue
        strict = cut is not _cut_bars
        if strict and not is_header([view[start:end] for start, end in head]):
            continue
        rows, end = [head], at + 1
        while end < len(lines):
            if _RULE.fullmatch(view, *lines[end]):
                end += 1
                continue
            cells = cut(view, *lines[end])
            # A short row of a table in bars lacks its last cells; elsewhere it is the text below the table.
            if len(cells) < 2 or (strict and len(cells) != len(head)):
                break
            rows.append(cells)
            end += 1
        if len(rows) > 1:
            return tuple(map(tuple, rows)), end
    return None, at + 1


def _cut_bars(view: str, start: int, end: int) -> list[Span]:
    if "|" not in view[start:end] or _RULE.fullmatch(view, start, end):
        return []
    bounds = [start - 1, *(at for at in range(start, end) if view[at] == "|"), end]
    cells = [_strip(view, left + 1, right) for left, right in itertools.pairwise(bounds)]
    # Bars at both ends are borders, empty cells between them are cells.
    first = int(cells[0][0] >= cells[0][1])
    last = len(cells) - int(cells[-1][0] >= cells[-1][1])
    return cells[first:last]


def _cut_tabs(view: str, start: int, end: int) -> list[Span]:
    return _cut_at(view, start, end, "\t") if "\t" in view[start:end] else []


def _cut_commas(view: str, start: int, end: int) -> list[Span]:
    return _cut_at(view, start, end, ",") if "," in view[start:end] else []


def _cut_semicolons(view: str, start: int, end: int) -> list[Span]:
    return _cut_at(view, start, end, ";") if ";" in view[start:end] else []


def _cut_at(view: str, start: int, end: int, delimiter: str) -> list[Span]:
    record = next(read_records(view[start:end], delimiter), None)
    if record is None:
        return []
    return [_strip(view, left, right, quotes=True) for left, right in cell_spans(start + record.start, record.cells)]


def _cut_gaps(view: str, start: int, end: int) -> list[Span]:
    start += len(view[start:end]) - len(view[start:end].lstrip())
    cells, at = list[Span](), start
    for gap in _WIDE.finditer(view, start, end):
        if gap.end() < end:
            cells.append(_strip(view, at, gap.start()))
            at = gap.end()
    return [*cells, _strip(view, at, end)]


def _strip(view: str, start: int, end: int, *, quotes: bool = False) -> Span:
    said = view[start:end]
    start, end = start + len(said) - len(said.lstrip()), start + len(said.rstrip())
    if quotes and end - start > 1 and view[start] == '"' == view[end - 1]:
        return start + 1, end - 1
    return (start, end) if start < end else (start, start)


def find_slots(view: str, is_label: Callable[[str], bool]) -> Iterator[Slot]:
    """Labels with a mark behind them (":", "=", dots, an arrow, a dash) and what stands up to the next label.

    Args:
        view: See `mask_markup`.
        is_label: Whether a text names a field; asked about labels that no mark makes one: before a dash, before a gap,
            and alone on the line above the value.
    """
    lines = [found.span() for found in _LINE.finditer(view) if not found[0].isspace()]
    for index, (start, stop) in enumerate(lines):
        end = min(stop, start + _MOST_LINE)
        pairs = [
            found
            for found in _PAIR.finditer(view, start, end)
            # A number before ":" is a verse or a list's, a clause no label, unless a field is called so.
            if not _NO_LABEL.search(found["label"]) or is_label(found["label"])
        ]
        if not pairs:
            yield from _find_bare(view, lines, index, is_label)
            continue
        for found, following in zip(pairs, [*pairs[1:], None], strict=True):
            place = _trim(view, found.end(), min(following.start() if following else end, found.end() + _OPEN))
            if place is not None and len(pairs) > 1 and following is None:
                place = _without_point(view, *place)
            if place is None and following is None and index + 1 < len(lines):
                # "Label:" alone: its value is the next line, unless that has a label of its own.
                place = _next_line(view, lines[index + 1])
            if place is not None:
                yield Slot(found["label"], found.span("label"), *place)


def _without_point(view: str, start: int, end: int) -> Span:
    """[start, end) without the point that ends a sentence; that of an abbreviation, which follows another or a capital,
    stays."""
    said = view[start:end]
    ends = said.endswith(".") and not said.endswith("..") and not _ABBREVIATED.search(said)
    return (start, end - 1) if ends and end - start > 1 else (start, end)


def _next_line(view: str, line: Span) -> Span | None:
    start, end = line[0], min(line[1], line[0] + _OPEN)
    return None if _PAIR.search(view, start, end) else _trim(view, start, end)


def _find_bare(view: str, lines: Sequence[Span], index: int, is_label: Callable[[str], bool]) -> Iterator[Slot]:
    start, end = lines[index]
    if found := _DASHED.match(view[start : start + _OPEN]):
        if is_label(found["label"]) and (place := _trim(view, start + found.end(), min(end, start + _OPEN))):
            yield Slot(found["label"], (start + found.start("label"), start + found.end("label")), *place)
        return
    for cut in (_cut_bars, _cut_gaps):
        cells = cut(view, start, min(end, start + _OPEN))
        if len(cells) == 2 and is_label(view[slice(*cells[0])]):
            if (place := _trim(view, *cells[1])) is not None:
                yield Slot(view[slice(*cells[0])], cells[0], *place)
            return
    said = view[start:end].strip(" \t\r*_#`-•")
    if index + 1 < len(lines) and len(said) <= 60 and is_label(said) and not is_label(view[slice(*lines[index + 1])]):
        at = view.find(said, start, end)
        if (place := _next_line(view, lines[index + 1])) is not None:
            yield Slot(said, (at, at + len(said)), *place)


def _trim(view: str, start: int, end: int) -> Span | None:
    """[start, end) without what stands around a value: white space, separators, quotes, emphasis; None for nothing."""
    said = view[start:end]
    left = len(said) - len(said.lstrip(_ENDS))
    right = len(said.rstrip(_ENDS))
    if left >= right:
        return None
    for mark in ("**", "__", "`", "*", "_"):
        if said.startswith(mark, left, right) and said.endswith(mark, left, right) and right - left > 2 * len(mark):
            left, right = left + len(mark), right - len(mark)
            break
    # A bracket that was opened before the label is closed behind the value.
    while (
        right > left
        and said[right - 1] in ")]}"
        and said.count(said[right - 1], left, right)
        > said.count({")": "(", "]": "[", "}": "{"}[said[right - 1]], left, right)
    ):
        right = len(said[: right - 1].rstrip(_ENDS))
    return (start + left, start + right) if left < right else None
