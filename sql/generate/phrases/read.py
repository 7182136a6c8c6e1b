"""Reads a question phrase by phrase: what is shown, counted, grouped, sorted and kept."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .draft import Draft, Having
from .ratio import read_ratio
from .scan import NUMBER, Mask, number_of, phrase_at, split_list
from .superlatives import ADJECTIVES, is_count_adjective, superlative
from .terms import Term, Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .draft import Slot
    from .terms import Terms

__all__ = ["QuestionReader"]

_ORDER = re.compile(
    r"[,;]?\s*\b(?:and\s+)?(?:please\s+)?(?:"
    r"(?:order|sort|rank|arrange|list)(?:ed|ing|s)?\s+(?:(?:the|your)\s+(?:\w+\s+)?(?:results?|list|rows?|output|answers?)\s+|them\s+|it\s+|these\s+|results?\s+)?"
    r"(?:(?:by|based on|according to)\s+|(?=in\s+(?:the\s+)?(?:asc|desc|alpha|incr|decr|order|reverse|lexi|chron))|(?=from\s+)|(?=alphabetic)|(?=starting)|(?=with the))"
    r"|(?=starting\s+(?:from|with)\b)|(?=in\s+(?:an?\s+|the\s+)?(?:ascending|descending|alphabetical|lexicographical?|chronological|increasing|decreasing)(?:\s+(?:alphabetical\s+)?order)?\b)|(?=from (?:the )?(?:highest|largest|most|lowest|smallest|oldest|youngest|newest|shortest|longest|least)\b[^.?!]* to (?:the )?\w+)|(?=\balphabetically\b))"
)
_DESC = re.compile(
    r"\bdesc(?:ending)?\b|\bdecreasing\b|\breverse\b|\bfrom (?:the )?(?:highest|largest|most|longest|newest|best|oldest|latest|biggest|high|youngest first)\b|\b(?:highest|largest|longest|most|newest|latest|best)(?:\s+\w+){0,3}\s+first\b|\bstarting (?:from|with) (?:the )?(?:highest|largest|most|best|latest|newest|longest)\b"
)
_WAY = re.compile(
    r"\b(?:in\s+)?(?:an?\s+|the\s+)?(?:asc(?:ending)?|desc(?:ending)?|increasing|decreasing|reverse|alphabetical|alphabetic|lexicographical?|chronological)(?:ly)?(?:\s+alphabetical)?(?:\s+order)?(?:\s+(?:of|by)\b)?"
    r"|\bfrom (?:the )?\w+(?:\s+\w+){0,3}? to (?:the )?\w+|\bwith the (?:\w+\s+){1,4}first\b|\bstarting (?:from|with) (?:the )?\w+(?: \w+)? to (?:the )?\w+|\bstarting (?:from|with) (?:the )?\w+|\b(?:highest|largest|lowest|smallest|longest|shortest|newest|oldest|most|least) first\b|\balphabetically\b"
)
_GROUP = re.compile(
    r"\b(?:(?:for|in|of|by|at|on|to|from|within|with|across|does|do|did|has)\s+)?(?:each|every)\s+(?:of\s+the\s+)?(?:individual\s+|unique\s+|distinct\s+|different\s+)?"
    r"|\bper\s+|\b(?:grouped|split|broken\s+down|segmented|group|grouping|aggregated)\s+by\s+(?:the\s+)?|\bacross\s+(?:all\s+)?(?:the\s+)?(?:different\s+|various\s+)?"
    r"|\b(?:for|in|of|at)\s+(?:all\s+(?:the\s+)?)?(?:different|various)\s+|\bby\s+(?=month|year|day|week|date\b)"
)
_PERIODIC = {"monthly": "month", "yearly": "year", "annual": "year", "annually": "year", "daily": "day"}
_TOP = re.compile(
    rf"\b(?:the\s+)?(?:(top|bottom|first|last)\s+({NUMBER})|({NUMBER})\s+(?:distinct\s+|different\s+)?(?=(?:most|least|highest|lowest|largest|smallest|oldest|youngest|newest|latest|cheapest|longest|shortest|best|worst|biggest|tallest|heaviest)\b))\s*"
)
_BY = re.compile(
    r"\s*(?:,\s*)?(?:ranked |ordered |sorted |based |measured )?(?:by|on|in terms of|according to|with respect to)\s+(?:the\s+|their\s+)?(?:(highest|largest|most|greatest|lowest|smallest|fewest|least)\s+)?"
)
_MOST = re.compile(
    r"\b(?:(?:with|has|have|had|having|made|received|got|in|by|of)\s+)?(?:the\s+)?"
    r"(most|fewest|least|highest|largest|greatest|lowest|smallest|biggest|maximum|minimum|best)\b(?:\s+(?:total\s+)?(?:number|count|no\.)\s+of|\s+number)?\s+"
)
_LOW = frozenset({"fewest", "least", "lowest", "smallest", "minimum", "bottom", "last", "worst"})
_HAVING = re.compile(
    rf"\b(?:(more than|at least|fewer than|less than|at most|exactly|over|no fewer than|no less than|no more than|a minimum of|greater than|only|(?:have|has|had|having|wrote|written|belongs? to|with))\s+)({NUMBER})(\s+or\s+(?:more|fewer|less))?\s+|\b({NUMBER})(\s+or\s+(?:more|fewer|less))\s+"
)
_OPS = {
    "more than": ">", "over": ">", "greater than": ">", "at least": ">=", "no fewer than": ">=", "no less than": ">=",
    "a minimum of": ">=", "fewer than": "<", "less than": "<", "at most": "<=", "no more than": "<=",
}  # fmt: skip
_RETURN = re.compile(
    r"^(?:please\s+)?(?:return|show|give|list|report|output|display|provide|include|i want|show me|give me|present)\b(?:\s+me)?\s+(?:only\s+)?"
)
_OPENER = re.compile(
    r"^\W*(?:please\s+|can you\s+|could you\s+|i want to know\s+|tell me\s+)*(?:what(?:'s|’s|\s+is|\s+are|\s+was|\s+were)?|which(?:\s+are|\s+is|\s+were)?|whose|who(?:\s+are|\s+is|\s+were)?|(?:list|show|give|return|find|display|get|calculate|compute|report|provide|present|identify|determine|retrieve|select|fetch|name|count|tell)(?:\s+me)?(?:\s+out)?|how\s+many|how\s+much|how\s+does|how\s+(?:old|long|tall|heavy|far|large|big|high|fast|expensive)|where|when)\b\s*(?:is\s+|are\s+|was\s+|were\s+)?"
)
_ALSO = re.compile(
    r"[,;]?\s*\b(?:and|also)\s+(?:also\s+)?(what\s+(?:is|are|was|were)|how\s+many|how\s+much|their|its|his|her)\s+"
)
_JOINT = re.compile(r"\b(?:along with|as well as|together with|followed by|and also)\b(?! (?:who|which|that)\b)")
_AGGREGATE = re.compile(
    r"^(?:the\s+)?(average|mean|maximum|max|highest|largest|minimum|min|lowest|smallest|total|sum)\b"
)
_HOW = {
    "old": "age",
    "long": "duration",
    "tall": "height",
    "heavy": "weight",
    "far": "distance",
    "large": "size",
    "big": "size",
    "high": "height",
    "fast": "speed",
    "expensive": "price",
}
_RESPECTIVE = re.compile(
    r"(?:,\s*|\band\s+|\bwith\s+)?(?:\b(?:the|their)\s+)?\b(?:respective|corresponding)\s+(?:counts?|numbers?)\b|\band (?:their|the) counts?\b(?! of)"
)
_SPLIT = re.compile(
    r",?\s*\band how many (?:\w+ )?(?:do|did|are|is|have|has|were|was|does|had)(?:\s+not|n['’]t)\b[^.?!]*"
)


@dataclass(frozen=True)
class QuestionReader:
    """Reads questions about one schema."""

    terms: Terms

    def read(self, masked: str, topic: Topic, clauses: Sequence[tuple[int, int]] = ()) -> Draft:
        """The parts of a question.

        Args:
            masked: The question in lower case, with its conditions blanked out.
            topic: What it is about.
            clauses: Characters [start, end) of its conditions.
        """
        draft = Draft(
            distinct=bool(
                re.search(r"\bdistinct list\b|\bunique list\b|\bno duplicates\b|\bdifferent\b|\bdistinct\b", masked)
            )
        )
        if topic.owner is not None:
            draft.subject = self.terms.lexicon.view.table_name(topic.owner)
        mask = Mask(_JOINT.sub(lambda match: ",".ljust(len(match[0])), masked))
        spans = sentences_of(masked)
        returned = self._returned(mask, spans)
        draft.counts = _blank(mask, _RESPECTIVE)
        orders = self._orders(mask)
        draft.split = _blank(mask, _SPLIT)
        draft.ratio = read_ratio(mask, clauses, (self.terms, self._tests), topic)
        draft.having = self._tests(mask, topic)
        self._top(mask, draft, topic)
        self._groups(mask, draft, topic)
        also = self._also(mask, topic)
        self._most(mask, draft, topic)
        if draft.ratio is None:
            self._targets(mask, draft, topic)
        draft.targets += [slot for slot in also if _first(slot) not in [_first(one) for one in draft.targets]]
        self._apply_return(returned, draft, topic)
        self._sort(orders, draft, topic)
        return draft

    def _returned(self, mask: Mask, spans: list[tuple[int, int]]) -> str:
        """The list of a later sentence such as "Return the id and name."; that sentence is blanked."""
        found = self._parenthesis(mask)
        for start, end in spans[1:]:
            match = _RETURN.match(mask.text[start:end])
            if match and not _ORDER.match(mask.text[start:end]):
                body = re.sub(r"\([^)]*\)", " ", mask.text[start + match.end() : end])
                cut = re.search(
                    r"\b(?:for|where|that|sorted|ordered|starting|in ascending|in descending)\b|\.(?:\s|$)", body
                )
                text = body[: cut.start()] if cut else body
                if split_list(text):
                    found = found or text
                    mask.blank(start, start + match.end() + (cut.start() if cut else len(body)))
        return found

    def _parenthesis(self, mask: Mask) -> str:
        """The list in "users (user ID and username)"."""
        match = re.search(r"^\W*(?:return|show|list|give|find|get)\b[^(.?!]{3,60}\(([^()]{3,80})\)", mask.text)
        if match is None or not re.search(r",|\band\b", match[1]):
            return ""
        mask.blank(match.start(1) - 1, match.end(1) + 1)
        return match[1]

    def _apply_return(self, returned: str, draft: Draft, topic: Topic) -> None:
        slots = self._list(returned, topic)
        if slots:
            draft.targets, draft.returned = slots, True

    def _orders(self, mask: Mask) -> list[str]:
        """The texts of clauses that sort, which are blanked."""
        found = []
        for match in list(_ORDER.finditer(mask.text)):
            end = re.compile(r"[.?!;](?:\s|$)|,\s*(?:and\s+)?(?:return|show|give|list|limit)\b|$").search(
                mask.text, match.end()
            )
            stop = end.start() if end else len(mask.text)
            text = mask.text[match.end() : stop]
            if text.strip():
                found.append(text)
            mask.blank(match.start(), stop)
        return found

    def _sort(self, orders: list[str], draft: Draft, topic: Topic) -> None:
        keys: list[tuple[Slot, bool]] = []
        for text in orders:
            for part in re.split(r"\s+and then(?: by)?\s+|\s+then by\s+|,\s*(?:and\s+)?(?:then\s+)?(?:by\s+)?", text):
                desc = bool(_DESC.search(part))
                name = _WAY.sub(" ", part)
                name = re.sub(r"\b(?:order|by|first|results?|the|in|of)\b(?=\s*$)|^\s*(?:by|of|in)\b", " ", name).strip(
                    " .,"
                )
                slot = self.terms.read(name, topic) if name else []
                if not slot and draft.targets:
                    slot = self._sorted_target(part, draft)
                if slot:
                    keys.append((slot, desc))
        if (keys and not draft.ranked) or (keys and draft.limit is None):
            draft.order = keys
        elif keys and draft.ranked and draft.order:
            # "Which papers have the most authors, ordered by the number of authors": all of them, with the number.
            draft.ranked, draft.limit, draft.counts = False, None, True
            draft.order = keys

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

    def _top(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        match = _TOP.search(mask.text)
        if match is None:
            return
        draft.limit = number_of(match[2] or match[3])
        draft.ranked = True
        low = match[1] in _LOW
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
            draft.order = [(self._count_slot(phrase, topic), not low and not counted[0].startswith("least"))]
        elif by:
            key, stop = phrase_at(mask.text, by.end())
            slot = self._measure_slot(key, topic)
            if slot:
                draft.order = [(slot, not (low or by[1] in _LOW))]
                mask.blank(end, stop)
        mask.blank(match.start(), match.end())
        if counted:
            mask.blank(match.end(), match.end() + counted.end())

    def _measure_slot(self, phrase: str, topic: Topic) -> Slot:
        """Readings of what things are ranked by: things are counted."""
        return [
            replace(term, expressions=(self.terms.count(term.table),), kind="measure") if term.kind == "thing" else term
            for term in self.terms.read(phrase, topic)
        ]

    def _count_slot(self, phrase: str, topic: Topic) -> Slot:
        """The number of rows behind each value of what the phrase names."""
        terms = self.terms.read(phrase, topic)
        found = [Term(one.score, (self.terms.count(one.table),), one.table, "measure") for one in terms if one.table]
        return found or [Term(0.3, (self.terms.count(draft),), draft, "measure") for draft in self._subjects(topic)]

    def _subjects(self, topic: Topic) -> Iterable[str]:
        return [] if topic.owner is None else [self.terms.lexicon.view.table_name(topic.owner)]

    def _groups(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        for match in list(_GROUP.finditer(mask.text)):
            if not mask.text[match.start() : match.end()].strip():
                continue
            lists = not match[0].startswith(("for each", "per")) or True
            phrase, end = phrase_at(mask.text, match.end(), lists=False)
            slots = self._group_slots(phrase, topic)
            if not slots:
                continue
            draft.groups += slots
            mask.blank(match.start(), end)
            # "per customer and month"
            more = (
                re.compile(r"\s+and\s+(?:(?:each|per|in each|for each)\s+)?").match(mask.text, end) if lists else None
            )
            if more:
                phrase, stop = phrase_at(mask.text, more.end())
                following = self._group_slots(phrase, topic) if stop - more.end() < 30 else []
                if (
                    following
                    and following[0][0].kind != "measure"
                    and not re.search(r"\b(?:the|number|total|average)\b", phrase)
                ):
                    draft.groups += following
                    mask.blank(more.start(), stop)
        for word, unit in _PERIODIC.items():
            for match in re.finditer(rf"\b{word}\b", mask.text):
                slot = (
                    [] if self._names_column(mask.text, match.start(), topic) else self.terms.moments("", topic, unit)
                )
                if slot and not draft.groups:
                    draft.groups.append(slot)
                    mask.blank(match.start(), match.end())

    def _names_column(self, text: str, start: int, topic: Topic) -> bool:
        """Is "daily" here a part of a column's or table's name, as in "daily price"?"""
        phrase, _ = phrase_at(text, start, most=3)
        word = phrase.split()[0] if phrase else ""
        return bool(self.terms.lexicon.similar(word))

    def _group_slots(self, phrase: str, topic: Topic) -> list[Slot]:
        slot = self.terms.read(phrase, topic, most=5)
        slot = [term for term in slot if term.kind != "measure"]
        return [slot] if slot else []

    def _also(self, mask: Mask, topic: Topic) -> list[Slot]:
        """Further questions in the same sentence: ", and how many papers were published"."""
        found = []
        for match in list(_ALSO.finditer(mask.text)):
            phrase, end = phrase_at(mask.text, match.end())
            counted = "how" in match[1]
            if not phrase and counted:
                continue
            slot = self.terms.read(f"number of {phrase}" if counted else phrase, topic)
            if slot:
                found.append(slot)
                mask.blank(match.start(), end)
        return found

    def _most(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        if draft.order:
            return
        if self._adjective(mask, draft, topic):
            return
        for match in _MOST.finditer(mask.text):
            if _is_opening(mask.text[: match.start()]) and " of" not in match[0]:
                counted = is_count_adjective(mask.text[match.start(1) :])
                if not counted:
                    continue
            desc = match[1] not in _LOW
            phrase, end = phrase_at(mask.text, match.end())
            counted = is_count_adjective(mask.text[match.start(1) :])
            if counted:
                phrase, end = phrase_at(mask.text, match.start(1) + counted.end())
                slot = self._count_slot(phrase, topic)
                end = match.start(1) + counted.end()
            else:
                slot = self._ranked_by(match, phrase, topic)
            if slot:
                self._rank(draft, slot, desc)
                mask.blank(match.start(), end)
                return

    def _ranked_by(self, match: re.Match[str], phrase: str, topic: Topic) -> Slot:
        if "number" in match[0] or "count" in match[0]:
            return self._measure_slot(f"number of {phrase}", topic)
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
            for thing in self.terms.things(phrase)[:1]:
                if thing.score < 0.6:
                    continue
                ranks = superlative(match[1], self.terms.lexicon.view.table_index[thing.table], self.terms.lexicon)
                if ranks:
                    self._rank(draft, [term for term, way in ranks if way == ranks[0][1]], ranks[0][1])
                    mask.blank(match.start(), match.end())
                    return True
        return False

    def _tests(self, mask: Mask, topic: Topic) -> list[Having]:  # noqa: ARG002 - as `read_ratio` calls it
        """Tests on the number of things of each row, which are blanked: "more than 2 orders"."""
        found = []
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

    def _targets(self, mask: Mask, draft: Draft, topic: Topic) -> None:
        text = mask.text.lstrip(" ,.")
        offset = len(mask.text) - len(text)
        match = _OPENER.match(text)
        start = offset + (match.end() if match else 0)
        opener = match[0] if match else ""
        if re.search(r"how\s+many", opener) or re.match(r"\W*(?:please\s+)?count\b", opener):
            phrase, _ = phrase_at(mask.text, start)
            phrase = re.sub(r"^(?:the )?(?:total )?(?:number|count) of ", "", phrase)
            slot = self.terms.read(f"number of {phrase}", topic) if phrase else self._counted(topic)
        elif found := re.search(r"how\s+(old|long|tall|heavy|far|large|big|high|fast|expensive)", opener):
            slot = self.terms.read(_HOW[found[1]], topic)
        elif opener.strip() == "when":
            slot = self.terms.moments(mask.text[start:], topic)
        elif "how much" in re.sub(r"\s+", " ", opener):
            rest = mask.text[start:]
            phrase, _ = phrase_at(mask.text, start)
            slot = self.terms.read(f"total {phrase or rest}", topic) or self.terms.read(f"total {rest}", topic)
        else:
            self._listed(mask.text, start, draft, topic)
            return
        if slot:
            draft.targets.append(slot)

    def _counted(self, topic: Topic) -> Slot:
        return [Term(0.6, (self.terms.count(name),), name, "measure") for name in self._subjects(topic)]

    def _listed(self, text: str, start: int, draft: Draft, topic: Topic) -> None:
        phrase, _ = phrase_at(text, start, lists=True, most=24)
        draft.targets += self._list(phrase, topic)
        if not draft.targets and draft.subject:
            draft.targets.append([Term(0.6, (), draft.subject, "thing")])

    def _list(self, text: str, topic: Topic) -> list[Slot]:
        """Readings of each part of a list; "minimum and maximum age" and "average age and weight" share their words."""
        found: list[Slot] = []
        parts = split_list(text)
        before = ""
        for number, part in enumerate(parts):
            aggregate = _AGGREGATE.match(part)
            if aggregate and not part[aggregate.end() :].strip():
                noun = next((rest for one in parts[number + 1 :] if (rest := _AGGREGATE.sub("", one).strip())), "")
                slot = self.terms.read(f"{aggregate[1]} {noun}", topic)
            else:
                slot = self.terms.read(part, topic)
            if slot and not aggregate and before and slot[0].kind == "column":
                shared = [term for term in self.terms.read(f"{before} {part}", topic) if term.kind == "measure"]
                slot = [*(term for term in shared if term.score >= 0.6), *(term.scaled(0.85) for term in slot)][:4]
            before = aggregate[1] if aggregate else before if "of" not in part else ""
            if slot:
                found.append(slot)
        return found


def sentences_of(text: str) -> list[tuple[int, int]]:
    """Sentences of a text in lower case: a new one begins after a full stop, question mark or line."""
    found, start = [], 0
    for match in re.finditer(r"(?<!\bno)(?<!\bst)[.?!;]\s+|\n+", text):
        found.append((start, match.start() + 1))
        start = match.end()
    return [*found, (start, len(text))] if text[start:].strip() else found or [(0, len(text))]


def _blank(mask: Mask, pattern: re.Pattern[str]) -> bool:
    match = pattern.search(mask.text)
    if match:
        mask.blank(match.start(), match.end())
    return match is not None


def _is_opening(text: str) -> bool:
    """Is there nothing before but the words that open a question?"""
    match = _OPENER.match(text.strip() + " ")
    return match is not None and not text.strip()[match.end() :].strip(" the")


def _first(slot: Slot) -> tuple[str, ...]:
    return slot[0].key
