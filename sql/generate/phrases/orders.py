"""Clauses that sort: "ordered by name", "from highest to lowest", "alphabetically"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .draft import Draft, Slot
    from .scan import Mask
    from .term import Term, Topic
    from .terms import Terms

__all__ = ["ORDER", "OrderReader"]

_BIG = "highest|largest|most|longest|newest|best|oldest|latest|biggest|greatest"
_SMALL = "lowest|smallest|least|shortest|youngest|earliest|worst|fewest"
_WAYS = "ascending|descending|alphabetical|lexicographical?|chronological|increasing|decreasing"
ORDER = re.compile(
    r"[,;]?\s*\b(?:and\s+)?(?:please\s+)?(?:"
    r"(?:order(?:ed|ing)?|(?:sort|arrange)(?:ed|ing|s)?|(?:rank|list)(?:ed|ing))\s+"  # "orders by month" are orders
    r"(?:(?:the|your)\s+(?:\w+\s+)?(?:results?|list|rows?|output|answers?)\s+|them\s+|it\s+|these\s+|results?\s+)?"
    r"(?:(?:by|based on|according to)\s+|(?=in\s+(?:the\s+)?(?:asc|desc|alpha|incr|decr|order|reverse|lexi|chron))"
    r"|(?=from\s+)|(?=alphabetic)|(?=starting)|(?=with the))"
    rf"|(?=starting\s+(?:from|with)\b)|(?=in\s+(?:an?\s+|the\s+)?(?:{_WAYS})(?:\s+(?:alphabetical\s+)?order)?\b)"
    r"|(?=in\s+order\s+of\b)"
    rf"|(?=from (?:the )?(?:{_BIG}|{_SMALL})\b[^.?!]{{0,60}} to (?:the )?\w+)|(?=\balphabetically\b))"
)
_END = re.compile(r"[.?!;](?:\s|$)|,\s*(?:and\s+)?(?:return|show|give|list|limit)\b|$")
_DESC = re.compile(
    r"\bdesc(?:ending)?\b|\bdecreasing\b|\breverse\b"
    rf"|\bfrom (?:the )?(?:{_BIG}|high)\b|\b(?:{_BIG})(?:\s+\w+){{0,3}}\s+first\b"
    rf"|\bstarting (?:from|with) (?:the )?(?:{_BIG})\b"
)
_WAY = re.compile(
    rf"\b(?:in\s+)?(?:an?\s+|the\s+)?(?:asc|desc|reverse|alphabetic|{_WAYS})(?:ly)?(?:\s+alphabetical)?"
    r"(?:\s+order)?(?:\s+(?:of|by)\b)?|\bin\s+order\s+of\b"
    r"|\bfrom (?:the )?\w+(?:\s+\w+){0,3}? to (?:the )?\w+|\bwith the (?:\w+\s+){1,4}first\b"
    r"|\bstarting (?:from|with) (?:the )?\w+(?: \w+)? to (?:the )?\w+|\bstarting (?:from|with) (?:the )?\w+"
    rf"|\b(?:{_BIG}|{_SMALL}) first\b|\balphabetically\b"
)
# "from the best ratings to the lowest" says with its direction what is sorted.
_SORTED_BY = re.compile(rf"\bfrom (?:the )?(?:{_BIG}|{_SMALL}) (?!to\b)([^\W\d_]+)")
_PARTS = re.compile(r"\s+and then(?: by)?\s+|\s+then by\s+|,\s*(?:and\s+)?(?:then\s+)?(?:by\s+)?")
_EDGES = re.compile(r"\b(?:order|by|first|results?|the|in|of)\b(?=\s*$)|^\s*(?:by|of|in)\b")


@dataclass(frozen=True)
class OrderReader:
    """Reads clauses that sort."""

    terms: Terms

    def cut(self, mask: Mask) -> list[str]:
        """Their texts; they are blanked."""
        found = []
        for match in list(ORDER.finditer(mask.text)):
            end = _END.search(mask.text, match.end())
            stop = end.start() if end else len(mask.text)
            text = mask.text[match.end() : stop]
            if text.strip():
                found.append(text)
            mask.blank(match.start(), stop)
        return found

    def apply(self, texts: list[str], draft: Draft, topic: Topic) -> None:
        """Sort keys of the draft, whose targets are known by now."""
        parts = [part for text in texts for part in _PARTS.split(text)]
        keys = [(slot, bool(_DESC.search(part))) for part in parts if (slot := self._slot(part, draft, topic))]
        if not keys:
            return
        if draft.ranked and draft.limit is not None and draft.order:
            # "Which papers have the most authors, ordered by the number of authors": all of them, with the number.
            draft.ranked, draft.limit, draft.counts = False, None, True
        draft.order = keys

    def _slot(self, part: str, draft: Draft, topic: Topic) -> Slot:
        name = _EDGES.sub(" ", _WAY.sub(" ", part)).strip(" .,")
        said = _SORTED_BY.search(part)
        name = name or (said[1] if said else "")
        slot = self.terms.read(name, topic) if name else []
        return slot or (self._sorted_target(part, draft) if draft.targets else [])

    def _sorted_target(self, part: str, draft: Draft) -> Slot:
        """What is sorted where only the direction is said: numbers by size, else the names."""
        measures = [slot for slot in draft.targets if slot[0].kind == "measure"]
        if "alphabet" in part or "lexic" in part or not measures:
            plain = [slot for slot in draft.targets if slot[0].kind != "measure"]
            numbers = [slot for slot in plain if self._is_number(slot[0])]
            if numbers and "alphabet" not in part:
                return numbers[0]
            return (plain or draft.targets)[0]
        return measures[0]

    def _is_number(self, term: Term) -> bool:
        facts = self.terms.facts(term.expressions[0]) if term.expressions else None
        return (facts is None and term.kind == "column") or (facts is not None and facts.kind in {"number", "date"})
