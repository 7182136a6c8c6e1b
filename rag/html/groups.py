"""Which parts of a page are kept or dropped together, and what must come along with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .cuts import cut
from .leaves import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .options import HtmlOptions
    from .outline import Outline
    from .tree import Run

__all__ = ["Group", "Kind", "groups"]

Kind = str
_BYTES_PER_TOKEN = 4
_SCOPES = frozenset({"article", "aside", "dialog", "footer", "main", "nav", "section", "td", "th"})
_APART = frozenset({"aside", "dialog", "footer", "nav"})
_MOST_HEAD = 4  # units that the header rows of a table may weigh, to come along with each row
_WHOLE = frozenset({"caption", "header", "heading"})


@dataclass(frozen=True, slots=True)
class Group:
    """The parts that make one unit.

    Attributes:
        kind: "heading", "caption", "header" (the header rows of a table), "row", "item" (of lists), "code" or "text".
        frame: What the kind is about: heading, caption, table, row, list, code; for text the element around.
        parts: In order; at least one.
        parent: Index of the group that stands above; None at the top.
    """

    kind: Kind
    frame: int
    parts: tuple[Part, ...]
    parent: int | None


class _Sized(NamedTuple):
    """A part with its group's kind and frame, and its size in bytes."""

    kind: Kind
    frame: int
    part: Part
    size: int


class _Heading(NamedTuple):
    level: int
    group: int
    scope: int  # the frame beyond which it says nothing
    apart: int  # the frame, off the main text, in which it stands


def groups(outline: Outline, options: HtmlOptions) -> list[Group]:
    """The parts of a page in order, grouped by what they are and by size; each part is in exactly one group."""
    grouping = _Grouping(outline, options)
    for group in grouping.collected():
        grouping.add(*group)
    return grouping.made


class _Grouping:
    def __init__(self, outline: Outline, options: HtmlOptions) -> None:
        self.outline, self.tree = outline, outline.tree
        self.most, self.least = options.max_tokens * _BYTES_PER_TOKEN, options.min_tokens * _BYTES_PER_TOKEN
        self.headings: list[_Heading] = []
        self.tops: dict[int, int] = {}  # for each table the group that its rows stand under
        self.made: list[Group] = []
        self.heads = self.head_sizes()
        self.scopes = _nearest(outline, _SCOPES)
        self.aparts = _nearest(outline, _APART)

    def collected(self) -> Iterator[tuple[Kind, int, list[Part]]]:
        """Kind, frame and parts of each group."""
        pending: list[Part] = []
        last = _Sized("", 0, Part(0, 0, 0), 0)
        size = 0
        for item in self.parts():
            if pending and not self.joins(last, item, size):
                yield last.kind, last.frame, pending
                pending, size = [], 0
            pending.append(item.part)
            size += item.size
            last = item
        if pending:
            yield last.kind, last.frame, pending

    def parts(self) -> Iterator[_Sized]:
        """The runs, those cut that are too long."""
        for number, run in enumerate(self.tree.runs):
            size = _size(self.tree.data[run.first : run.last])
            kind, frame = self.kind(run, size)
            if kind not in _WHOLE and size > self.most:
                for part in cut(self.tree, number, self.most, lines=kind == "code"):
                    yield _Sized(kind, frame, part, self.most)
            else:
                yield _Sized(kind, frame, Part(number, run.first, run.last), size)

    def head_sizes(self) -> dict[int, int]:
        """Bytes of the header rows of each table."""
        sizes = dict.fromkeys(self.outline.tables, 0)
        for run in self.tree.runs:
            table = self.outline.table_of(run.frame)
            if table is not None and 0 <= self.outline.row_of(run.frame) < table.head:
                sizes[table.frame] += _size(self.tree.data[run.first : run.last])
        return sizes

    def kind(self, run: Run, size: int) -> tuple[Kind, int]:
        outline, frame = self.outline, run.frame
        if table := outline.table_of(frame):
            row = outline.row_of(frame)
            if row < 0:
                return ("caption", table.caption) if size <= self.most else ("text", table.caption)
            if row < table.head and self.heads[table.frame] <= _MOST_HEAD * self.most:
                return "header", table.frame
            return "row", table.rows[row].frame
        if outline.level(frame) and size <= self.most:
            return "heading", outline.owner[frame]
        if outline.preformatted[frame]:
            return "code", frame
        return ("item" if outline.listed[frame] else "text"), outline.box[frame]

    def joins(self, last: _Sized, item: _Sized, size: int) -> bool:
        """Whether `item` goes into the same group as `last`, which has `size` bytes so far."""
        if (last.kind, last.frame) != (item.kind, item.frame):
            return False
        if item.kind in _WHOLE:
            return True
        if item.kind == "row":
            return size + item.size <= 2 * self.most
        if size + item.size > self.most or item.kind == "code":
            return False
        runs, owner = self.tree.runs, self.outline.owner
        before, after = owner[runs[last.part.run].frame], owner[runs[item.part.run].frame]
        if item.kind == "item" and (before == after or self.tree.tags[after] in ("dd", "dt")):
            return before == after or self.tree.tags[after] == "dd" or self.tree.tags[before] == "dt"
        return size < self.least

    def add(self, kind: Kind, frame: int, parts: list[Part]) -> None:
        """The next group, with its parent."""
        first = self.tree.runs[parts[0].run].frame
        self.leave(first)
        table = self.outline.table_of(first)
        if kind == "heading":
            parent = self.enter(first)
        elif kind in ("caption", "header", "row") and table is not None:
            parent = self.tops.get(table.frame, self.above(first))
            if kind != "row":
                self.tops[table.frame] = len(self.made)
        else:
            parent = self.above(first)
        self.made.append(Group(kind, frame, tuple(parts), parent))

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
        level, scope = self.outline.level(frame), self.scopes[frame]
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


def _nearest(outline: Outline, tags: frozenset[str]) -> list[int]:
    """For each frame the nearest of `tags` around it, or itself, outside tables of data; 0 for none."""
    tree = outline.tree
    found = [0] * len(tree.tags)
    for frame in range(1, len(found)):
        own = tree.tags[frame] in tags and not outline.cell[frame]
        found[frame] = frame if own else found[tree.parents[frame]]
    return found


def _size(texts: list[str]) -> int:
    """UTF-8 bytes."""
    return sum(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts)
