"""Groups: "for each customer", "per month", "in different cities", and tests on them: "with more than 2 orders"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .draft import Having
from .scan import NUMBER, number_of, phrase_at
from .term import Topic

if TYPE_CHECKING:
    from .draft import Slot
    from .scan import Mask
    from .terms import Terms

__all__ = ["SPENT_MORE", "GroupReader"]

_GROUP = re.compile(
    r"\b(?:(?:for|in|of|by|at|on|to|from|within|with|across|does|do|did|has)\s+)?(?:each|every)\s+(?:of\s+the\s+)?"
    r"(?:individual\s+|unique\s+|distinct\s+|different\s+)?"
    r"|\bper\s+|\b(?:grouped|split|broken\s+down|segmented|group|grouping|aggregated)\s+by\s+(?:the\s+)?"
    r"|\bacross\s+(?:all\s+)?(?:the\s+)?(?:different\s+|various\s+)?"
    r"|\b(?:for|in|of|at)\s+(?:all\s+(?:the\s+)?)?(?:different|various)\s+|\bby\s+(?=month|year|day|week|date\b)"
)
_BY = re.compile(
    r"^\W*(?:(?:please\s+)?(?:show|list|give|what\s+(?:is|are|was|were)|find|get|calculate)\s+(?:me\s+)?)?(?:the\s+)?"
    r"(?:total|average|mean|number|count|sum|revenues?|sales|turnover|spend|spending|maximum|minimum|highest|lowest|how\s+many|"
    r"(?:[^\W\d_]+\s+){0,2}(?:revenue|sales|count|total|number))\b(?:\s+[^\W\d_][\w-]*){0,5}?\s+"
    r"(?<!ordered )(?<!sorted )(?<!ranked )(?<!made )(?<!placed )(?<!written )(?<!ed )by\s+"
)
_ANY_BY = re.compile(r"(?<!ed )(?<!made )(?<!written )\bby\s+(?:the\s+)?")
_ORDERS = re.compile(
    r"\b(?:list|show|give|find|return|display|calculate|compute|report|tell|what|how|which|count|get)\b.*"
)
_MOST_GROUPS = 2
_SURE = 0.7
_MORE = re.compile(r"\s+and\s+(?:(?:each|per|in each|for each)\s+)?")
_OTHER = re.compile(r"\b(?:the|number|total|average)\b")
_PERIODIC = {"monthly": "month", "yearly": "year", "annual": "year", "annually": "year", "daily": "day"}
_COMPARED = (
    "more than|at least|fewer than|less than|at most|exactly|over|no fewer than|no less than|no more than|a minimum of|"
    "greater than|only"
)
_HAVING = re.compile(
    rf"\b(?:({_COMPARED}|(?:have|has|had|having|wrote|written|belongs? to|with))\s+)({NUMBER})"
    rf"(\s+or\s+(?:more|fewer|less))?\s+|\b({NUMBER})(\s+or\s+(?:more|fewer|less))\s+"
)
SPENT_MORE = re.compile(
    r"\b(?:(?:who|that|which)\s+)?(?:have\s+|has\s+)?(?:spent|spend|spends)\s+"
    r"(more than|over|at least|less than|fewer than|at most|greater than)\s+[$€£]?(\d[\d,]{0,10})"
    r"(?:\s+(?:dollars|euros))?(?:\s+(?:in\s+total|overall|altogether|in\s+all))?\b"
)
_OPS = {
    "more than": ">", "over": ">", "greater than": ">", "at least": ">=", "no fewer than": ">=", "no less than": ">=",
    "a minimum of": ">=", "fewer than": "<", "less than": "<", "at most": "<=", "no more than": "<=",
}  # fmt: skip


@dataclass(frozen=True)
class GroupReader:
    """Reads what rows are grouped by, and tests on groups."""

    terms: Terms

    def read(self, mask: Mask, topic: Topic, *, ratio: bool = False) -> list[Slot]:
        """What the rows are grouped by; the phrases are blanked.

        Args:
            mask: What is left of the question.
            topic: What it is about.
            ratio: A quotient was read before, after which any "by" tells the groups.
        """
        found: list[Slot] = []
        for match in list(_GROUP.finditer(mask.text)):
            if not mask.text[match.start() : match.end()].strip():
                continue
            phrase, end = phrase_at(mask.text, match.end())
            begin = end - len(phrase)
            # "for every farm list the number of workers"
            order = _ORDERS.search(phrase)
            phrase = phrase[: order.start()] if order is not None else phrase
            terms, used = self.terms.beginning(phrase, topic, most=5)
            slot = [term for term in terms if term.kind != "measure"]
            if slot:
                found.append(slot)
                end = begin + len(used)
                mask.cut(match.start(), end)
                found += self._further(mask, end, topic)
        if ratio and not found:
            found = self._by(mask, topic, _ANY_BY)
        if found and len(found) < _MOST_GROUPS:
            found += [
                slot for slot in self._by(mask, topic, _ANY_BY) if slot[0].key not in [one[0].key for one in found]
            ]
        return found or self._by(mask, topic) or self._periodic(mask, topic)

    def _by(self, mask: Mask, topic: Topic, pattern: re.Pattern[str] = _BY) -> list[Slot]:
        """What follows "by" after a measure: "total revenue by category"."""
        match = pattern.search(mask.text)
        if match is None:
            return []
        phrase, end = phrase_at(mask.text, match.end(), most=3)
        slot = self._slot(phrase, topic)
        if not slot or slot[0].score < _SURE:
            return []
        mask.cut(match.end() - 3, end)
        return [slot, *self._further(mask, end, topic)]

    def _further(self, mask: Mask, end: int, topic: Topic) -> list[Slot]:
        """The rest of "per customer and month"."""
        more = _MORE.match(mask.text, end)
        if more is None:
            return []
        phrase, stop = phrase_at(mask.text, more.end())
        slot = self._slot(phrase, topic) if stop - more.end() < 30 and not _OTHER.search(phrase) else []
        if not slot:
            return []
        mask.blank(more.start(), stop)
        return [slot]

    def _periodic(self, mask: Mask, topic: Topic) -> list[Slot]:
        """Months of "monthly", unless a column or table is called so ("daily price")."""
        for word, unit in _PERIODIC.items():
            match = re.search(rf"\b{word}\b", mask.text)
            if match and not self.terms.lexicon.similar(word):
                slot = self.terms.moments("", topic, unit)
                mask.blank(match.start(), match.end())
                return [slot] if slot else []
        return []

    def _slot(self, phrase: str, topic: Topic) -> Slot:
        return [term for term in self.terms.read(phrase, topic, most=5) if term.kind != "measure"]

    def _spending(self, mask: Mask, topic: Topic | None) -> list[Having]:
        """Tests on the sum of each row: "spent more than 30 in total"."""
        match = SPENT_MORE.search(mask.text)
        # Lines that are sold are known without the question; other amounts by the tables that it names.
        about = Topic() if topic is None or self.terms.sums.products else topic
        spent = self.terms.read("total spend", about) if match else []
        slot = [term for term in spent if term.kind == "measure"]
        number = number_of(match[2].replace(",", "")) if match else None
        if match is None or number is None or not slot:
            return []
        mask.blank(match.start(), match.end())
        return [Having(_OPS[match[1]], number, tuple(slot))]

    def tests(self, mask: Mask, topic: Topic | None = None) -> list[Having]:
        """Tests on the number of things of each row, which are blanked: "more than 2 orders"."""
        found = self._spending(mask, topic)
        for match in list(_HAVING.finditer(mask.text)):
            word, digits, tail = match[1], match[2] or match[4], match[3] or match[5] or ""
            number = number_of(digits)
            phrase, end = phrase_at(mask.text, match.end(), most=4)
            slot = [term for term in self.terms.things(phrase) if term.score >= 0.6]
            if number is None or not slot:
                continue
            op = ">=" if "more" in tail else "<=" if tail else _OPS.get(word or "", "=")
            counts = tuple(replace(t, expressions=(self.terms.count(t.table),), kind="measure") for t in slot)
            found.append(Having(op, number, counts))
            mask.blank(match.start(), end)
        return found
