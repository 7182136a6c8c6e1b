"""What each element is to a reader."""

from __future__ import annotations

import re

__all__ = [
    "BLOCKS",
    "CELLS",
    "HEADINGS",
    "ITEMS",
    "LANDMARKS",
    "LISTS",
    "MARKS",
    "ROLES",
    "ROW_GROUPS",
    "SKIPPED",
    "VOID",
    "hides",
    "words",
]


def words(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


HEADINGS = {f"h{level}": level for level in range(1, 7)}
ITEMS = frozenset({"dd", "dt", "li"})
LISTS = frozenset({"dir", "dl", "menu", "ol", "ul"})
CELLS = frozenset({"td", "th"})
ROW_GROUPS = frozenset({"tbody", "tfoot", "thead"})
LANDMARKS = frozenset({"article", "aside", "footer", "form", "header", "main", "nav"})
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

BLOCKS = words(
    "address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form "
    "header hgroup legend li listing main menu nav ol p plaintext pre search section summary ul xmp"
).union(HEADINGS)
"""Elements that start a line of their own, without those of tables."""

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
_HIDING_STYLE = re.compile(r"(?:^|;|\s)(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))", re.IGNORECASE)


def hides(style: str) -> bool:
    """Whether an element with this `style` attribute is not shown."""
    return _HIDING_STYLE.search(style) is not None
