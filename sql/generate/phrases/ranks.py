"""Ranks: "top 5 countries by number of customers", "the most orders", "the oldest patient"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .measures import SPENT
from .names import key_column
from .openers import LOW, OPENER, is_opening
from .scan import NUMBER, number_of, phrase_at
from .superlatives import ADJECTIVES, is_count_adjective, superlative
from .term import Term

if TYPE_CHECKING:
    from .draft import Draft, Slot
    from .scan import Mask
    from .term import Topic
    from .terms import Terms

__all__ = ["RankReader"]

_TOP = re.compile(
    rf"\b(?:the\s+)?(?:(top|bottom|first|last)\s+({NUMBER})|({NUMBER})\s+(?:distinct\s+|different\s+)?"
    r"(?=(?:most|least|highest|lowest|largest|smallest|oldest|youngest|newest|latest|cheapest|longest|shortest|best|worst|"
    r"biggest|tallest|heaviest)\b))\s*"
)
_BY = re.compile(
    r"\s*(?:,\s*)?(?:ranked |ordered |sorted |based |measured )?(?:by|on|in terms of|according to|with respect to)\s+"
    r"(?:the\s+|their\s+)?(?:(highest|largest|most|greatest|lowest|smallest|fewest|least)\s+)?"
)
_MOST = re.compile(
    r"\b(?:(?:with|has|have|had|having|made|received|got|in|by|of)\s+)?(?:the\s+)?"
    r"(?<!\bat )(most|fewest|least|highest|largest|greatest|lowest|smallest|biggest|maximum|minimum|best|worst)\b"
    r"(?:\s+(?:total\s+)?(?:number|count|no\.)\s+of|\s+number)?\s+"
)

_SELLING = re.compile(r"\b(?:the\s+)?(best|most|top|worst|least)[\s-]+(?:selling|sold)\b")
_SPENDING = re.compile(
    r"\b(?:has\s+|have\s+)?(?:(spent|spends?|paid|pays?)\s+the\s+(most|least)\b(?:\s+(?:money|overall|in\s+total))?"
    r"(?=\s*(?:[.?,]|$|on\b|in\b|and\b))|"
    r"(?:earned|earns?|made|makes?|generated|generates?|brought\s+in|brings?\s+in)\s+the\s+(most|least)\s+(?:money|revenue|income)\b)"
)
_SEVERAL = re.compile(rf"^\W*(?:which|what|list|show|name|find)\s+(?:are\s+|were\s+)?(?:the\s+)?({NUMBER})\s+(?=[a-z])")
_RANKED = re.compile(r"^\W*rank\s+(?:all\s+)?(?:the\s+)?")
_LATELY = re.compile(r"\b([^\W\d_]{3,}ed)\s+(most\s+recently|last|latest|first|earliest)\b(?!\s+\d)")
_BETWEEN = re.compile(r"\bbetween\s+(?:the\s+)?(?:[^\W\d_]+\s+and\s+(?:the\s+)?)?$")
_PRICED = re.compile(r"(?:most|least)\s+expensive|cheapest|priciest|longest|shortest|largest|biggest|smallest")
_LESS = re.compile(r"least|cheapest|shortest|smallest")
_ORDINALS = ("sec", "thi", "fou", "fif", "six")
_NTH = re.compile(
    r"\b(second|third|fourth|fifth|sixth)(?:\s+|-)(?=(?:most|least|fewest|highest|lowest|greatest|[^\W\d_]{2,}(?:est|iest))\b)"
)
_CLEAR = 0.6
# "the most recent balance" is a column of the latest row; "the largest price" is the price itself.
_OF_COLUMNS = frozenset({"latest", "most recent", "newest", "earliest", "oldest"})
_POSSESSED = re.compile(r"\b(?:their|its|his|her|to)\s+(?:the\s+)?(?:very\s+)?$")


@dataclass(frozen=True)
class RankReader:
    """Reads ranks into the order and the limit of a draft."""

    terms: Terms

    def top(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        """The number of rows of "top 5", and what ranks them where it is said with it."""
        self._nth(mask, draft)
        if self._ranking(mask, draft, topic):
            return
        match = _TOP.search(mask.text)
        if match is None:
            return
        draft.limit = number_of(match[2] or match[3])
        draft.ranked = True
        low = match[1] in LOW
        if match[1] is None:
            mask.blank(match.start(3), match.end(3))
            return  # "the 3 oldest": the superlative says the rest
        phrase, end = phrase_at(mask.text, match.end())
        counted = is_count_adjective(phrase)
        by = _BY.match(mask.text, end)
        if not by and not counted:
            # "the top 5 combinations of state and type by number of orders"
            phrase, stop = phrase_at(mask.text, match.end(), lists=True)
            by = _BY.match(mask.text, stop)
            end = stop if by else end
        if counted:
            phrase = phrase[counted.end() :].strip()
            draft.order = [
                (self._count_slot(phrase, topic, counted[0]), not low and not counted[0].startswith("least"))
            ]
        elif by:
            key, stop = phrase_at(mask.text, by.end())
            slot = self._measure_slot(key, topic)
            if slot:
                draft.order = [(slot, not (low or by[1] in LOW))]
                mask.blank(end, stop)
        mask.blank(match.start(), match.end())
        if counted:
            mask.blank(match.end(), match.end() + counted.end())

    def _nth(self, mask: Mask, draft: Draft) -> None:
        """How many rows come before "the second highest"; the superlative says the rest."""
        match = _NTH.search(mask.text)
        if match is not None:
            draft.offset = _ORDINALS.index(match[1][:3]) + 1
            mask.blank(match.start(1), match.end(1))

    def _ranking(self, mask: Mask, draft: Draft, topic: Topic) -> bool:
        """What "Rank the customers by total amount" ranks by."""
        opener = _RANKED.match(mask.text)
        phrase, end = phrase_at(mask.text, opener.end()) if opener else ("", 0)
        by = _BY.match(mask.text, end) if phrase else None
        if by is None or opener is None:
            return False
        key, stop = phrase_at(mask.text, by.end())
        slot = self._measure_slot(key, topic)
        if slot:
            draft.order, draft.counts = [(slot, by[1] not in LOW)], True
            mask.blank(opener.start(), opener.end())
            mask.blank(end, stop)
        return bool(slot)

    def _selling(self, mask: Mask, draft: Draft, topic: Topic) -> bool:
        """ "the best-selling product" has the largest quantity over all orders."""
        match = _SELLING.search(mask.text)
        units = self.terms.read("number of units", topic) if match else []
        slot = [term for term in units if term.kind == "measure"]
        if match is None or not slot or not self.terms.sums.units("units", topic):
            return False
        self._rank(draft, slot, match[1] not in LOW)
        mask.blank(match.start(), match.end())
        return True

    def _spending(self, mask: Mask, draft: Draft, topic: Topic) -> bool:
        """ "which member spent the most"."""
        match = _SPENDING.search(mask.text)
        paid = match is not None and (match[1] or "").startswith("pa")
        slot = self.terms.read("total paid" if paid else "total spend", topic) if match else []
        slot = [term for term in slot if term.kind == "measure"]
        if match is None or not slot:
            return False
        self._rank(draft, slot, (match[2] or match[3]) not in LOW)
        mask.cut(match.start(), match.end())
        return True

    def several(self, text: str, draft: Draft) -> None:
        """The number of rows of "which 3 products have the highest price", of which one was read."""
        match = _SEVERAL.match(text)
        if match is not None and draft.ranked and draft.limit == 1:
            draft.limit = number_of(match[1])

    def most(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        """What "the most" or a superlative ranks by, unless it is known."""
        if draft.order or self._selling(mask, draft, topic) or self._spending(mask, draft, topic):
            return
        if self._adjective(mask, draft, topic) or self._adverb(mask, draft, topic):
            return
        for match in _MOST.finditer(mask.text):
            opens = self._opens(mask.text[: match.start(1)], topic)
            draft.itself = opens and bool(draft.offset)
            if opens and not draft.offset and " of" not in match[0]:
                counted = is_count_adjective(mask.text[match.start(1) :])
                if not counted:
                    continue
            desc = match[1] not in LOW
            phrase, end = phrase_at(mask.text, match.end())
            counted = is_count_adjective(mask.text[match.start(1) :])
            if counted:
                phrase, end = phrase_at(mask.text, match.start(1) + counted.end())
                slot = self._count_slot(phrase, topic, counted[0])
                end = match.start(1) + counted.end()
            else:
                slot = self._ranked_by(match, phrase, topic)
                by = _BY.match(mask.text, end) if slot and self.terms.things(phrase) else None
                key, stop = phrase_at(mask.text, by.end()) if by else ("", 0)
                # "the largest farm by area"
                if key and (named := self._measure_slot(key, topic)):
                    slot = named
                    mask.blank(end, stop)
                    end = match.end()
            if slot:
                self._rank(draft, slot, desc)
                mask.blank(match.start(), end)
                return

    def _adverb(self, mask: Mask, draft: Draft, topic: Topic) -> bool:
        """ "who was hired most recently": the day of the event ranks."""
        match = _LATELY.search(mask.text)
        days = self.terms.moments(match[1], topic)[:1] if match is not None else []
        facts = self.terms.facts(days[0].expressions[0]) if days else None
        named = self.terms.lexicon.similar(match[1]) if match is not None else {}
        if match is None or facts is None or not set(named) & set(facts.name.stems):
            return False
        self._rank(draft, days, match[2] not in {"first", "earliest"})
        mask.blank(match.start(), match.end())
        return True

    def _opens(self, text: str, topic: Topic) -> bool:
        """Is there nothing before a superlative but the opening words: no "which manufacturer operated"?"""
        if _BETWEEN.search(text):
            return True  # "the difference between the highest and the lowest"
        if not is_opening(text):
            return False
        opener = OPENER.match(text.strip() + " ")
        between = text.strip()[opener.end() :] if opener else ""
        between = re.sub(r"\b(?:the|an?)\s*$", "", between).strip(" ,")
        if len(between.split()) < 2 or re.search(r",|\band$", between):
            return True
        # A verb stands between what is asked for and the superlative.
        phrase, verb = between.rsplit(None, 1)
        named = self.terms.read(phrase, topic)
        return not named or named[0].score < _CLEAR or bool(self.terms.things(verb)) or verb in {"most", "very"}

    def _ranked_by(self, match: re.Match[str], phrase: str, topic: Topic) -> Slot:
        if "number" in match[0] or "count" in match[0]:
            return self._measure_slot(f"number of {phrase}", topic)
        if SPENT.search(phrase) and not self.terms.things(phrase):
            return self._measure_slot(f"total {phrase}", topic)
        if match[1] in {"most", "fewest", "least"}:
            # "the most orders" counts orders, "the most money" does not.
            return [*self.terms.read(f"number of {phrase}", topic), *self.terms.read(f"total {phrase}", topic)][:4]
        return self._measure_slot(phrase, topic)

    def _rank(self, draft: Draft, slot: Slot, desc: bool) -> None:
        draft.order, draft.ranked = [(slot, desc)], True
        draft.limit = draft.limit or 1

    def _adjective(self, mask: Mask, draft: Draft, topic: Topic) -> bool:
        for match in ADJECTIVES.finditer(mask.text):
            phrase, _ = phrase_at(mask.text, match.end())
            things = [thing for thing in self.terms.things(phrase)[:1] if thing.score >= _CLEAR]
            columns = self.terms.read(phrase, topic)[:1] if not things and match[1] in _OF_COLUMNS else []
            if not things and not columns and (own := self._own_column(match[1], phrase, topic)):
                self._rank(draft, own, not _LESS.match(match[1]))
                mask.blank(match.start(), match.end())
                return True
            for table in [term.table for term in (*things, *columns) if term.table]:
                ranks = superlative(match[1], self.terms.lexicon.view.table_index[table], self.terms.lexicon)
                if ranks and not _POSSESSED.search(mask.text[: match.start()]):
                    self._rank(draft, [term for term, way in ranks if way == ranks[0][1]], ranks[0][1])
                    mask.blank(match.start(), match.end())
                    return True
        return False

    def _own_column(self, word: str, phrase: str, topic: Topic) -> Slot:
        """ "the most expensive fare" is ranked by the fare itself, where no thing is called so."""
        if not _PRICED.match(word):
            return []
        found = [term for term in self.terms.read(phrase, topic) if term.kind == "column" and term.score >= _CLEAR]
        facts = [(term, self.terms.facts(term.expressions[0])) for term in found]
        return [term for term, known in facts if known is not None and known.kind == "number"]

    def _measure_slot(self, phrase: str, topic: Topic) -> Slot:
        """Readings of what things are ranked by: things are counted."""
        return [
            replace(term, expressions=(self.terms.count(term.table),), kind="measure") if term.kind == "thing" else term
            for term in self.terms.read(phrase, topic)
        ]

    def _count_slot(self, phrase: str, topic: Topic, verb: str = "") -> Slot:
        """The number of rows behind each value of what the phrase names, or of those that refer to a thing."""
        found: Slot = []
        for term in self.terms.read(phrase, topic):
            if term.kind == "thing":
                found += self._references(term, verb)
            elif term.table:
                found.append(Term(term.score, (self.terms.count(term.table),), term.table, "measure"))
        return found or [Term(0.3, (self.terms.count(name),), name, "measure") for name in self.terms.subjects(topic)]

    def _references(self, thing: Term, verb: str) -> Slot:
        """Counts of the rows that refer to a thing: the most ordered products stand in the most order lines."""
        named = {term.table for term in self.terms.things(verb)} if verb else set()
        edges = self.terms.lexicon.view.graph.neighbours(thing.table)
        key = key_column(self.terms.lexicon.view.schema.table(thing.table))
        names = dict.fromkeys(edge.other for edge in edges if edge.columns == (key,))
        found = [
            Term(thing.score * (1.0 if name in named else 0.8), (self.terms.count(name),), name, "measure")
            for name in names
        ]
        return sorted(found, key=lambda term: -term.score)
