"""Comparisons between two columns: "returned after it was due", "earn more than their manager"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ctxprune.text.words import stem

from .averages import ADJECTIVES
from .choices import COMPARE
from .conditions import Clause, Option
from .plan import column
from .relations import to_role
from .scan import phrase_at
from .term import Term, is_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sketch.view import ColumnFacts
    from .roles import Role
    from .term import Topic
    from .terms import Terms

__all__ = ["read_pairs"]

_MORE = (
    "above|over|higher\\s+than|greater\\s+than|more\\s+than|larger\\s+than|bigger\\s+than|longer\\s+than|older\\s+than|"
    "taller\\s+than|more\\s+expensive\\s+than|exceeding|exceeds?|exceeded"
)
_LESS = (
    "below|under|lower\\s+than|less\\s+than|smaller\\s+than|shorter\\s+than|younger\\s+than|cheaper\\s+than|"
    "fewer\\s+than"
)
_LATER = "later\\s+than|after|past"
_EARLIER = "earlier\\s+than|before|prior\\s+to"
_SAME = "the\\s+same\\s+as|equals?(?:\\s+to)?|identical\\s+to|matches"
_OTHER = "different\\s+from|not\\s+equal\\s+to|not\\s+the\\s+same\\s+as|differs?\\s+from"
_COMPARED = re.compile(
    rf"\b(?:(?:is|are|was|were|be|been|that|who|which)\s+)*(?:(?P<other>{_OTHER})|(?P<same>{_SAME})|(?P<more>{_MORE})|"
    rf"(?P<less>{_LESS})|(?P<later>{_LATER})|(?P<earlier>{_EARLIER}))\s+"
    r"(?:(?:it|they|he|she)\s+(?:is|was|are|were|had\s+been)\s+|(?:that|those)\s+of\s+)?(?:(?:the|its|their|his|her|when)\s+)?"
)
_OPS = {"other": "!=", "same": "=", "more": ">", "less": "<", "later": ">", "earlier": "<"}
_MUCH = re.compile(
    r"\b(more|fewer|less|higher|greater|lower)\s+((?:[^\W\d_][\w-]*\s+){1,4})than\s+(?:the\s+|its\s+|their\s+)?"
)
_BEFORE = re.compile(
    r"(?:\b(?:whose|with|have|has|having|had|where|that|which|who|were|was|are|is|the|a|an|its|their)\s+|^|[,.;]\s*)"
    r"((?:[^\W\d_][\w-]*\s+){1,4})$"
)
_LATE = re.compile(
    r"\b((?:[^\W\d_][\w-]*\s+){1,2})(?:(?P<late>too\s+late|late|with\s+(?:a\s+)?delay)|(?P<time>on\s+time|in\s+time)|(?P<early>early))\b"
)
_PROMISES = frozenset(
    map(stem, ("due", "required", "promised", "expected", "scheduled", "estimated", "planned", "deadline", "agreed"))
)
_DAY = re.compile(r"\b(?:date|day|time)\b")
_CLEAR = 0.55
_MOST = 3
_MOST_READ = 8  # comparisons of one question


@dataclass(frozen=True, slots=True)
class _Side:
    term: Term
    facts: ColumnFacts


def read_pairs(text: str, terms: Terms, topic: Topic, roles: Sequence[Role] = ()) -> list[Clause]:
    """The comparisons between columns of a question in lower case.

    Args:
        text: The question.
        terms: Reads phrases.
        topic: What the question is about.
        roles: Of references from a table to itself, for comparisons with the row referred to.
    """
    reader = _PairReader(text, terms, topic)
    found = [*reader.with_roles(roles), *reader.much(), *reader.compared(), *reader.late()]
    kept: list[Clause] = []
    for clause in found:
        if all(clause.end <= other.start or other.end <= clause.start for other in kept):
            kept.append(clause)
    return kept


@dataclass(frozen=True)
class _PairReader:
    text: str
    terms: Terms
    topic: Topic

    def with_roles(self, roles: Sequence[Role]) -> list[Clause]:
        """ "earn more than their manager": a column of a row and the same of the row that it refers to."""
        found = []
        for role in roles:
            nouns = "|".join(re.escape(one) for one in (role.noun, *(("boss", "manager") if role.leads else ())))
            pattern = re.compile(
                rf"\b(?:(?:is|are|was|were)\s+)?(?:({_MORE}|{_LATER})|({_LESS}|{_EARLIER}))\s+"
                rf"(?:(?:that|those)\s+of\s+)?(?:the|their|its|his|her)\s+(?:own\s+|direct\s+)?(?:{nouns})s?\b"
            )
            for match in pattern.finditer(self.text):
                start, sides = self._left(match.start())
                adjective = next((noun for word, noun in ADJECTIVES.items() if word in match[0]), "")
                sides = [*sides, *(self._sides(adjective) if adjective else [])]
                sides = [side for side in sides if side.term.table == role.table]
                if not sides:
                    continue
                # Older people were born earlier.
                up = bool(match[1])
                options = [_with_role(side, ">" if up != _is_reversed(side, match[0]) else "<", role) for side in sides]
                found.append(Clause(start, match.end(), tuple(options[:_MOST])))
            found += self._shared(role, nouns)
        return found

    def _shared(self, role: Role, nouns: str) -> list[Clause]:
        """ "the same city as their manager"."""
        pattern = re.compile(
            rf"\b(?:(?:the|an?)\s+)?(same|different)\s+((?:[^\W\d_]+\s+){{1,3}}?)(?:as|from|than)\s+(?:the|their|its|his|her)\s+(?:{nouns})s?\b"
        )
        found = []
        for match in pattern.finditer(self.text):
            sides = [
                _Side(term, facts)
                for term in self.terms.read(match[2].strip(), self.topic, most=6)
                if len(term.expressions) == 1 and (facts := self.terms.facts(term.expressions[0])) is not None
            ]
            op = "=" if match[1] == "same" else "!="
            options = tuple(_with_role(side, op, role) for side in sides if side.term.table == role.table)
            if options:
                found.append(Clause(match.start(), match.end(), options[:_MOST]))
        return found

    def much(self) -> list[Clause]:
        """ "more home goals than away goals"."""
        found = []
        for match in islice(_MUCH.finditer(self.text), _MOST_READ):
            phrase, end = phrase_at(self.text, match.end())
            op = ">" if match[1] in {"more", "higher", "greater"} else "<"
            options = _options(self._sides(match[2].strip()), self._sides(phrase), op)
            if options:
                found.append(Clause(match.start(), end, options))
        return found

    def compared(self) -> list[Clause]:
        """ "returned after it was due"."""
        found = []
        for match in islice(_COMPARED.finditer(self.text), _MOST_READ):
            phrase, end = phrase_at(self.text, match.end())
            op = next(_OPS[name] for name, group in match.groupdict().items() if group)
            right = [*self._sides(phrase), *self._sides(_DAY.sub("", phrase).strip())]
            best: tuple[float, Clause] | None = None
            for start, left in self._lefts(match.start()):
                options = _options(left, right, op)
                # A longer name says more: "sale price" rather than "price".
                if options and (best is None or options[0].score >= best[0]):
                    best = options[0].score, Clause(start, end, options)
            found += [best[1]] if best is not None else []
        return found

    def late(self) -> list[Clause]:
        """ "delivered late", where the schema has a day of what was promised."""
        found = []
        columns = self.terms.lexicon.view.columns
        for match in islice(_LATE.finditer(self.text), _MOST_READ):
            op = ">" if match["late"] else "<=" if match["time"] else "<"
            options: list[Option] = []
            for side in self._sides(match[1].split()[-1]):
                due = [
                    f for f in columns if f.table == side.facts.table and is_moment(f) and set(f.name.stems) & _PROMISES
                ]
                terms = [one for f in due for one in self._plain(f) if one.facts.ref != side.facts.ref]
                options += _options([side], terms, op)
            if options:
                start = match.end(1) - len(match[1].split()[-1]) - 1
                found.append(Clause(max(start, match.start()), match.end(), tuple(options[:_MOST])))
        return found

    def _plain(self, facts: ColumnFacts) -> list[_Side]:
        return [_Side(Term(0.9, (column(facts.ref),), facts.ref.table), facts)]

    def _left(self, end: int) -> tuple[int, list[_Side]]:
        """The words right before a comparison that name a column best, and where they begin."""
        return max(self._lefts(end), key=lambda one: (one[1][0].term.score, -one[0]), default=(end, []))

    def _lefts(self, end: int) -> list[tuple[int, list[_Side]]]:
        """Readings of the words right before a comparison, the shortest first, and where each begins."""
        before = _BEFORE.search(self.text[:end])
        words = list(re.finditer(r"\S+", before[1])) if before else []
        found = []
        for word in reversed(words):
            start = before.start(1) + word.start() if before else end
            sides = self._sides(self.text[start:end].strip())
            if sides:
                found.append((start, sides))
        return found

    def _sides(self, phrase: str) -> list[_Side]:
        """Columns of numbers, days or flags of a kind that can be compared."""
        if not phrase or re.search(r"\d", phrase):
            return []
        found = []
        for term in self.terms.read(phrase, self.topic, most=6):
            facts = self.terms.facts(term.expressions[0]) if len(term.expressions) == 1 else None
            if facts is not None and term.kind == "column" and term.score >= _CLEAR and facts.kind != "id":
                found.append(_Side(term, facts))
        return found


def _options(left: Sequence[_Side], right: Sequence[_Side], op: str) -> tuple[Option, ...]:
    """Tests on two different columns of one table that hold the same kind of value, best first."""
    found: list[Option] = []
    for one in left:
        for other in right:
            alike = is_moment(one.facts) == is_moment(other.facts) and one.facts.kind == other.facts.kind
            measured = is_moment(one.facts) or one.facts.kind == "number" or op in {"=", "!="}
            if one.facts.ref == other.facts.ref or one.facts.table != other.facts.table or not (alike and measured):
                continue
            test: Any = COMPARE[op](this=one.term.expressions[0].copy(), expression=other.term.expressions[0].copy())
            found.append(Option(min(one.term.score * other.term.score, 1.0), test, (one.term.table,), "comparison"))
    ranked = sorted(found, key=lambda option: -option.score)
    return tuple({option.test.sql(): option for option in reversed(ranked)}.values())[::-1][:_MOST]


def _with_role(side: _Side, op: str, role: Role) -> Option:
    plain = Option(min(side.term.score, 1.0), side.term.expressions[0].copy(), (role.table,), "comparison")
    moved = to_role(plain, role)
    test: Any = COMPARE[op](this=side.term.expressions[0].copy(), expression=moved.test)
    return Option(plain.score, test, (role.base, role.name), "comparison")


def _is_reversed(side: _Side, words: str) -> bool:
    """Whether a later day is less: who is older has the earlier birthday."""
    return is_moment(side.facts) and bool(re.search(r"\b(?:older|longer)\b", words))
