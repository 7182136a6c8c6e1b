"""What a noun phrase asks for: a column, a thing, or a measure such as a count, a sum or a difference."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlglot import exp

from ctxprune.text.words import stem

from .functions import PERIODS, difference, length, period
from .names import key_column
from .plan import column, count_of, has_aggregate

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..sketch.view import ColumnFacts
    from .lexicon import Lexicon

__all__ = ["Term", "Terms", "Topic", "is_moment", "unit_of"]

_LEAD = re.compile(
    r"^(?:(?:the|a|an|all|of|any|both|its|their|his|her|each|every|list of|value of|respective|corresponding|overall|exact|distinct list of|full list of|different|unique|distinct)\s+)+"
)
_COUNT = re.compile(
    r"^(?:total\s+)?(?:number|no\.?|count|amount|quantity|how many)\s+(?:of\s+)?(?:the\s+|all\s+)?(.+)$|^(.+)\s+count$"
)
_SUM = re.compile(
    r"^(?:total|sum of|combined|overall|cumulative|aggregate|sum)\s+(?:the\s+)?(?:amount of\s+|sum of\s+)?(.+)$"
)
_AVERAGE = re.compile(r"^(?:average|mean|avg)\s+(?:of\s+)?(?:the\s+)?(.+)$|^(.+) on average$")
_MOST = re.compile(r"^(?:highest|maximum|max|largest|biggest|greatest|latest|longest|most recent|last|top)\s+(.+)$")
_LEAST = re.compile(r"^(?:lowest|minimum|min|smallest|earliest|first|shortest|least|oldest)\s+(.+)$")
_LENGTH = re.compile(r"^length of (?:the |their |its )?(.+)$")
_BETWEEN = re.compile(
    r"^(?:difference|gap|change|days|time|number of days)\s+(?:in .+? )?between\s+(.+?)\s+and\s+(.+)$"
)
_SPAN = re.compile(r"\b(?:duration|length)\b|\blong\b|\btime spent\b")
_DISTINCT = re.compile(r"\b(?:distinct|unique|different)\b")
_LABELS = frozenset({"name", "names", "title", "titles", "label"})
_IDS = frozenset({"id", "ids", "identifier", "identifiers"})
_UNIT = re.compile(r"\bin (?:no\. of |number of )?(second|minute|hour|day)s?\b")
_AGGREGATES: dict[str, type[exp.AggFunc]] = {"sum": exp.Sum, "avg": exp.Avg, "max": exp.Max, "min": exp.Min}
_SURE = 0.45
_CUT = 0.93  # for each word that is left out at the end of a phrase
_START, _END = (
    frozenset(map(stem, ("start", "begin", "opened", "departure"))),
    frozenset(map(stem, ("end", "finish", "closed", "arrival"))),
)


@dataclass(frozen=True)
class Term:
    """One reading of a phrase.

    Attributes:
        score: 0..1, higher is likelier.
        expressions: What is selected; () for a thing, which is shown by its name or key.
        table: The table of a thing, or the one the column is of.
        kind: "column", "thing" or "measure".
    """

    score: float
    expressions: tuple[exp.Expression, ...] = ()
    table: str = ""
    kind: str = "column"

    @property
    def key(self) -> tuple[str, ...]:
        """What tells two readings apart."""
        return self.kind, self.table if self.kind == "thing" else "", *(one.sql() for one in self.expressions)

    def scaled(self, factor: float) -> Term:
        """The same reading with another score."""
        return replace(self, score=self.score * factor)


@dataclass(frozen=True)
class Topic:
    """What the question is about.

    Attributes:
        owner: Number of the table whose rows are asked for; None where not known.
        focus: How clearly the question mentions each table, 0..1.
        definitions: Folded short forms and what they stand for.
        unit: In what times are to be told: "day", "hour", "minute" or "second".
    """

    owner: int | None = None
    focus: Mapping[int, float] = field(default_factory=dict)
    definitions: Mapping[str, str] = field(default_factory=dict)
    unit: str = "day"


@dataclass(frozen=True)
class Terms:
    """Reads noun phrases against one schema."""

    lexicon: Lexicon

    def read(self, phrase: str, topic: Topic, *, most: int = 4) -> list[Term]:
        """Readings of a phrase, best first; [] where it names nothing of the schema.

        The last words may belong to something else ("students admitted"), so that beginnings are read as well.
        """
        words = phrase.split()
        best: list[Term] = []
        for dropped in range(min(3, len(words))):
            found = self._read(" ".join(words[: len(words) - dropped]), topic, most)
            if found and (not best or found[0].score * _CUT**dropped > best[0].score):
                best = [term.scaled(_CUT**dropped) for term in found]
            if best and best[0].score >= 0.95:
                break
        return best

    def _read(self, phrase: str, topic: Topic, most: int) -> list[Term]:
        phrase = _LEAD.sub("", phrase.strip().lower().strip(" .,?!:;"))
        if not phrase:
            return []
        found = self._measures(phrase, topic)
        plain = self._plain(phrase, topic)
        # A column that is itself called "total credits" or "number of pages" competes with the sum or count.
        if _COUNT.match(phrase):
            plain = [term for term in plain if (f := self.facts(term.expressions[0]) if term.expressions else None) and f.kind == "number"]
        found += plain if not found else [term.scaled(0.8) for term in plain if term.kind == "column"]
        return _best(found, most)

    def things(self, phrase: str) -> list[Term]:
        """Tables that a phrase may name."""
        found = self.lexicon.tables(phrase)
        # Beside the table of courses those of course tags and course offerings are not meant by "courses".
        exact = bool(found) and found[0].score >= 0.97
        return [
            self._thing(one.number, one.score * (0.6 if exact and one.score < 0.97 else 1.0)) for one in found
        ]

    def _thing(self, number: int, score: float) -> Term:
        return Term(score, (), self.lexicon.view.table_name(number), "thing")

    def _measures(self, phrase: str, topic: Topic) -> list[Term]:
        if match := _BETWEEN.match(phrase):
            return self._differences(match[1], match[2], topic)
        if match := _LENGTH.match(phrase):
            return [
                Term(term.score, (length(term.expressions[0]),), term.table, "column")
                for term in self._plain(match[1], topic)
                if term.expressions
            ]
        if match := _COUNT.match(phrase):
            return self._counts(phrase, (match[1] or match[2]).strip(), topic)
        for name, pattern in (("avg", _AVERAGE), ("sum", _SUM), ("max", _MOST), ("min", _LEAST)):
            if match := pattern.match(phrase):
                inner = next(group for group in match.groups() if group)
                return self._aggregates(name, inner, topic)
        return self._spans(phrase, topic) if _SPAN.search(phrase) else []

    def _counts(self, phrase: str, inner: str, topic: Topic) -> list[Term]:
        found = []
        for term in self.things(inner):
            found.append(Term(term.score, (self.count(term.table, inner),), term.table, "measure"))
        near = self.lexicon.columns(inner, owner=topic.owner, focus=topic.focus)
        for one in near[:4]:
            facts = self.lexicon.view.columns[one.number]
            if facts.kind == "number" and facts.name.stems[0] in {"number", "num", "no", "count", "total"}:
                found.append(Term(min(one.score + 0.15, 1.0), (column(facts.ref),), facts.ref.table))
                if phrase.startswith("total"):
                    summed = exp.Sum(this=column(facts.ref))
                    found.append(Term(min(one.score + 0.15, 1.0) * 0.98, (summed,), facts.ref.table, "measure"))
        for one in near[:4]:
            facts = self.lexicon.view.columns[one.number]
            if facts.kind == "number" and not {"year"} & set(facts.name.stems):
                found.append(Term(one.score * 0.9, (exp.Sum(this=column(facts.ref)),), facts.ref.table, "measure"))
            else:
                counted = exp.Count(this=exp.Distinct(expressions=[column(facts.ref)]))
                found.append(Term(one.score * 0.8, (counted,), facts.ref.table, "measure"))
        return found

    def count(self, table: str, phrase: str = "") -> exp.Expression:
        """The number of things of a table; of distinct ones where the phrase says so."""
        key = key_column(self.lexicon.view.schema.table(table))
        if key is not None and _DISTINCT.search(phrase):
            names = {facts.ref.column: facts.ref for facts in self.lexicon.view.columns if facts.ref.table == table}
            return exp.Count(this=exp.Distinct(expressions=[column(names[key])]))
        return count_of(table)

    def _aggregates(self, name: str, inner: str, topic: Topic) -> list[Term]:
        found = []
        if match := _COUNT.match(inner):
            # "average number of shares": the number is a column, or a count of each group, which is no plain measure.
            inner = (match[1] or match[2]).strip()
        base = [*self._spans(inner, topic), *self._products(inner, topic, name), *self._plain(inner, topic)]
        if found_between := _BETWEEN.match(inner):
            base = self._differences(found_between[1], found_between[2], topic)
        for term in base:
            if term.kind == "thing":
                if name == "sum":
                    found.append(Term(term.score * 0.9, (self.count(term.table, inner),), term.table, "measure"))
                continue
            if len(term.expressions) != 1 or has_aggregate(term.expressions[0]):
                continue
            fit = self._fits(name, term)
            found.append(Term(term.score * fit, (_AGGREGATES[name](this=term.expressions[0]),), term.table, "measure"))
            if name == "sum" and "total" in term.expressions[0].sql().lower():
                found.append(term.scaled(0.95))  # it holds the total already
        return found

    def _fits(self, name: str, term: Term) -> float:
        """Sums and averages are of numbers."""
        facts = self.facts(term.expressions[0])
        if facts is None or facts.kind == "number":
            return 1.0
        if name in {"max", "min"}:
            return 0.9 if is_moment(facts) else 0.6
        return 0.3

    def facts(self, node: exp.Expression) -> ColumnFacts | None:
        """What is known of a column; None for any other expression."""
        if not isinstance(node, exp.Column):
            return None
        return next((f for f in self.lexicon.view.columns if f.ref == (node.table, node.name)), None)

    def _ids(self, phrase: str, topic: Topic) -> list[Term]:
        """The key of what is spoken of, whatever it is called: "user ID" is users.uid."""
        words = re.findall(r"\w+", phrase)
        if not set(words) & _IDS:
            return []
        rest = " ".join(word for word in words if word not in _IDS | {"of", "the"})
        numbers = [(self.lexicon.view.table_index[one.table], one.score) for one in self.things(rest) if one.score >= 0.7]
        if not rest and topic.owner is not None:
            numbers = [(topic.owner, 0.9)]
        keys = [(self.key(number), number, score) for number, score in numbers[:2]]
        return [
            Term(score, (key,), self.lexicon.view.table_name(number)) for key, number, score in keys if key is not None
        ]

    def _plain(self, phrase: str, topic: Topic) -> list[Term]:
        found = [term for term in self.things(phrase) if term.score >= _SURE]
        view = self.lexicon.view
        for one in self.lexicon.columns(phrase, owner=topic.owner, focus=topic.focus):
            facts = view.columns[one.number]
            found.append(Term(one.score, (column(facts.ref),), facts.ref.table))
        return [*self._ids(phrase, topic), *self._labels(phrase, topic), *self._periods(phrase, topic), *found]

    def _labels(self, phrase: str, topic: Topic) -> list[Term]:
        """The name of what is spoken of, where no column is called so or where it has two parts."""
        words = re.findall(r"\w+", phrase)
        if not words or not set(words) & _LABELS:
            return []
        rest = " ".join(word for word in words if word not in _LABELS)
        # "country name" is the column called country.
        same = [
            Term(0.93, (column(facts.ref),), facts.ref.table)
            for one in self.lexicon.columns(rest, owner=topic.owner, focus=topic.focus)[:3]
            if one.score >= 0.85 and (facts := self.lexicon.view.columns[one.number]).kind == "text"
        ]
        if same and not any(term.score >= 0.8 for term in self.things(rest)):
            return same
        things = self.things(" ".join(word for word in words if word not in _LABELS))
        words = [word for word in words if word not in {"full", "complete", "of", "the"}]
        number = topic.owner
        if things and things[0].score >= _SURE:
            number = self.lexicon.view.table_index[things[0].table]
        elif len(words) > 1 or number is None:
            return []
        assert_number = number if number is not None else 0
        names = self.label(assert_number)
        score = 1.0 if len(names) > 1 or (things and things[0].score >= 0.8) else 0.9
        return [Term(score, names, self.lexicon.view.table_name(assert_number))] if names else []

    def label(self, table: int) -> tuple[exp.Expression, ...]:
        """What people call a row of the table by: its name, of persons perhaps two columns; () where it has none."""
        view = self.lexicon.view
        stems = {facts.name.stems: facts.ref for facts in view.columns if facts.table == table}
        first = next(
            (ref for s, ref in stems.items() if s in {("first", "name"), ("fname",), ("firstnam",), ("given", "name")}),
            None,
        )
        last = next(
            (ref for s, ref in stems.items() if s in {("last", "name"), ("lname",), ("lastnam",), ("surnam",)}), None
        )
        if first is not None and last is not None:
            return column(first), column(last)
        number = view.labels.get(table)
        if number is not None:
            return (column(view.columns[number].ref),)
        # "institution.institution", else nothing: any other text may be a code or a remark.
        same = next((ref for s, ref in stems.items() if s == view.tables[table].stems), None)
        return (column(same),) if same is not None else ()

    def key(self, table: int) -> exp.Expression | None:
        """The key of the table."""
        name = key_column(self.lexicon.view.schema.tables[table])
        refs = (facts.ref for facts in self.lexicon.view.columns if facts.table == table and facts.ref.column == name)
        ref = next(refs, None)
        return None if ref is None else column(ref)

    def _periods(self, phrase: str, topic: Topic) -> list[Term]:
        """Months, days or years of a column of dates."""
        unit = next((word.removesuffix("s") for word in phrase.split() if word.removesuffix("s") in PERIODS), "")
        if not unit or unit == "date":
            return []
        rest = " ".join(word for word in phrase.split() if word.removesuffix("s") != unit)
        return [term.scaled(0.8) for term in self.moments(rest, topic, unit)]

    def moments(self, phrase: str, topic: Topic, unit: str = "") -> list[Term]:
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
        return _best(found, 3)

    def _differences(self, one: str, other: str, topic: Topic) -> list[Term]:
        found = []
        for a in self._plain(one, topic)[:3]:
            for b in self._plain(other, topic)[:3]:
                if len(a.expressions) == 1 == len(b.expressions) and a.key != b.key:
                    found.append(Term(min(a.score, b.score), (self._minus(b, a, topic.unit),), a.table, "column"))
        return found

    def _minus(self, one: Term, other: Term, unit: str) -> exp.Expression:
        left, right = one.expressions[0], other.expressions[0]
        facts = self.facts(left)
        if facts is not None and is_moment(facts):
            return difference(left, right, unit, self.lexicon.view.schema.dialect)
        return exp.Sub(this=left.copy(), expression=right.copy())

    def _spans(self, phrase: str, topic: Topic) -> list[Term]:
        """From the start to the end of what has both: "session duration"."""
        if not _SPAN.search(phrase):
            return []
        words = _SPAN.sub("", _UNIT.sub("", phrase))
        by_table: dict[int, dict[str, ColumnFacts]] = defaultdict(dict)
        for facts in self.lexicon.view.columns:
            if is_moment(facts) and set(facts.name.stems) & (_START | _END):
                by_table[facts.table]["start" if set(facts.name.stems) & _START else "end"] = facts
        near = {self.lexicon.view.table_index[term.table]: term.score for term in self.things(words)}
        found = []
        for table, ends in by_table.items():
            if len(ends) == 2:
                made = difference(
                    column(ends["end"].ref), column(ends["start"].ref), topic.unit, self.lexicon.view.schema.dialect
                )
                score = 0.5 + 0.4 * max(near.get(table, 0.0), topic.focus.get(table, 0.0))
                found.append(Term(score, (made,), self.lexicon.view.table_name(table), "column"))
        return found

    def _products(self, phrase: str, topic: Topic, name: str) -> list[Term]:
        """Quantity times price over the lines of an order, for what is sold or spent in total."""
        if name != "sum" or not re.search(r"\b(?:revenue|sales|spen[dt]|value|cost|price|worth|turnover)\b", phrase):
            return []
        found = []
        for table in {facts.table for facts in self.lexicon.view.columns}:
            own = [facts for facts in self.lexicon.view.columns if facts.table == table and facts.kind == "number"]
            quantity = next(
                (f for f in own if {"quantiti", "quantity", "qty", stem("quantity")} & set(f.name.stems)), None
            )
            price = next((f for f in own if stem("price") in f.name.stems), None)
            if quantity is not None and price is not None:
                made = exp.Mul(this=column(quantity.ref), expression=column(price.ref))
                found.append(Term(0.75, (made,), quantity.ref.table, "column"))
        return found


def is_moment(facts: ColumnFacts) -> bool:
    """Whether a column holds dates or times, by its type, or by its name where the type is no number."""
    return facts.kind == "date" or (
        facts.kind == "text" and bool({"date", "datetime", "timestamp"} & set(facts.name.stems))
    )


def unit_of(text: str) -> str:
    """In what times are to be told: "in seconds"."""
    match = _UNIT.search(text)
    return match[1] if match else "day"


def _best(found: Iterable[Term], most: int) -> list[Term]:
    held: dict[tuple[str, ...], Term] = {}
    for term in sorted(found, key=lambda term: -term.score):
        held.setdefault(term.key, term)
    return list(held.values())[:most]
