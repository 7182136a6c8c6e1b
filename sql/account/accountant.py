"""Which words of a question a query answers, and which it leaves out."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem, words

from .answers import find_other_answers
from .associations import Prepared
from .bridges import find_unsaid_bridges
from .content import WEAK_NAMES, is_content
from .contested import find_contested
from .extra import find_extra
from .gradable import find_counted_measures, find_ungraded
from .grammar import Grammar
from .lexicon import MONTH_WORDS, NEGATED, SHORTEST_REST, UNITS, cue_of
from .literals import find_literal
from .objections import Case, find_objections
from .other_measures import find_other_measures
from .other_totals import find_other_totals
from .periods import find_periods
from .query import read_query
from .question import Asked
from .reading import Part, Reading, Span
from .targets import Targets

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..generate.sketch.view import SchemaView
    from ..schema.hits import RangeHit, ValueHit
    from ..schema.schema import ColumnRef, Schema
    from .parts import QueryParts

__all__ = ["Accountant", "account"]

# Closeness from which a name counts: next to a word that is exactly the name of something else, only one as good.
_NAMED, _NAMED_BESIDE = 0.45, 0.75
_MOST_PARTS = 3
_NUMBER = re.compile(r"(?<![\w.-])\d{1,12}(?:\.\d{1,6})?(?![\w-])")
# Days, and texts in quotes: what a query that follows a clause of the evidence has to hold.
_WRITTEN = re.compile(r"(?<!\w)'[^'\n]{1,200}'(?!\w)|(?<![\w'-])\d{4}-\d\d-\d\d(?![\w'-])")
_CLAUSE = re.compile(r"[;\n]")


class Accountant:
    """Accounts for one question; made once, it reads any number of queries. Safe to share between threads.

    Args:
        question: The user's words; of a long one the first 300 are read, the rest counts as left over.
        schema: A schema, or one that `Prepared.of` made ready for many questions.
        hits, ranges: Stored values, and columns for its numbers, that the value index found in the question.
        evidence: Knowledge that came with the question; its words explain themselves where the query follows it.
        samples: By column, a few stored values; they tell flags, texts and the size of numbers.
    """

    def __init__(
        self,
        question: str,
        schema: Schema | SchemaView | Prepared,
        hits: Sequence[ValueHit] = (),
        ranges: Sequence[RangeHit] = (),
        evidence: str = "",
        samples: Mapping[ColumnRef, tuple[object, ...]] | None = None,
    ) -> None:
        self._asked = Asked(question, Prepared.of(schema), hits, ranges, evidence, samples)

    def read(self, sql: str) -> Reading:
        """The account of one query.

        Raises:
            InputError: The text is not one SELECT statement that can be parsed.
        """
        query = read_query(sql, self._asked.prepared.view.schema)
        matched = _Matching(self._asked, query)
        spans = tuple(_spans(self._asked, matched))
        case = matched.case
        extra = find_extra(self._asked, query, matched.parts)
        return Reading(spans, extra, find_unsaid_bridges(case), find_contested(case))


def account(
    question: str,
    sql: str,
    schema: Schema,
    *,
    hits: Sequence[ValueHit] = (),
    ranges: Sequence[RangeHit] = (),
    evidence: str = "",
) -> Reading:
    """Which words of a question a query answers; see `Accountant`, which is quicker for several queries.

    Raises:
        InputError: The text is not one SELECT statement that can be parsed.
    """
    return Accountant(question, schema, hits, ranges, evidence).read(sql)


class _Matching:
    """The parts of each word of the question.

    Attributes:
        parts: By position of the word.
        content: Whether each word must be explained.
    """

    def __init__(self, asked: Asked, query: QueryParts) -> None:
        self._asked, self._query = asked, query
        self.parts: list[list[Part]] = [[] for _ in asked.words]
        self.content = [is_content(asked, place) or self._is_offered(place) for place in range(len(asked.words))]
        self._literals()
        self._said = [list(parts) for parts in self.parts]
        self._names()
        self._projection()
        self._references()
        self._cues()
        self._prefixes()
        self._object()
        self._evidence()

    def _add(self, place: int, parts: Sequence[Part]) -> None:
        held = self.parts[place]
        held += [part for part in dict.fromkeys(parts) if part not in held][: _MOST_PARTS - len(held)]

    def _is_offered(self, place: int) -> bool:
        """A word such as "name" that a column of the query's tables has: it is content there, and nowhere else."""
        word, view = self._asked.words[place], self._asked.prepared.view
        if word.text not in WEAK_NAMES or not word.exact:
            return False
        owners = {view.columns[number].ref.table for number, _ in view.column_words.get(word.token.stem, ())}
        return not owners.isdisjoint(self._query.tables)

    def _literals(self) -> None:
        for literal in self._query.literals:
            for place in find_literal(self._asked, literal):
                self._add(place, [literal.part])
        for place, literals in find_periods(self._asked, self._query).items():
            self._add(place, [Part("date", one.part.text) for one in literals])

    def _names(self) -> None:
        stems = self._used_stems()
        for place, word in enumerate(self._asked.words):
            if not word.names or word.text in STOP_WORDS:
                continue
            # A word that counts or compares, a number and a value is a name only where it is exactly that name.
            only = (
                (word.cue and not self._is_name_part(place)) or word.number is not None or word.stored or word.literal
            )
            least = 1.0 if only else _NAMED_BESIDE if word.exact else _NAMED
            close = {name: weight for name, weight in word.names.items() if name in stems and weight >= least}
            if not close:
                continue
            best = max(close.values())
            refs = [ref for name, weight in close.items() if weight == best for ref in stems[name]]
            # Words such as "of" are names of columns at times, but never ask for one alone.
            if not (word.generic and best < 1.0 and not self.content[place] and word.text not in WEAK_NAMES):
                self._add(place, self._likeliest(refs))

    def _projection(self) -> None:
        """A column that is asked for before anything else must be shown, not only compared; see `Asked.wanted`."""
        view, query = self._asked.prepared.view, self._query
        shown = {stem for ref in query.shown for stem in view.columns[view.index[ref]].name.stems}
        for place in self._asked.wanted:
            word = self._asked.words[place]
            if self.parts[place] and not self._said[place] and word.token.stem not in shown:
                self.parts[place] = []

    def _references(self) -> None:
        """A word for an unused table stands for the key that refers to it: "students" for has_allergy.stuid."""
        view = self._asked.prepared.view
        targets: dict[str, list[Part]] = {}
        for key in view.schema.foreign_keys:
            if key.table in self._query.tables and key.ref_table not in self._query.tables:
                targets.setdefault(key.ref_table, []).append(Part("column", f"{key.table}.{key.columns[0]}"))
        for place, word in enumerate(self._asked.words):
            if self.parts[place] or not targets or not word.exact:
                continue
            for number, _ in view.table_words.get(word.token.stem, ()):
                self._add(place, targets.get(view.table_name(number), []))

    def _used_stems(self) -> dict[str, list[tuple[Part, frozenset[str]]]]:
        """For each stem of the names in the query the parts that it names, with all stems of those names."""
        view = self._asked.prepared.view
        found: dict[str, list[tuple[Part, frozenset[str]]]] = {}
        for name, part in self._query.tables.items():
            stems = frozenset(view.tables[view.table_index[name]].stems)
            for one in stems:
                found.setdefault(one, []).append((part, stems))
        for ref, part in {**self._query.columns, **self._query.linking}.items():
            stems = frozenset(view.columns[view.index[ref]].name.stems)
            for one in stems:
                found.setdefault(one, []).append((part, stems))
        return found

    def _likeliest(self, named: list[tuple[Part, frozenset[str]]]) -> list[Part]:
        """Of the parts that one word names those whose whole names the question says best."""
        said = {token.stem for token in self._asked.tokens}
        scores = [len(stems & said) / len(stems) for _, stems in named]
        return [part for (part, _), score in zip(named, scores, strict=True) if score == max(scores)]

    def _cues(self) -> None:
        grammar = Grammar(Targets(self._asked, self._query, self._said))
        for place, word in enumerate(self._asked.words):
            found = grammar.explain(place)
            if found is None:
                # "each" where every row stands for itself, "order" as a noun that is no table
                weak = word.cue not in {"", "money", "change"} or word.text in UNITS or word.text in MONTH_WORDS
                if weak and not word.stored and not word.exact and not self._is_name_part(place):
                    self.content[place] = False
                continue
            self._add(place, found)
            # A cue that the query ignores is content even where the word itself is a common one.
            self.content[place] = True

    def _groups_of(self, words_: Sequence[str]) -> list[Part]:
        """Groups by a column that one of the words names: "insured and uninsured visits" are two of them."""
        view, stems = self._asked.prepared.view, set(map(stem, words_))
        return [
            part
            for keys, part in self._query.groups
            if any(not stems.isdisjoint(view.columns[view.index[ref]].name.stems) for ref in keys)
        ]

    def _is_name_part(self, place: int) -> bool:
        """ "first" and "last" of "first name"."""
        return self._asked.text(place) in {"first", "last"} and self._asked.text(place + 1).startswith("name")

    def _prefixes(self) -> None:
        """ "unpaid", "inactive": the rest names a column or literal, and the query must negate it."""
        known = {*self._asked.prepared.view.words}
        known |= {stem(one) for literal in self._query.literals for one in words(literal.text)}
        for place, word in enumerate(self._asked.words):
            rests = [word.text.removeprefix(prefix) for prefix in NEGATED]
            negated = any(rest != word.text and len(rest) >= SHORTEST_REST and stem(rest) in known for rest in rests)
            if negated and not word.exact and not self._said[place]:
                # Found by its likeness to the name, it would be explained by "paid", too.
                self.parts[place] = []
                self.content[place] = True
                self._add(place, self._query.negations or self._groups_of(rests))

    @property
    def case(self) -> Case:
        """The question and the query with what explains each word so far."""
        return Case(self._asked, self._query, self.parts, self._said)

    def _object(self) -> None:
        """Leave over the words whose parts do not do what they ask for."""
        rules = (
            find_objections, find_other_answers, find_other_measures, find_other_totals, find_ungraded,
            find_counted_measures,
        )  # fmt: skip
        case = self.case
        for place in {place for find in rules for place in find(case)}:
            self.parts[place] = []
            self.content[place] = True

    @cached_property
    def _numbers(self) -> set[float]:
        return {literal.number for literal in self._query.literals if literal.number is not None}

    @cached_property
    def _written(self) -> set[str]:
        """The texts of the query's literals in quotes, and the days among them."""
        return {text for literal in self._query.literals for text in (f"'{literal.text}'", literal.text[:10])}

    def _evidence(self) -> None:
        """A word that the evidence defines is explained where the query uses what that clause of it says."""
        for clause in _CLAUSE.split(self._asked.evidence[:5000]) if self._asked.evidence else ():
            said = set(map(stem, words(clause)))
            parts = [one.part for one in self._query.literals if set(map(stem, words(one.text))) <= said and one.text]
            parts += [part for ref, part in self._query.columns.items() if _is_said(ref, clause)]
            # A number of the clause that the query lacks shows that the query does not follow it.
            missing = {number for number in _NUMBER.findall(clause) if float(number) not in self._numbers}
            if missing or not self._written.issuperset(_WRITTEN.findall(clause)):
                continue
            parts += [part for name, part in self._query.tables.items() if set(map(stem, words(name))) <= said]
            parts += self._query.functions.get("div", ()) if "/" in clause else ()
            parts += [one.part for one in self._query.aggregates] if any(map(cue_of, words(clause))) else ()
            for place, word in enumerate(self._asked.words):
                if parts and not self.parts[place] and self.content[place] and word.token.stem in said:
                    self._add(place, parts)


def _is_said(ref: ColumnRef, clause: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(ref.column)}(?!\w)", clause, re.IGNORECASE) is not None


def _spans(asked: Asked, matched: _Matching) -> list[Span]:
    """Neighbouring words with a part in common, without any part, or without content, as one span each."""
    found: list[Span] = []
    held: list[int] = []
    for place in range(len(asked.words)):
        if held and not _together(matched, held, place):
            found.append(_span(asked, matched, held))
            held = []
        held.append(place)
    if held:
        found.append(_span(asked, matched, held))
    if asked.truncated:
        start = asked.tokens[-1].end if asked.tokens else 0
        rest = asked.question[start:]
        cut = start + len(rest) - len(rest.lstrip())
        if asked.question[cut:].strip():
            text = asked.question[cut:].rstrip()
            found.append(Span(cut, cut + len(text), text, (), True))
    return found


def _together(matched: _Matching, held: list[int], place: int) -> bool:
    last = held[-1]
    if matched.content[last] != matched.content[place]:
        return False
    if not matched.content[place]:
        return not matched.parts[last] and not matched.parts[place]
    one, other = matched.parts[last], matched.parts[place]
    if not one or not other:
        return not one and not other
    return any(a == b or a.text in b.text or b.text in a.text for a in one for b in other)


def _span(asked: Asked, matched: _Matching, held: list[int]) -> Span:
    start, end = asked.tokens[held[0]].start, asked.tokens[held[-1]].end
    parts = tuple(dict.fromkeys(part for place in held for part in matched.parts[place]))
    return Span(start, end, asked.question[start:end], parts, matched.content[held[0]])
