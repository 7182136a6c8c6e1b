"""The boxes of a page: which element each run of text stands in.

The tree is flat. A frame is an element that starts a line of its own (a block, a part of a table); its number is larger
than its parent's. A run is an unbroken line of text in one frame, the anonymous box of CSS; a piece is a text, a line
break or a value within a run. So each text that is shown belongs to exactly one run, bare text beside child elements
too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from itertools import accumulate
from typing import NamedTuple

__all__ = ["Mark", "Tree"]

_TAG = re.compile(r"</?[A-Za-z]|<\?")


class Mark(NamedTuple):
    """What a piece is that is no plain text.

    Attributes:
        kind: "break" for a line break, "gap" for the border of a control, "value" for the value of an attribute,
            "open" and "close" for an element within the line.
        tag: How the element is written; "" for others.
        span: Characters of the value in the source.
        link: Whether the target of the link is kept.
    """

    kind: str
    tag: str = ""
    span: tuple[int, int] = (0, 0)
    link: bool = False


@dataclass
class Tree:
    """The boxes of one page, column by column; `ctxprune.rag.html.builder` fills them.

    Attributes:
        source: The text that all places are in.
        title: Of the page; "" without one.
        offsets: For each token where it starts, then the end of the source.
        tags: For each frame its element; frame 0 is the body.
        parents: For each frame the frame around it; 0 for frame 0.
        starts: For each frame the number of its start tag among the tokens, or of the token that made one needless.
        ends: For each frame the number of the first token after it.
        landmarks: Frames that are landmarks, by name.
        spans: For cells that say so how many columns and rows they span.
        numbers: For each item of an ordered list its number; for the list that of its last item.
        layout: Tables that say they are none, by role.
        data: For each piece its text, references resolved.
        tokens: For each piece the number of its token.
        marks: For pieces that are no plain text what they are.
        links: Pieces at which links start and end, in turn.
        run_frames: For each run its frame.
        run_firsts: For each run its first piece.
        run_lasts: For each run the piece after its last.
    """

    source: str
    title: str = ""
    offsets: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    landmarks: dict[int, str] = field(default_factory=dict)
    spans: dict[int, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    layout: set[int] = field(default_factory=set)
    data: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    links: list[int] = field(default_factory=list)
    run_frames: list[int] = field(default_factory=list)
    run_firsts: list[int] = field(default_factory=list)
    run_lasts: list[int] = field(default_factory=list)

    @cached_property
    def text_end(self) -> int:
        """The end of the source, or where a tag starts that it cuts off, if this is in a text."""
        end = len(self.source)
        if not self.tokens or self.tokens[-1] + 2 != len(self.offsets) or len(self.data) - 1 in self.marks:
            return end
        start = self.offsets[-2]
        written, text = self.source[start:].replace("\x00", " "), self.data[-1]
        if len(written) == len(text) or unescape(written).split() == text.split():
            return end
        unfinished = _TAG.search(self.source, start)
        return unfinished.start() if unfinished else end

    def has_marks(self, first: int, last: int) -> bool:
        """Whether any of pieces [first, last) is no plain text."""
        return self._marks_before[first] < self._marks_before[last]

    @cached_property
    def _marks_before(self) -> list[int]:
        marks = self.marks
        return list(accumulate((index in marks for index in range(len(self.data))), initial=0))

    def span(self, frame: int) -> tuple[int, int]:
        """Characters of the element in the source, tags included."""
        return self.offsets[self.starts[frame]], self.offsets[self.ends[frame]]
