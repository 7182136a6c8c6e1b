"""From the tokens of a page to its boxes: which element each run of text stands in.

The tree is flat. A frame is an element that starts a line of its own (a block, a table part), a number that is larger
than its parent's. A run is an unbroken line of text in one frame, the anonymous box of CSS, and a piece is a text, a
line break or a value in a run. So every shown text belongs to exactly one run, also bare text beside child elements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Mark", "Run", "Tree"]


class Mark(NamedTuple):
    """What a piece is that is no plain text.

    Attributes:
        kind: "break" for a line break, "gap" for a border between controls, "value" for the text of an attribute,
            "open" and "close" for an element within the line.
        tag: How the element is written; "" for values and gaps.
        span: Characters of the value in the source.
        attributes: Names and values to keep.
    """

    kind: str
    tag: str = ""
    span: tuple[int, int] = (0, 0)
    attributes: tuple[tuple[str, str], ...] = ()


class Run(NamedTuple):
    """Pieces [first, last) of frame `frame`."""

    frame: int
    first: int
    last: int


@dataclass
class Tree:
    """The boxes of one page; filled by `ctxprune.rag.html.builder`.

    Attributes:
        source: The text that all places are in.
        title: Of the page; "" without one.
        offsets: For each token where it starts, then the end of the source.
        tags: For each frame its element; frame 0 is the body.
        parents: For each frame the frame around it; 0 for frame 0.
        starts: For each frame the number of its start tag among the tokens.
        ends: For each frame the number of the first token after it.
        landmarks: Frames that are landmarks, by name.
        cells: For each cell its colspan and rowspan; a rowspan of 0 reaches to the end of the row group.
        numbers: For each item of an ordered list its number; for the list that of its last item.
        layout: Tables that say they are none, by role.
        attributes: For frames the attributes to keep, where there are any.
        data: For each piece its text, references resolved.
        tokens: For each piece the number of its token.
        marks: For pieces that are no plain text what they are.
        links: Pieces at which links start and end, in turn.
        runs: The runs in order.
    """

    source: str
    title: str = ""
    offsets: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    landmarks: dict[int, str] = field(default_factory=dict)
    cells: dict[int, tuple[int, int]] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    layout: set[int] = field(default_factory=set)
    attributes: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    tokens: list[int] = field(default_factory=list)
    marks: dict[int, Mark] = field(default_factory=dict)
    links: list[int] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def span(self, frame: int) -> tuple[int, int]:
        """Characters of the element in the source, tags included."""
        return self.offsets[self.starts[frame]], self.offsets[self.ends[frame]]
