"""Measures made of two columns: times between dates, durations, lengths of time."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from .functions import difference, period
from .plan import column
from .term import Term, best_terms, is_moment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..sketch.view import ColumnFacts
    from .lexicon import Lexicon
    from .term import Topic

__all__ = ["DURATION", "DerivedTerms"]

DURATION = re.compile(r"\b(?:duration|length)\b|\blong\b|\btime spent\b")
_IN_UNIT = re.compile(r"\bin (?:no\. of |number of )?(?:second|minute|hour|day)s?\b")
_TAKES = re.compile(
    r"^(?:number\s+of\s+)?(?:(?P<unit>second|minute|hour|day)s?|time)\s+(?:that\s+)?(?:an?\s+|the\s+|each\s+)?(?P<thing>.+?)\s+"
    r"(?:takes?|lasts?|took|lasted|needs?|needed)\b"
)
_START = frozenset(map(stem, ("start", "begin", "opened", "departure", "check in")))
_END = frozenset(map(stem, ("end", "finish", "closed", "arrival", "complete")))
_NAMED = 0.6
_ALL = 50
_ONE_OF_MANY = re.compile(r"\b(?:first|earliest|last|latest|most recent)\b")
_LAST = re.compile(r"\b(?:last|latest|most recent)\b")


@dataclass(frozen=True)
class DerivedTerms:
    """Reads phrases that stand for an expression over columns.

    Attributes:
        lexicon: Of the schema.
        plain: Reads a phrase as a column.
    """

    lexicon: Lexicon
    plain: Callable[[str, Topic], list[Term]]

    def moments(self, phrase: str, topic: Topic, unit: str = "", *, most: int = 3) -> list[Term]:
        """Columns of dates and times that a phrase may mean, best first; in whole periods where a unit is given."""
        near = {one.number: one.score for one in self.lexicon.columns(phrase, owner=topic.owner, focus=topic.focus)}
        found = []
        for number, facts in enumerate(self.lexicon.view.columns):
            if not is_moment(facts):
                continue
            score = max(0.5 * near.get(number, 0.0) + 0.3, 0.3) + 0.4 * topic.focus.get(facts.table, 0.0)
            score += 0.1 * (topic.owner == facts.table) - 0.02 * facts.position
            expression = period(column(facts.ref), unit) if unit else column(facts.ref)
            found.append(Term(min(max(score, 0.05), 1.0), (expression,), facts.ref.table))
        return best_terms(found, most)

    def differences(self, one: str, other: str, topic: Topic) -> list[Term]:
        """From the first to the second."""
        found: list[Term] = []
        for a in self.plain(one, topic)[:3]:
            found += [
                Term(min(a.score, b.score), (self._minus(b, a, topic.unit),), a.table)
                for b in self.plain(other, topic)[:3]
                if len(a.expressions) == 1 == len(b.expressions) and a.key != b.key
            ]
        return found

    def _named_moments(self, phrase: str, topic: Topic) -> list[Term]:
        """Moments that a phrase names, or of a thing that it names."""
        things = {
            self.lexicon.view.table_name(one.number) for one in self.lexicon.tables(phrase) if one.score >= _NAMED
        }
        columns = [self.lexicon.view.columns[one.number].ref for one in self.lexicon.columns(phrase)]
        return [
            term
            for term in self.moments(phrase, topic, most=_ALL)
            if term.table in things or any(term.expressions[0] == column(ref) for ref in columns)
        ]

    def elapsed(self, one: str, other: str, topic: Topic) -> list[Term]:
        """The time from a moment of the first phrase to one of the second; "first" and "last" pick one of many."""
        found: list[Term] = []
        for a in self._named_moments(one, topic)[:2]:
            for b in self._named_moments(other, topic)[:3]:
                if a.key == b.key:
                    continue
                start, end = a.expressions[0], b.expressions[0]
                kind = "column"
                if _ONE_OF_MANY.search(one) or _ONE_OF_MANY.search(other):
                    # Both are aggregated, so that the database need not know that one is the same in the whole group.
                    start, end, kind = _picked(start, one), _picked(end, other), "measure"
                made = difference(end, start, topic.unit, self.lexicon.view.schema.dialect)
                found.append(Term((a.score * b.score) ** 0.5, (made,), a.table, kind))
        return best_terms(found, 3)

    def _minus(self, one: Term, other: Term, unit: str) -> exp.Expression:
        left, right = one.expressions[0], other.expressions[0]
        facts = self.lexicon.facts(left)
        if facts is not None and is_moment(facts):
            return difference(left, right, unit, self.lexicon.view.schema.dialect)
        return exp.Sub(this=left.copy(), expression=right.copy())

    def durations(self, phrase: str, topic: Topic) -> list[Term]:
        """From the start to the end of what has both: "session duration"."""
        taken = _TAKES.match(phrase)
        if taken is None and not DURATION.search(phrase):
            return []
        topic = replace(topic, unit=taken["unit"] or topic.unit) if taken is not None else topic
        words = taken["thing"] if taken is not None else DURATION.sub("", _IN_UNIT.sub("", phrase))
        by_table: dict[int, dict[str, ColumnFacts]] = defaultdict(dict)
        for facts in self.lexicon.view.columns:
            if is_moment(facts) and set(facts.name.stems) & (_START | _END):
                by_table[facts.table]["start" if set(facts.name.stems) & _START else "end"] = facts
        near = {one.number: one.score for one in self.lexicon.tables(words)}
        found = []
        for table, ends in by_table.items():
            if len(ends) == 2:
                made = difference(
                    column(ends["end"].ref), column(ends["start"].ref), topic.unit, self.lexicon.view.schema.dialect
                )
                score = 0.5 + 0.4 * max(near.get(table, 0.0), topic.focus.get(table, 0.0))
                found.append(Term(score, (made,), self.lexicon.view.table_name(table), "column"))
        return found


def _picked(moment: Any, phrase: str) -> Any:
    return exp.Max(this=moment.copy()) if _LAST.search(phrase) else exp.Min(this=moment.copy())
