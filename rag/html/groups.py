"""Which parts of a page are kept or dropped together, and what must come along with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from .cuts import cut
from .elements import APART, CAPTION, HEADINGS, SCOPE
from .frames import nearest
from .limits import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .leaves import Part
    from .options import HtmlOptions
    from .outline import Outline

__all__ = ["Group", "groups"]

_BYTES_PER_TOKEN = 4
_MOST_HEAD = 4  # units that the header rows of a table may weigh, to come along with each row
KINDS: Final = ("text", "item", "code", "heading", "caption", "header", "row")
_TEXT, _ITEM, _CODE, _HEADING, _CAPTION, _HEADER, _ROW = range(len(KINDS))


class Group(NamedTuple):
    """What makes one unit: runs [first, last), or a part of one.

    Attributes:
        kind: "heading", "caption", "header" (the header rows of a table), "row", "item" (of lists), "code" or "text".
        frame: What the kind is about: heading, caption, table, row, list, code; for text the element around.
        first: The first run.
        last: The run after the last.
        part: The part of run `first`, where it was too long for one unit.
        parent: Index of the group that stands above; None at the top.
    """

    kind: str
    frame: int
    first: int
    last: int
    part: Part | None
    parent: int | None

    def parts(self, outline: Outline) -> list[Part]:
        """The parts in order; at least one."""
        return [self.part] if self.part else outline.parts(self.first, self.last)


class _Span(NamedTuple):
    """Runs that belong together, or a part of one."""

    kind: int
    frame: int
    first: int
    last: int
    part: Part | None = None


class _Heading(NamedTuple):
    level: int
    group: int
    scope: int  # the frame beyond which it says nothing
    apart: int  # the frame, off the main text, in which it stands


def groups(outline: Outline, options: HtmlOptions) -> list[Group]:
    """The runs of a page in order, grouped by what they are and by size; each in exactly one group, if not cut."""
    spans = _Spans(outline, options)
    grouping, source = _Grouping(outline), outline.tree.source
    most = Limits.of(len(source)).units
    for span in spans.joined():
        if len(grouping.made) == most:
            frame = outline.tree.run_frames[span.first]
            Limits.refuse(most, "units", outline.tree.span(frame)[0])
        grouping.add(span)
    return grouping.made


class _Spans:
    """Sizes are UTF-8 bytes, as far as the mean of the page tells."""

    def __init__(self, outline: Outline, options: HtmlOptions) -> None:
        self.outline, self.tree = outline, outline.tree
        text = "".join(self.tree.data)
        self.width = 1.0 if text.isascii() else len(text.encode("utf-8", "surrogatepass")) / len(text)
        self.sizes = outline.sizes * self.width
        self.most, self.least = options.max_tokens * _BYTES_PER_TOKEN, options.min_tokens * _BYTES_PER_TOKEN

    def kinds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """For each run the kind and the frame of the group that it belongs to."""
        outline, frames = self.outline, self.outline.runs
        short = self.sizes <= self.most
        kinds = np.where(outline.listed[frames] > 0, _ITEM, _TEXT)
        places = outline.box[frames]
        for kind, found in ((_CODE, outline.preformatted[frames]), (_HEADING, outline.heading[frames] * short)):
            kinds, places = np.where(found > 0, kind, kinds), np.where(found > 0, found, places)
        if outline.tables:
            cells = outline.cell[frames]
            rows = outline.parents[cells]
            captions = outline.is_kind(CAPTION)[cells]
            tables = self.heads(rows)[rows]
            in_row = (cells > 0) & ~captions
            kinds = np.where(in_row, np.where(tables > 0, _HEADER, _ROW), np.where(captions & short, _CAPTION, kinds))
            places = np.where(in_row, np.where(tables > 0, tables, rows), np.where(captions, cells, places))
        return kinds, places

    def heads(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each frame that is a header row its table, unless its header is too large; 0 for all others."""
        weights = np.bincount(rows, weights=self.sizes, minlength=len(self.tree.tags))
        found = np.zeros(len(self.tree.tags), dtype=np.int64)
        for frame, table in self.outline.tables.items():
            head = table.row_frames[: table.head]
            if weights[head].sum() <= _MOST_HEAD * self.most:
                found[head] = frame
        return found

    def joined(self) -> Iterator[_Span]:
        """The runs as they belong together; those are cut that are too long."""
        kinds, frames = self.kinds()
        if not len(kinds):
            return
        starts = np.flatnonzero(np.r_[True, (kinds[1:] != kinds[:-1]) | (frames[1:] != frames[:-1])])
        ends = np.r_[starts[1:], len(kinds)]
        totals, longest = np.add.reduceat(self.sizes, starts), np.maximum.reduceat(self.sizes, starts)
        fits = (longest <= self.most) & ((totals <= 2 * self.most) & (kinds[starts] == _ROW) | (ends - starts == 1))
        whole = (kinds[starts] >= _HEADING) & (kinds[starts] != _ROW)
        columns = (kinds[starts], frames[starts], starts, ends, fits | whole)
        for kind, frame, first, last, fit in zip(*(column.tolist() for column in columns), strict=True):
            if fit:
                yield _Span(kind, frame, first, last)
            else:
                yield from self.divided(kind, frame, first, last)

    def divided(self, kind: int, frame: int, start: int, end: int) -> Iterator[_Span]:
        """Runs [start, end), which are of one kind and frame, in groups that are not too large."""
        first, size = start, 0.0
        for number, weight in enumerate(self.sizes[start:end].tolist(), start):
            if number > first and not self.joins(kind, number, size, weight):
                yield _Span(kind, frame, first, number)
                first, size = number, 0.0
            size += weight
            if weight > self.most:
                if number > first:
                    yield _Span(kind, frame, first, number)
                for part in cut(self.tree, number, self.most, lines=kind == _CODE):
                    yield _Span(kind, frame, number, number + 1, part)
                first, size = number + 1, 0.0
        if first < end:
            yield _Span(kind, frame, first, end)

    def joins(self, kind: int, number: int, size: float, weight: float) -> bool:
        """Whether run `number` goes into the same group as the runs before it, of `size` bytes so far."""
        if kind == _ROW:
            return size + weight <= 2 * self.most
        if kind == _CODE or size + weight > self.most:
            return False
        if kind == _ITEM:
            before, after = self.outline.owners[number - 1], self.outline.owners[number]
            if before == after or self.tree.tags[after] == "dd":
                return True
            if self.tree.tags[after] == "dt":
                return self.tree.tags[before] == "dt"
        return size < self.least


class _Grouping:
    """Puts each group under the one that stands above it."""

    def __init__(self, outline: Outline) -> None:
        self.outline, self.tree = outline, outline.tree
        self.made: list[Group] = []
        self.headings: list[_Heading] = []
        self.tops: dict[int, int] = {}  # for each table the group that its rows stand under
        free = outline.cell == 0
        self.scopes: list[int] = nearest(outline.parents, outline.is_kind(SCOPE) & free).tolist()
        self.aparts: list[int] = nearest(outline.parents, outline.is_kind(APART) & free).tolist()

    def add(self, span: _Span) -> None:
        """The next group."""
        frame = self.tree.run_frames[span.first]
        self.leave(frame)
        if span.kind == _HEADING:
            parent = self.enter(span.frame)
        elif span.kind in (_CAPTION, _HEADER, _ROW):
            table = self.outline.table_of(span.frame).frame
            parent = self.tops.get(table, self.above(frame)) if span.kind == _ROW else self.top(table, frame)
        else:
            parent = self.above(frame)
        self.made.append(Group(KINDS[span.kind], span.frame, span.first, span.last, span.part, parent))

    def top(self, table: int, frame: int) -> int | None:
        """Lets the rows of a table stand under the next group, and says what this stands under."""
        parent = self.tops.get(table, self.above(frame))
        self.tops[table] = len(self.made)
        return parent

    def leave(self, frame: int) -> None:
        """Forgets the headings that say nothing about `frame` and what follows it."""
        starts, ends = self.tree.starts, self.tree.ends
        while self.headings:
            scope = self.headings[-1].scope
            if frame >= scope and starts[frame] < ends[scope]:
                return
            self.headings.pop()

    def enter(self, frame: int) -> int | None:
        """Remembers the heading at `frame`, the next group, and says what it stands under."""
        level, scope = HEADINGS[self.tree.tags[frame]], self.scopes[frame]
        while self.headings and self.headings[-1].scope == scope and self.headings[-1].level >= level:
            self.headings.pop()
        parent = self.above(frame, level)
        self.headings.append(_Heading(level, len(self.made), scope, self.aparts[frame]))
        return parent

    def above(self, frame: int, level: int = 7) -> int | None:
        """The heading over `frame`, of a higher level than `level`."""
        apart = self.aparts[frame]
        for heading in reversed(self.headings):
            if heading.level < level and heading.apart == apart:
                return heading.group
        return None
