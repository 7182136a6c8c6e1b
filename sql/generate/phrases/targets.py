"""What a question asks to be shown: the list after its opening words, and lists such as "Return the id and name"."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from .openers import OPENER, RETURN
from .orders import ORDER
from .scan import phrase_at, split_list
from .term import Term
from .windows import rank_over

if TYPE_CHECKING:
    from .draft import Draft, Slot
    from .scan import Mask
    from .term import Topic
    from .terms import Terms

__all__ = ["TargetReader"]

_ALSO = re.compile(
    r"[,;]?\s*\b(?:and|also)\s+(?:also\s+)?(what\s+(?:is|are|was|were)|how\s+many|how\s+much|their|its|his|her)\s+"
)
_AGGREGATE = re.compile(
    r"^(?:the\s+)?(average|mean|maximum|max|highest|largest|minimum|min|lowest|smallest|total|sum)\b"
)
_PARENTHESIS = re.compile(r"^\W*(?:return|show|list|give|find|get)\b[^(.?!]{3,60}\(([^()]{3,80})\)")
_CUT = re.compile(r"\b(?:for|where|that|sorted|ordered|starting|in ascending|in descending)\b|\.(?:\s|$)")
_EVERYTHING = re.compile(
    r"^(?:all|every|the)?\s*(?:the\s+)?(?:all\s+)?(?:information|details|data|columns|contents|everything)\b(?:\s+(?:about|on)\b|\s*$)|"
    r"^(?:all\s+(?:the\s+)?|complete\s+|full\s+)(?:information|details|data|columns|contents)\b|^everything\b"
)
_ELAPSED = re.compile(
    r"(?:^|\bthe\s+|\band\s+|,\s*)(?:(?!and\b|the\b)\w+\s+){0,3}?(?:time|days|difference|gap|period|interval|delay)\b"
    r"(?:[^,.?;]{0,30}?\b(?:from|between)\s+([^,.?;]{3,40}?)\s+(?:to|and|until)\s+([^,.?;]{3,40})"
    r"|\s+(?:to|until)\s+([^,.?;]{3,40}?)\s+since\s+([^,.?;]{3,40}))"
)
_FUNCTION = re.compile(r"\b(?:average|mean|total|maximum|minimum)\b")
_FUNCTIONS: dict[str, Any] = {
    "average": exp.Avg, "mean": exp.Avg, "total": exp.Sum, "maximum": exp.Max, "minimum": exp.Min,
}  # fmt: skip
_AVERAGE_COUNT = re.compile(r"^(?:the\s+)?(?:average|mean)\s+(?:number|count)\s+of\s+(.+)$")
_COUNTED = re.compile(r"^(?:the )?(?:total )?(?:number|count) of ")
_THE_COUNT = re.compile(r"^(?:the\s+|their\s+)?(?:total\s+)?(?:counts?|number|numbers|totals?)$")
_HEADS = re.compile(r"(?:the\s+|total\s+)*(?:head\s?counts?|number|count)")
_WITH_THEIR = re.compile(r"\s*,?\s*with\s+(?:their|its)\s+(?:respective\s+|own\s+)?")
_WITH_ITS = re.compile(r"[\s;,]*(?:along\s+|together\s+)?with\s+(?:(?:its|their|the|his|her)\s+)?(?:respective\s+)?")
_RANK = re.compile(r"\brank(?:ing)?s?\b")
_RANK_BY = re.compile(r"\brank\w*\b.*?\b(?:by|based on|according to|in terms of)\s+(.+)")
_HOW_WORD = re.compile(r"how\s+(old|long|tall|heavy|far|large|big|high|fast|expensive)")
_HOW = {
    "old": "age", "long": "duration", "tall": "height", "heavy": "weight", "far": "distance", "large": "size",
    "big": "size", "high": "height", "fast": "speed", "expensive": "price",
}  # fmt: skip


@dataclass(frozen=True)
class TargetReader:
    """Reads what is to be shown."""

    terms: Terms

    def cut_list(self, mask: Mask, spans: list[tuple[int, int]]) -> str:
        """The list of a later sentence such as "Return the id and name."; that sentence is blanked."""
        found = self._parenthesis(mask)
        for start, end in spans[1:]:
            match = RETURN.match(mask.text[start:end])
            if not match or ORDER.match(mask.text[start:end]):
                continue
            body = re.sub(r"\([^)]*\)", " ", mask.text[start + match.end() : end])
            cut = _CUT.search(body)
            text = body[: cut.start()] if cut else body
            if split_list(text):
                found = found or text
                mask.blank(start, start + match.end() + len(text))
        return found

    def _parenthesis(self, mask: Mask) -> str:
        """The list in "users (user ID and username)"."""
        match = _PARENTHESIS.search(mask.text)
        if match is None or not re.search(r",|\band\b", match[1]):
            return ""
        mask.blank(match.start(1) - 1, match.end(1) + 1)
        return match[1]

    def also(self, mask: Mask, topic: Topic) -> list[Slot]:
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

    def read(self, mask: Mask, draft: Draft, topic: Topic) -> list[Slot]:
        """What the opening words ask for."""
        text = mask.text.lstrip(" ,.;")
        offset = len(mask.text) - len(text)
        match = OPENER.match(text)
        start = offset + (match.end() if match else 0)
        opener = match[0] if match else ""
        rest = mask.text[start:]
        phrase, _ = phrase_at(mask.text, start)
        if (counted := _AVERAGE_COUNT.match(phrase)) and draft.groups:
            draft.averaged = True
            slot = [term for term in self.terms.read(f"number of {counted[1]}", topic) if term.kind == "measure"]
            return [slot] if slot else []
        if re.search(r"how\s+many", opener) or re.match(r"\W*(?:please\s+)?count\b", opener):
            phrase = _COUNTED.sub("", phrase)
            slot = self.terms.read(f"number of {phrase}", topic) if phrase else self._counted(topic)
        elif found := _HOW_WORD.search(opener):
            slot = self.terms.read(_HOW[found[1]], topic)
        elif opener.strip() == "when":
            slot = self.terms.moments(rest, topic)
        elif re.search(r"how\s+much", opener):
            phrase = re.sub(r"^(?:the\s+)?total\s+", "", phrase)
            slot = self.terms.read(f"total {phrase or rest}", topic) or self.terms.read(f"total {rest}", topic)
        else:
            return self._listed(mask.text, start, draft, topic)
        return [slot] if slot else []

    def _counted(self, topic: Topic) -> Slot:
        return [Term(0.6, (self.terms.count(name),), name, "measure") for name in self.terms.subjects(topic)]

    def _listed(self, text: str, start: int, draft: Draft, topic: Topic) -> list[Slot]:
        # "List each role with its headcount": the role is a group by now.
        with_its = _WITH_ITS.match(text, start) if draft.groups else None
        start = with_its.end() if with_its is not None else start
        phrase, end = phrase_at(text, start, lists=True, most=24)
        if elapsed := self._elapsed(text[start:], topic):
            return elapsed
        everything = _EVERYTHING.match(phrase)
        if everything and draft.subject:
            star = exp.Column(this=exp.Star(), table=exp.to_identifier(draft.subject))
            return [[Term(0.95, (star,), draft.subject)]]
        found = self.list_of(phrase, topic)
        # "buyers with their total tons" shows both.
        also = _WITH_THEIR.match(text, end) if found else None
        if also is not None:
            more, _ = phrase_at(text, also.end(), lists=True, most=12)
            found += [slot for slot in self.list_of(more, topic) if slot[0].key not in [one[0].key for one in found]]
        return found or ([[Term(0.6, (), draft.subject, "thing")]] if draft.subject else [])

    def _elapsed(self, text: str, topic: Topic) -> list[Slot]:
        """What stands before "the time from joining to the first order", and that time."""
        match = _ELAPSED.search(text)
        if match is None:
            return []
        before, after = (match[1], match[2]) if match[1] else (match[4], match[3])
        slot = self.terms.elapsed(before, after, topic) or self._difference(before, after, topic)
        said = _FUNCTION.search(match[0][: match.start(1) - match.start()] if match[1] else match[0])
        aggregate = _FUNCTIONS[said[0]] if said else None
        if aggregate is not None:
            slot = [
                replace(term, expressions=(aggregate(this=term.expressions[0]),), kind="measure")
                for term in slot
                if term.kind == "column"
            ]
        return [*self.list_of(text[: match.start()], topic), slot] if slot else []

    def _difference(self, one: str, other: str, topic: Topic) -> Slot:
        """The difference of two numbers: "the highest and the lowest price" share the last word."""
        alone = _AGGREGATE.match(one)
        if alone and not one[alone.end() :].strip():
            one = f"{one.strip()} {_AGGREGATE.sub('', other).strip()}"
        left, right = self.terms.read(one, topic), self.terms.read(other, topic)
        return [
            replace(a, score=min(a.score, b.score), expressions=(_minus(a, b),))
            for a, b in zip(left, right, strict=False)
            if len(a.expressions) == 1 == len(b.expressions) and a.kind == b.kind and a.key != b.key
        ]

    def list_of(self, text: str, topic: Topic, draft: Draft | None = None) -> list[Slot]:
        """Readings of each part of a list; "minimum and maximum age" and "average age and weight" share their words."""
        found: list[Slot] = []
        parts = split_list(text)
        before = ""
        for number, part in enumerate(parts):
            if _RANK.search(part):
                found.append(self._rank(part, topic))
                continue
            if _HEADS.fullmatch(part):
                found.append(self._counted(topic))
                continue
            if draft is not None and _THE_COUNT.match(part):
                found.append(self._known_count(draft, topic))
                continue
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
        return self._ranked(found)

    def _known_count(self, draft: Draft, topic: Topic) -> Slot:
        """ "the count" is the measure that was asked for before, else that of what is spoken of."""
        measures = [slot for slot in (*draft.targets, *(slot for slot, _ in draft.order)) if slot[0].kind == "measure"]
        return measures[0] if measures else self._counted(topic)

    def _rank(self, part: str, topic: Topic) -> Slot:
        """ "rank by total amount"; without a measure [], for the list to say."""
        by = _RANK_BY.search(part)
        slot = self.terms.read(by[1], topic) if by else []
        return [replace(term, expressions=(rank_over(term.expressions[0]),)) for term in slot if term.kind == "measure"]

    def _ranked(self, found: list[Slot]) -> list[Slot]:
        """A rank of which the measure is not said is one by the last measure of the list."""
        measures = [slot for slot in found if slot and slot[0].kind == "measure"]
        last = measures[-1] if measures else []
        ranks = [
            replace(term, expressions=(rank_over(term.expressions[0]),)) for term in last if term.kind == "measure"
        ]
        return [slot or ranks for slot in found if slot or ranks]


def _minus(one: Term, other: Term) -> Any:
    return exp.Sub(this=one.expressions[0].copy(), expression=other.expressions[0].copy())
