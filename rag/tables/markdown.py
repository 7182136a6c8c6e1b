"""Tables of Markdown with pipes: what is kept is the source's own characters, padding included."""

from __future__ import annotations

import re
from array import array
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.errors import InputError

from ..headers import count_header_rows
from .form import Span, TextForm, cell_spans, check_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .options import TableOptions

__all__ = ["MarkdownTable", "has_markdown_table"]

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_DASHES = re.compile(r":?-+:?")
_PIPE = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_BREAK = re.compile(r"<br\s*/?>", re.I)


class _Line(NamedTuple):
    """A row: characters [start, end), up to `stop` with its line end; the text before and after its cells."""

    start: int
    end: int
    stop: int
    before: str
    cells: tuple[str, ...]
    after: str


def has_markdown_table(text: str) -> bool:
    """Whether `text` has a row of pipes and under it a row of dashes of as many cells."""
    return _find(_Lines(text), text) is not None


class MarkdownTable(TextForm):
    """The first table with pipes in a text. What stands before and after it is a caption and a trailer.

    Short rows lack their last cells; what is too much in long ones belongs to the last cell.
    """

    def __init__(self, text: str, options: TableOptions) -> None:
        lines = _Lines(text)
        top = _find(lines, text)
        if top is None:
            raise InputError("there is no table with pipes in the text", hint="a row of dashes stands under its header")
        bottom = top + 2
        while bottom < len(lines) and "|" in text[slice(*lines[bottom])]:
            bottom += 1
        self.text = text
        head = _cut(text, lines[top])
        self.width = len(head.cells)
        check_size(bottom - top, self.width, (bottom - top) * (self.width + 1))
        self._rule = _fitted(_cut(text, lines[top + 1]), self.width)
        found = [
            head,
            *(_fitted(_cut(text, line), self.width) for line in map(lines.__getitem__, range(top + 2, bottom))),
        ]
        values = [(*map(_value, line.cells), *[""] * (self.width - len(line.cells))) for line in found]
        depth = max(1, count_header_rows(values)) if options.header_rows is None else options.header_rows
        self._head, self._body = found[:depth], found[depth:]
        lowest = self._head[-1:]
        self._column_spans = [span for line in lowest for span in cell_spans(line.start + len(line.before), line.cells)]
        self.levels, self.rows = tuple(values[:depth]), tuple(values[depth:])
        self.table = (lines[top][0], lines[bottom - 1][1])

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> str:
        """The rows with their own line ends, under the header and its dashes; pipes in front where they are needed."""
        if not columns:
            return ""
        lines = [*self._head[:1], self._rule, *self._head[1:], *(self._body[row] for row in rows)]
        piped = columns[0] > 0 or len(columns) == 1
        return "".join(self._written(line, columns, piped=piped) for line in lines)

    def row_span(self, row: int) -> Span:
        """Where the row stands, without its line end."""
        return self._body[row].start, self._body[row].end

    def column_span(self, column: int) -> Span | None:
        """Where the cell in the lowest row of the header stands, with its padding."""
        return self._column_spans[column] if column < len(self._column_spans) else None

    def with_note(self, table: str, note: str) -> str:
        """The note as a paragraph below the table."""
        head = self._head[0]
        ending = self.text[head.end : head.stop]
        return f"{table}{'' if table.endswith(ending) else ending}{ending}{note}{ending}"

    def _written(self, line: _Line, columns: Sequence[int], *, piped: bool) -> str:
        kept = [line.cells[column] for column in columns if column < len(line.cells)]
        cells = "|".join(kept)
        if kept and not kept[-1].strip() and "|" not in line.after:  # else the pipe before it would end the line
            cells += "|"
        bare = piped or "|" not in cells + line.after  # a line without any pipe would end the table
        before = f"{line.before}|" if bare and "|" not in line.before else line.before
        return before + cells + line.after + self.text[line.end : line.stop]


class _Lines:
    """Where the lines of a text are, line ends included; a number each, since a text may be nothing but line ends."""

    def __init__(self, text: str) -> None:
        self._starts = array("q", (match.start() for match in _LINE.finditer(text)))

    def __len__(self) -> int:
        return len(self._starts) - 1  # the last one is the empty line at the end

    def __getitem__(self, index: int) -> Span:
        return self._starts[index], self._starts[index + 1]

    def __iter__(self) -> Iterator[Span]:
        return pairwise(self._starts)


def _find(lines: _Lines, text: str) -> int | None:
    """Which line is the header of the first table."""
    for index in range(1, len(lines)):
        line = text[slice(*lines[index])].rstrip("\r\n")
        above = text[slice(*lines[index - 1])]
        if "|" not in line + above or not _is_rule(line):
            continue
        if len(_cut(text, lines[index]).cells) == len(_cut(text, lines[index - 1]).cells):
            return index - 1
    return None


def _is_rule(line: str) -> bool:
    """Whether the line is the one between header and body."""
    cells = line.strip(" \t").removeprefix("|").removesuffix("|").split("|")
    return all(_DASHES.fullmatch(cell.strip(" \t")) for cell in cells)


def _cut(text: str, span: Span) -> _Line:
    """The row that stands in the line `span`."""
    start, stop = span
    line = text[start:stop].rstrip("\r\n")
    inner = line.strip(" \t")
    before = line[: len(line) - len(line.lstrip(" \t"))]
    after = line[len(before) + len(inner) :]
    if "\\" not in inner:  # as in most lines: each pipe ends a cell
        return _cut_plainly(start, start + len(line), stop, (before, inner, after))
    pipes = [match.end() - 1 for match in _PIPE.finditer(inner)]
    if pipes and pipes[0] == 0:
        before, pipes = f"{before}|", pipes[1:]
        first = 1
    else:
        first = 0
    last = len(inner)
    if pipes and pipes[-1] == last - 1:
        after, last = f"|{after}", pipes.pop()
    starts = [first, *(pipe + 1 for pipe in pipes)]
    cells = tuple(inner[begin:end] for begin, end in zip(starts, [*pipes, last], strict=True))
    return _Line(start, start + len(line), stop, before, cells, after)


def _cut_plainly(start: int, end: int, stop: int, texts: tuple[str, str, str]) -> _Line:
    """The row in a line without backslashes, of which `texts` are the white space before, the cells, and that after."""
    before, inner, after = texts
    cells = inner.split("|")
    if len(cells) > 1 and not cells[0]:
        before = f"{before}|"
        del cells[0]
    if len(cells) > 1 and not cells[-1]:
        after = f"|{after}"
        del cells[-1]
    return _Line(start, end, stop, before, tuple(cells), after)


def _fitted(line: _Line, width: int) -> _Line:
    if len(line.cells) <= width:
        return line
    last = "|".join(line.cells[width - 1 :])
    return _Line(line.start, line.end, line.stop, line.before, (*line.cells[: width - 1], last), line.after)


def _value(cell: str) -> str:
    cell = _BREAK.sub(" ", cell) if "<" in cell else cell
    return cell.replace("\\|", "|").strip(" \t")
