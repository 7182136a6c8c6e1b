"""Cutting CSV into records and cells, each with its place: what `csv.reader` finds, without losing a character."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Record", "cell_value", "find_delimiter", "records"]

_SAMPLE = 1 << 16  # characters by which the delimiter is found out
_DELIMITERS = "\t;|,"  # of equally good ones the first
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n)?")
_END = re.compile(r"\r\n|\r|\n")
_PADDED = re.compile(r' +"(?:[^"\r\n]|"")*" *')


@dataclass(frozen=True, slots=True)
class Record:
    """One record of CSV: characters [start, end), and up to `stop` with its line end; its cells as they are written."""

    start: int
    end: int
    stop: int
    cells: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """What the cells say."""
        if not any('"' in cell for cell in self.cells):
            return self.cells
        return tuple([cell_value(cell) if '"' in cell else cell for cell in self.cells])


def records(text: str, delimiter: str, start: int = 0) -> Iterator[Record]:
    """The records of `text` from `start` on; empty lines are none. A quote that is not closed runs to the end.

    Where `csv.reader` takes spaces before a quote for the beginning of a cell without quotes, here the cell is quoted
    if it is closed before the next delimiter or line end.
    """
    plain = _plain(delimiter)
    while start < len(text):
        match = _LINE.match(text, start)
        if match is None:  # never: it matches the empty line, too
            return
        line, end, stop = match[1], match.end(1), match.end()
        if '"' in line:
            cells, end = _quoted_cells(text, start, plain)
            stop = _end(_END, text, end)
        else:
            cells = line.split(delimiter)
        if end > start:
            yield Record(start, end, stop, tuple(cells))
        start = stop


def cell_value(cell: str) -> str:
    """What a cell says: without its quotes, with one quote for two."""
    if _PADDED.fullmatch(cell):
        cell = cell.strip(" ")
    if not cell.startswith('"'):
        return cell
    end = _after_quotes(cell, 1)
    closed = end > 1 and cell[end - 1] == '"' and (cell[1:end].count('"') % 2 == 1)
    return cell[1 : end - closed].replace('""', '"') + cell[end:]


def find_delimiter(text: str) -> str:
    """The character that cuts the first lines into the most even records of at least two cells, else a comma."""
    sample = text[:_SAMPLE]
    if len(text) > _SAMPLE:
        sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    found, most = ",", 0.0
    for delimiter in _DELIMITERS:
        widths = [len(record.cells) for record in records(sample, delimiter)]
        if not widths:
            break
        width, count = Counter(widths).most_common(1)[0]
        evenness = count / len(widths) + (widths[0] == width)
        if width > 1 and evenness > most:
            found, most = delimiter, evenness
    return found


def _quoted_cells(text: str, start: int, plain: re.Pattern[str]) -> tuple[list[str], int]:
    cells = []
    while True:
        end = _cell_end(text, start, plain)
        cells.append(text[start:end])
        if end == len(text) or text[end] in "\r\n":
            return cells, end
        start = end + 1


def _cell_end(text: str, start: int, plain: re.Pattern[str]) -> int:
    if text.startswith('"', start):
        return _end(plain, text, _after_quotes(text, start + 1))
    padded = _PADDED.match(text, start)
    if padded and padded.end() == _end(plain, text, padded.end()):
        return padded.end()
    return _end(plain, text, start)


def _after_quotes(text: str, start: int) -> int:
    """Where the quoted text that begins at `start` is over: behind the first quote that is not doubled."""
    while (quote := text.find('"', start)) >= 0:
        if not text.startswith('"', quote + 1):
            return quote + 1
        start = quote + 2
    return len(text)


def _end(pattern: re.Pattern[str], text: str, start: int) -> int:
    match = pattern.match(text, start)
    return match.end() if match else start


@lru_cache(maxsize=32)
def _plain(delimiter: str) -> re.Pattern[str]:
    return re.compile(f"[^{re.escape(delimiter)}\r\n]*")
