"""Words that open a question, and small tools over its text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .scan import Mask

__all__ = ["LOW", "OPENER", "RETURN", "blank", "is_opening", "sentences_of"]

LOW = frozenset({"fewest", "least", "lowest", "smallest", "minimum", "bottom", "last", "worst"})
_POLITE = r"^\W*(?:please\s+|can you\s+|could you\s+|i want to know\s+|tell me\s+)*"
_VERBS = (
    "list|show|give|return|find|display|get|calculate|compute|report|provide|present|identify|determine|retrieve|select|"
    "fetch|name|count|tell|compare"
)
OPENER = re.compile(
    _POLITE + r"(?:what(?:'s|’s|\s+is|\s+are|\s+was|\s+were)?|which(?:\s+are|\s+is|\s+were)?|whose|"
    r"who(?:\s+are|\s+is|\s+were)?|(?:"
    + _VERBS
    + r")(?:\s+me)?(?:\s+out)?|how\s+many|how\s+much|how\s+(?:does|did|do)|"
    r"how\s+(?:old|long|tall|heavy|far|large|big|high|fast|expensive)|where|when)\b\s*(?:is\s+|are\s+|was\s+|were\s+)?"
)
_RELATIVE = re.compile(
    r"\b(?:who|which|that|whose|with|has|have|had|having|made|in|by|for|from|on|at|where|did|do|does|were|was|is|are|get|"
    r"gets|got|received|sold|of)\b|^\W*\w+\W+\w+ed\b"
)
RETURN = re.compile(
    r"^(?:please\s+)?(?:return|show|give|list|report|output|display|provide|include|i want|present)\b"
    r"(?:\s+me)?\s+(?:only\s+)?"
)


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Sentences of a text in lower case: a new one begins after a full stop, question mark or line."""
    found, start = [], 0
    for match in re.finditer(r"(?<!\bno)(?<!\bst)[.?!;]\s+|\n+", text):
        found.append((start, match.start() + 1))
        start = match.end()
    return [*found, (start, len(text))] if text[start:].strip() else found or [(0, len(text))]


def blank(mask: Mask, pattern: re.Pattern[str]) -> bool:
    """Mark the first match as read; whether there is one."""
    match = pattern.search(mask.text)
    if match:
        mask.blank(match.start(), match.end())
    return match is not None


def is_opening(text: str) -> bool:
    """Is there nothing before but the words that open a question, and what it asks for in a list?"""
    match = OPENER.match(text.strip() + " ")
    return match is not None and not _RELATIVE.search(text.strip()[match.end() :])
