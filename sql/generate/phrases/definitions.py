"""Short forms that the question or the evidence defines: "TAC = Total Active Customers"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Expanded", "expand"]

_DEFINED = re.compile(r"\b([A-Z][A-Za-z]{0,9}[A-Z])\s*(?:\([^()]{0,80}\)\s*)?=\s*([^\n=]{3,300})")
_CUT = re.compile(r",\s*(?:with|where|which|i\.e\.|that is)\b|\.(?:\s|$)|;|,\s*$")
_WHICH = re.compile(r"^[^,]{0,60},\s*(?:which|that) is\s+(?:the\s+)?")
_QUOTIENT = re.compile(r"^\(?\s*([^/()]{3,120}?)\s*/\s*([^/()]{3,120}?)\s*\)?\s*(\*\s*100(?:\.0)?)?\s*$")
_MOST = 4


@dataclass(frozen=True)
class Expanded:
    """A question with its short forms spelt out.

    Attributes:
        text: The new question.
        pieces: (start in the new text, start in question + newline + evidence, length) of what was copied.
    """

    text: str
    pieces: tuple[tuple[int, int, int], ...]

    def moved(self, hits: Sequence[Any]) -> list[Any]:
        """Hits with the places of their words in the new text; those whose words are not in it are left out."""
        found = []
        for hit in hits:
            start, end = hit.span
            for new, old, length in self.pieces:
                if old <= start and end <= old + length:
                    found.append(replace(hit, span=(start - old + new, end - old + new)))
        return found


def expand(question: str, evidence: str) -> Expanded | None:
    """The question with every defined short form replaced by its meaning; None where there is none.

    A quotient is put as a ratio in words, so that it is read as one.
    """
    meanings: dict[str, tuple[int, str]] = {}
    for source, offset in ((question, 0), (evidence, len(question) + 1)):
        for match in list(_DEFINED.finditer(source))[:_MOST]:
            start, text = _meaning(match[2])
            meanings.setdefault(match[1], (offset + match.start(2) + start, text))
    first: dict[str, re.Match[str]] = {}
    for m in (
        m
        for m in re.finditer(r"\b[A-Z][A-Za-z]{0,9}[A-Z]\b", question)
        if m[0] in meanings and not _defines(question, m)
    ):
        first.setdefault(m[0], m)  # once: what "return" lists again is known by then
    used = list(first.values())
    if not used:
        return None
    parts: list[str] = []
    pieces: list[tuple[int, int, int]] = []
    place = length = 0
    for match in used[:_MOST]:
        for old, text in ((place, question[place : match.start()]), meanings[match[0]]):
            parts.append(text)
            pieces.append((length, old, len(text)))
            length += len(text)
        place = match.end()
    parts.append(question[place:])
    pieces.append((length, place, len(question) - place))
    return Expanded("".join(parts), tuple(pieces))


def _defines(question: str, match: re.Match[str]) -> bool:
    return bool(re.match(r"\s*(?:\([^()]*\)\s*)?=", question[match.end() :]))


def _meaning(text: str) -> tuple[int, str]:
    """Where the meaning begins in a definition's text, and the meaning; a quotient as a ratio."""
    start = 0
    which = _WHICH.match(text)
    if which:
        start, text = which.end(), text[which.end() :]
    cut = _CUT.search(text)
    text = text[: cut.start()] if cut else text
    quotient = _QUOTIENT.match(text.strip())
    if quotient:
        form = "percentage ratio" if quotient[3] else "ratio"
        # It no longer stands where it stood, and so its hits are not moved: -1 matches none.
        return -(10**6), f"{form} of {quotient[1]} to {quotient[2]}"
    return start, text.strip()
