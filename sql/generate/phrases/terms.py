"""What a noun phrase asks for: a column, a thing, or a measure such as a count, a sum or a difference."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ctxprune.text.words import stem

from .derived import DerivedTerms
from .formula_names import formula_terms
from .functions import PERIODS, length
from .measures import SPENT, MeasureTerms
from .names import key_column
from .plan import column, count_of, has_aggregate
from .term import Term, best_terms, is_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sketch.view import ColumnFacts
    from .lexicon import Lexicon
    from .term import Topic

__all__ = ["Terms"]

_LEAD = re.compile(
    r"^(?:(?:the|a|an|all|of|any|both|its|their|his|her|each|every|list of|value of|respective|corresponding|overall|"
    r"exact|distinct list of|full list of|different|unique|distinct)\s+)+"
)
_COUNT = re.compile(
    r"^(?:total\s+)?(?:number|num|no\.?|count|amount|quantity|how many)\s+(?:of\s+)?(?:the\s+|all\s+)?(.+)$"
    r"|^(.+)\s+count$"
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
_DISTINCT = re.compile(r"\b(?:distinct|unique|different)\b")
_WORD = re.compile(r"\S+")
_LABELS = frozenset({"name", "names", "title", "titles", "label"})
_NAMED = frozenset(map(stem, ("name", "title", "label", "username")))
_IDS = frozenset({"id", "ids", "identifier", "identifiers"})
_AGGREGATES: dict[str, Any] = {"sum": exp.Sum, "avg": exp.Avg, "max": exp.Max, "min": exp.Min}
_WHOLE = re.compile(r"^(?:(?:total|combined|overall)\s+)?(?:amount|total|sum|value)\s+of\s+(?:all\s+)?(?:the\s+)?(.+)$")
_WORTH = frozenset(map(stem, ("amount", "total", "price", "cost", "fee", "value", "sum", "revenue", "payment")))
_SURE = 0.45
_UNMEASURED = 0.8  # for a column where an average or a sum is asked for
_FAR = 0.6
_NAMED_CLEARLY = 0.8
_SALE = re.compile(r"\b(?:sold|ordered|bought|purchased|shipped)\b")
_CUT = 0.93  # for each word that is left out at the end of a phrase


@dataclass(frozen=True)
class Terms:
    """Reads noun phrases against one schema."""

    lexicon: Lexicon

    @cached_property
    def _derived(self) -> DerivedTerms:
        return DerivedTerms(self.lexicon, self._plain)

    @cached_property
    def sums(self) -> MeasureTerms:
        """Measures over several columns."""
        return MeasureTerms(self.lexicon)

    def moments(self, phrase: str, topic: Topic, unit: str = "") -> list[Term]:
        """See `DerivedTerms.moments`."""
        return self._derived.moments(phrase, topic, unit)

    def elapsed(self, one: str, other: str, topic: Topic) -> list[Term]:
        """See `DerivedTerms.elapsed`."""
        return self._derived.elapsed(one, other, topic)

    def read(self, phrase: str, topic: Topic, *, most: int = 4) -> list[Term]:
        """Readings of a phrase, best first; [] where it names nothing of the schema."""
        return self.beginning(phrase, topic, most=most)[0]

    def beginning(self, phrase: str, topic: Topic, *, most: int = 4) -> tuple[list[Term], str]:
        """Readings of the best beginning of a phrase, and that beginning.

        The last words may belong to something else ("students admitted"), at a cost for each of them.
        """
        words = list(_WORD.finditer(phrase))
        while len(words) > 1 and self.lexicon.is_verb(words[-1][0]) and self.things(words[-2][0]):
            words.pop()  # "farms harvested": the verb names no part of the phrase
        phrase = phrase[: words[-1].end()] if words else phrase
        best: list[Term] = []
        used = phrase
        for dropped in range(min(3, len(words))):
            text = phrase[: words[-1 - dropped].end()]
            found = self._read(text, topic, most)
            if found and (not best or found[0].score * _CUT**dropped > best[0].score):
                best, used = [term.scaled(_CUT**dropped) for term in found], text
            if best and best[0].score >= 0.95:
                break
        return best, used

    def _read(self, phrase: str, topic: Topic, most: int) -> list[Term]:
        phrase = _LEAD.sub("", phrase.strip().lower().strip(" .,?!:;"))
        if not phrase:
            return []
        given = self._given(phrase, topic)
        found = [*given, *self._measures(phrase, topic)]
        plain = [] if given else self._plain(phrase, topic)
        # A column that is itself called "total credits" or "number of pages" competes with the sum or count.
        if _COUNT.match(phrase) and not self._is_amount(phrase):
            plain = []  # "number of streets" is no street number
        elif _AVERAGE.match(phrase) or _SUM.match(phrase):
            plain = [term.scaled(_UNMEASURED) for term in plain if term.kind == "column"]
        found += plain if not found else [term.scaled(0.9) for term in plain if term.kind == "column"]
        return best_terms(found, most)

    def things(self, phrase: str) -> list[Term]:
        """Tables that a phrase may name."""
        found = [*self.lexicon.tables(phrase), *self.lexicon.relatives(phrase)]
        # Beside the table of courses those of course tags and course offerings are not meant by "courses".
        exact = bool(found) and found[0].score >= 0.97
        return [self._thing(one.number, one.score * (0.6 if exact and one.score < 0.97 else 1.0)) for one in found]

    def subjects(self, topic: Topic) -> list[str]:
        """The table that is spoken of, where one is known, else the one that a condition is on."""
        if topic.owner is not None:
            return [self.lexicon.view.table_name(topic.owner)]
        return [topic.condition_table] if topic.condition_table else []

    def _thing(self, number: int, score: float) -> Term:
        return Term(score, (), self.lexicon.view.table_name(number), "thing")

    def _measures(self, phrase: str, topic: Topic) -> list[Term]:
        if match := _BETWEEN.match(phrase):
            return self._derived.differences(match[1], match[2], topic)
        if match := _LENGTH.match(phrase):
            return [
                Term(term.score, (length(term.expressions[0]),), term.table, "column")
                for term in self._plain(match[1], topic)
                if term.expressions
            ]
        if (match := _WHOLE.match(phrase)) and (found := self._amounts(match[1]) or self._lines(match[1])):
            return found
        if (match := _COUNT.match(phrase)) and not self._is_amount(phrase):
            return self._counts(phrase, (match[1] or match[2]).strip(), topic)
        for name, pattern in (("avg", _AVERAGE), ("sum", _SUM), ("max", _MOST), ("min", _LEAST)):
            if match := pattern.match(phrase):
                inner = next(group for group in match.groups() if group)
                if name == "sum" and self._is_amount(phrase):
                    inner = phrase.removeprefix("total ")
                return self._aggregates(name, inner, topic)
        return _summed(self.sums.owed(phrase)) or self._sold(phrase, topic) or self._derived.durations(phrase, topic)

    def _sold(self, phrase: str, topic: Topic) -> list[Term]:
        """Sums of what is sold, for "revenue" and "units sold", unless the schema has a column or table called so."""
        if _SALE.search(phrase) and (units := self.sums.units(phrase, topic)):
            return _summed(units)[:2]
        match = SPENT.search(phrase)
        if match is None or stem(match[0]) in self.lexicon.view.words:
            return []
        sold = _summed(self.sums.sold(phrase))
        # Without lines of quantities and prices, revenue is the sum of what was paid.
        return sold or [term for term in self._aggregates("sum", phrase, topic) if term.kind == "measure"]

    def _given(self, phrase: str, topic: Topic) -> list[Term]:
        """Formulas of the evidence; outside of their own table they are summed."""
        found = []
        for term in formula_terms(phrase, topic.formulas):
            row = term.kind == "column"
            own = topic.owner is not None and self.lexicon.view.table_name(topic.owner) == term.table
            found.append(term.scaled(1.0 if own or not row else 0.9))
            if row:
                found += [one.scaled(0.9 if own else 1.0) for one in _summed([term])]
        return found

    def _lines(self, inner: str) -> list[Term]:
        """Sums over the lines of a thing: "total value of the order"."""
        keys = self.lexicon.view.schema.foreign_keys
        things = [thing for thing in self.things(inner)[:1] if thing.score >= _NAMED_CLEARLY]
        return [
            term.scaled(thing.score)
            for thing in things
            for term in _summed(self.sums.products)
            if any(key.table == term.table and key.ref_table == thing.table for key in keys)
        ]

    def _amounts(self, inner: str) -> list[Term]:
        """Sums of what a thing is worth: "total amount of the invoices" by a column called total, price or cost."""
        found = []
        for thing in self.things(inner)[:1]:
            worth = [
                facts
                for facts in self.lexicon.view.columns
                if facts.ref.table == thing.table and facts.kind == "number" and set(facts.name.stems) & _WORTH
            ]
            found += [
                Term(thing.score * (0.97 - 0.05 * place), (exp.Sum(this=column(facts.ref)),), thing.table, "measure")
                for place, facts in enumerate(worth[:3])
            ]
        return found

    def _is_amount(self, phrase: str) -> bool:
        """Does "amount of orders" mean a column of amounts?"""
        word = next((word for word in ("amount", "quantity") if word in phrase.split()[:2]), "")
        return bool(word) and stem(word) in self.lexicon.view.words

    def _counts(self, phrase: str, inner: str, topic: Topic) -> list[Term]:
        found = _summed(self.sums.units(inner, topic))[:1]
        found += [
            Term(term.score, (self.count(term.table, inner),), term.table, "measure") for term in self.things(inner)
        ]
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
                found.append(Term(one.score * 0.85, (column(facts.ref),), facts.ref.table))
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
        if (match := _COUNT.match(inner)) and not self._is_amount(inner):
            # "average number of shares": the number is a column, or a count of each group, which is no plain measure.
            inner = (match[1] or match[2]).strip()
        base = [
            *self._derived.durations(inner, topic),
            *(self.sums.sold(inner) if name == "sum" else []),
            *self.sums.owed(inner),
            *formula_terms(inner, topic.formulas),
            *self._plain(inner, topic),
        ]
        if found_between := _BETWEEN.match(inner):
            base = self._derived.differences(found_between[1], found_between[2], topic)
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
        return self.lexicon.facts(node)

    def _ids(self, phrase: str, topic: Topic) -> list[Term]:
        """The key of what is spoken of, whatever it is called: "user ID" is users.uid."""
        words = re.findall(r"\w+", phrase)
        if not set(words) & _IDS:
            return []
        rest = " ".join(word for word in words if word not in _IDS | {"of", "the"})
        numbers = [
            (self.lexicon.view.table_index[one.table], one.score) for one in self.things(rest) if one.score >= 0.7
        ]
        if not rest and topic.owner is not None:
            numbers = [(topic.owner, 0.9)]
        keys = [(self.key(number), number, score) for number, score in numbers[:2]]
        return [
            Term(score, (key,), self.lexicon.view.table_name(number)) for key, number, score in keys if key is not None
        ]

    def _plain(self, phrase: str, topic: Topic) -> list[Term]:
        found = [term for term in self.things(phrase) if term.score >= _SURE]
        named = bool(found) and not _IDS & set(phrase.split())
        for one in self.lexicon.columns(phrase, owner=topic.owner, focus=topic.focus):
            facts = self.lexicon.view.columns[one.number]
            # "products" are things, and only by accident a part of "product_id".
            if not (named and facts.kind == "id"):
                # "per month" is hardly a column of months in a table that nobody speaks of.
                far = phrase in PERIODS and facts.table not in topic.focus
                found.append(Term(one.score * (_FAR if far else 1.0), (column(facts.ref),), facts.ref.table))
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
        named = [ref for one, ref in stems.items() if set(one) & _NAMED]
        if named:
            return (column(named[0]),)
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
        if not rest:
            return [replace(term, score=0.4 + 0.5 * term.score) for term in self.moments(rest, topic, unit)]
        return [term.scaled(0.8) for term in self.moments(rest, topic, unit)]


def _summed(terms: Sequence[Term]) -> list[Term]:
    return [Term(term.score, (exp.Sum(this=term.expressions[0].copy()),), term.table, "measure") for term in terms]
