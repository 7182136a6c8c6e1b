"""What each element is to a reader."""

from __future__ import annotations

import re
from typing import Final

__all__ = [
    "APART",
    "BLOCKS",
    "BOXES",
    "CAPTION",
    "CELL",
    "GROUP",
    "HEADER",
    "HEADING",
    "HEADINGS",
    "ITEM",
    "KINDS",
    "LANDMARKS",
    "LIST",
    "LISTS",
    "MARKS",
    "OWNER",
    "PRE",
    "ROLES",
    "ROW",
    "SCOPE",
    "SKIPPED",
    "TABLE",
    "VOID",
    "hides",
    "words",
]

TABLE: Final = 1
ROW: Final = 2
CELL: Final = 4
CAPTION: Final = 8
GROUP: Final = 16
"""A group of rows."""
HEADING: Final = 32
LIST: Final = 64
ITEM: Final = 128
PRE: Final = 256
"""White space counts."""
OWNER: Final = 512
"""Written as an element of its own around its text."""
SCOPE: Final = 1024
"""Headings within say nothing about what follows it."""
APART: Final = 2048
"""Off the main text; headings outside say nothing about it."""
HEADER: Final = 4096
"""A cell that names others."""


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


HEADINGS = {f"h{level}": level for level in range(1, 7)}

BLOCKS = words(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "header hgroup legend li listing main menu nav ol p plaintext pre search section summary ul xmp"
).union(HEADINGS)
"""Elements that start a line of their own, without those of tables."""

BOXES = BLOCKS | words("caption table tbody td tfoot th thead tr")
"""All elements that become frames."""

LISTS = words("dir dl menu ol ul")

_MEMBERS = {
    TABLE: words("table"),
    ROW: words("tr"),
    CELL: words("td th"),
    CAPTION: words("caption"),
    GROUP: words("tbody tfoot thead"),
    HEADER: words("th"),
    HEADING: frozenset(HEADINGS),
    LIST: LISTS,
    ITEM: words("dd dt li"),
    PRE: words("listing plaintext pre xmp"),
    OWNER: words("blockquote dd dt li listing plaintext pre xmp").union(HEADINGS),
    SCOPE: words("article aside dialog footer main nav section td th"),
    APART: words("aside dialog footer nav"),
}
KINDS = {tag: sum(bit for bit, members in _MEMBERS.items() if tag in members) for tag in (*BOXES, "body")}
"""For each element the sum of what it is."""

LANDMARKS = words("article aside footer form header main nav")
ROLES = {
    "article": "article",
    "banner": "header",
    "complementary": "aside",
    "contentinfo": "footer",
    "form": "form",
    "main": "main",
    "navigation": "nav",
    "search": "form",
}
"""Landmarks by the `role` attribute."""

SKIPPED = words("audio canvas datalist iframe noembed noframes noscript script style template video")
"""Elements of which a reader sees no text."""

MARKS = {
    "code": "code",
    "del": "del",
    "kbd": "code",
    "q": "q",
    "s": "s",
    "samp": "code",
    "strike": "s",
    "sub": "sub",
    "sup": "sup",
    "tt": "code",
}
"""Elements within a line that change what it says, and how they are written."""

VOID = words("area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr")

_HIDING = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))")


def hides(style: str) -> bool:
    """Whether an element with this `style` attribute is not shown."""
    style = style.lower()
    return ("none" in style or "visib" in style) and _HIDING.search(style) is not None
