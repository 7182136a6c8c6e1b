"""Short forms that the question or the evidence defines: "TAC = Total Active Customers"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Expanded", "Replacement", "expand"]

_Copied = tuple[str, "int | None"]  # a text, and where it stood in question + newline + evidence

_DEFINED = re.compile(r"\b([A-Z][A-Za-z]{0,9}[A-Z])\s*(?:\([^()]{0,80}\)\s*)?=\s*([^\n=]{3,300})")
_CUT = re.compile(r",\s*(?:with|where|which|i\.e\.|that is)\b|\.(?:\s|$)|;|,\s*$")
_WHICH = re.compile(r"^[^,]{0,60},\s*(?:which|that) is\s+(?:the\s+)?")
_QUOTIENT = re.compile(r"^\(?\s*([^/()]{3,120}?)\s*/\s*([^/()]{3,120}?)\s*\)?\s*(\*\s*100(?:\.0)?)?\s*$")
_MOST = 4


@dataclass(frozen=True, slots=True)
class Replacement:
    """Characters [start, end) of the question and what stands for them, each piece with where it was copied from."""

    start: int
    end: int
    copied: Sequence[_Copied]


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
        return [replace(hit, span=span) for hit in hits if (span := self._span(hit)) is not None]

    def place(self, old: int) -> int:
        """Where a character of the question stands in the new text; of one that was replaced, where its text ends."""
        for new, start, length in self.pieces:
            if start <= old <= start + length:
                return new + old - start
        return next((new for new, start, _ in self.pieces if start > old), len(self.text))

    def _span(self, hit: Any) -> tuple[int, int] | None:
        start, end = hit.span
        for new, old, length in self.pieces:
            if old <= start and end <= old + length:
                return start - old + new, end - old + new
        # Found in another part of the evidence; the value itself may stand in the meaning.
        value = str(getattr(hit, "value", ""))
        place = self.text.lower().find(value.lower()) if len(value) > 2 else -1
        return None if place < 0 else (place, place + len(value))


def expand(question: str, evidence: str, replaced: Sequence[Replacement] = ()) -> Expanded | None:
    """The question with every defined short form replaced by its meaning; None where there is none.

    A quotient is put as a ratio in words, so that it is read as one.

    Args:
        question: As asked.
        evidence: What came with it.
        replaced: Further parts of the question to replace (see `evidence`).
    """
    meanings: dict[str, list[_Copied]] = {}
    for source, offset in ((question, 0), (evidence, len(question) + 1)):
        for match in list(_DEFINED.finditer(source))[:_MOST]:
            meanings.setdefault(match[1], _meaning(match[2], offset + match.start(2)))
    first: dict[str, Replacement] = {}
    for match in re.finditer(r"\b[A-Z][A-Za-z]{0,9}[A-Z]\b", question):
        if match[0] in meanings and not _defines(question, match):
            # Once: what "return" lists again is known by then.
            first.setdefault(match[0], Replacement(match.start(), match.end(), meanings[match[0]]))
    chosen = list(replaced)
    chosen += [one for one in list(first.values())[:_MOST] if not _overlaps(one, replaced)]
    if not chosen:
        return None
    parts: list[_Copied] = []
    place = 0
    for one in sorted(chosen, key=lambda one: one.start):
        if one.start < place:
            continue
        parts += [(question[place : one.start], place), *one.copied]
        place = one.end
    parts.append((question[place:], place))
    starts = [sum(len(text) for text, _ in parts[:number]) for number in range(len(parts))]
    pieces = tuple((new, old, len(text)) for new, (text, old) in zip(starts, parts, strict=True) if old is not None)
    return Expanded("".join(text for text, _ in parts), pieces)


def _overlaps(one: Replacement, others: Sequence[Replacement]) -> bool:
    return any(one.start < other.end and other.start < one.end for other in others)


def _defines(question: str, match: re.Match[str]) -> bool:
    return bool(re.match(r"\s*(?:\([^()]*\)\s*)?=", question[match.end() :]))


def _meaning(text: str, offset: int) -> list[_Copied]:
    """The meaning in a definition's text, in pieces; a quotient as a ratio."""
    which = _WHICH.match(text)
    start = which.end() if which else 0
    cut = _CUT.search(text, start)
    text = text[start : cut.start() if cut else None].rstrip()
    quotient = _QUOTIENT.match(text)
    if quotient is None:
        return [(text, offset + start)]
    begin = offset + start
    form = "percentage ratio of " if quotient[3] else "ratio of "
    return [
        (form, None),
        (quotient[1], begin + quotient.start(1)),
        (" to ", None),
        (quotient[2], begin + quotient.start(2)),
    ]
