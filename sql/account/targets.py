"""What the noun beside a cue names, and which parts of a query speak of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.text.words import stem

from .associations import sure_relations
from .kinds import ColumnKinds
from .lexicon import MEASURED, TURNED, word_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..generate.sketch.view import ColumnFacts
    from ..schema.schema import ColumnRef
    from .parts import Aggregate, Order, QueryParts
    from .question import Asked
    from .reading import Part

__all__ = ["Targets"]

_DAY_STEMS = frozenset(
    map(stem, word_set("date year time birth birthday birthdate dob born month day founded start end joined since"))
)
_RANK_STEMS = frozenset(map(stem, word_set("rank ranking position place grade time pace lap number seed")))
_SKIPPED = word_set("the a an of number numbers amount total average value values count each all their its in")
_COUNTING = word_set("number numbers count")
_MAINLY = 0.5  # weight of a stem among those of a name
_FAR = 5  # words between a cue and its noun


@dataclass(frozen=True)
class Targets:
    """One question and one query, looked at together.

    Attributes:
        said: For each word the parts whose literals it says.
    """

    asked: Asked
    query: QueryParts
    said: list[list[Part]]

    def facts(self, ref: ColumnRef) -> ColumnFacts:
        """What the schema says about a column."""
        view = self.asked.prepared.view
        return view.columns[view.index[ref]]

    def has_days(self, columns: Iterable[ColumnRef]) -> bool:
        """Whether one of the columns holds days, judged by type and name."""
        found = map(self.facts, columns)
        return any(facts.kind == "date" or _DAY_STEMS & set(facts.name.stems) for facts in found)

    def has_ranks(self, columns: Iterable[ColumnRef]) -> bool:
        """Whether one of the columns holds ranks or times, of which small ones are the best."""
        return any(_RANK_STEMS & set(self.facts(ref).name.stems) for ref in columns)

    def measures(self, columns: Iterable[ColumnRef], word: str) -> bool:
        """Whether one of the columns holds what an adjective is about: heights for "tallest", days for "oldest"."""
        wanted = sure_relations().get(stem(word), {}) if word in MEASURED else {}
        columns = tuple(columns)
        if not wanted or not columns or (word in TURNED and self.has_days(columns)):
            return True
        stems = {name for ref in columns for name in self.facts(ref).name.stems}
        return any(target in name for name in stems for target in wanted)

    def has_amounts(self, columns: Iterable[ColumnRef], stems: frozenset[str]) -> bool:
        """Whether the name of one of the columns has one of these stems."""
        return any(stems & set(self.facts(ref).name.stems) for ref in columns)

    def find(self, place: int) -> set[str]:
        """The stem of a column of numbers or days that the noun after a cue names; empty where it may be anything."""
        for step, word in enumerate(self.asked.words[place + 1 : place + _FAR], 1):
            counts = word.text in _COUNTING and self.asked.text(place + step + 1) == "of"
            if word.text in _SKIPPED and (not word.exact or counts):
                continue
            return {word.token.stem} if word.exact and self._is_measured(word.token.stem) else set()
        return set()

    def _is_measured(self, name: str) -> bool:
        """Whether a stem names a column that can be summed up or compared."""
        columns = self.asked.prepared.view.columns
        named = [columns[number] for number, _ in self.asked.prepared.view.column_words.get(name, ())]
        return any(one.kind in {"number", "date"} for one in named)

    def names_amount(self, name: str) -> bool:
        """Whether a stem belongs to the name of a column of numbers in the tables of the query."""
        view = self.asked.prepared.view
        named = [view.columns[number] for number, _ in view.column_words.get(name, ())]
        return any(one.kind == "number" and one.ref.table in self.query.tables for one in named)

    def has_only_words(self, columns: Iterable[ColumnRef]) -> bool:
        """Whether all columns, of one or more, hold texts that have no size."""
        kinds, columns = ColumnKinds(self.asked), tuple(columns)
        return bool(columns) and all(map(kinds.is_wordy, columns))

    def is_key(self, ref: ColumnRef) -> bool:
        """Whether a column tells rows apart, so that nobody compares it by size."""
        facts = self.facts(ref)
        return facts.key or facts.foreign or facts.kind == "id"

    def counts_rows(self, place: int) -> bool:
        """Whether the noun after a word is a table and no column: "most (number of) orders", "3 orders"."""
        view = self.asked.prepared.view
        for word in self.asked.words[place + 1 : place + _FAR]:
            if word.text in _SKIPPED:
                continue
            return word.token.stem in view.table_words and not self._is_counted(word.token.stem)
        return False

    def _is_counted(self, name: str) -> bool:
        """Whether a column of numbers is mainly called so, and may hold how many there are."""
        columns = self.asked.prepared.view.columns
        named = [(columns[number], place) for number, place in self.asked.prepared.view.column_words.get(name, ())]
        return any(
            one.kind in {"number", "date"} and not (one.key or one.foreign) and one.name.weights[place] >= _MAINLY
            for one, place in named
        )

    def fits(self, columns: Iterable[ColumnRef], target: set[str]) -> bool:
        """Whether one of the columns is meant by the target; an empty target is any column."""
        tables = self.asked.prepared.view.tables
        found = map(self.facts, columns)
        return not target or any(target & {*one.name.stems, *tables[one.table].stems} for one in found)

    def aggregates(self, names: Iterable[str], place: int | None = None) -> list[Part]:
        """The aggregates of these names; with a place those that fit the noun after it."""
        target = set() if place is None else self.find(place)
        return [
            one.part
            for one in self.query.aggregates
            if one.name in names and (not one.columns or self.fits(one.columns, target)) and self._adds_up(one)
        ]

    def _adds_up(self, aggregate: Aggregate) -> bool:
        """Whether what is summed or averaged can be: no keys, and no plain days ("average age")."""
        if aggregate.name not in {"SUM", "AVG"} or not aggregate.columns:
            return True
        if all(map(self.is_key, aggregate.columns)):
            return False
        plain = self.functions("sub", "now", "date", "year", "month", "day", "hour", "minute", "case")
        return bool(plain) or not all(self.facts(ref).kind == "date" for ref in aggregate.columns)

    def amounts(self, names: Iterable[str]) -> list[Part]:
        """The aggregates of these names but for sums of yes and no, which count rows."""
        kinds = ColumnKinds(self.asked)
        flags = {one.part for one in self.query.aggregates if one.columns and all(map(kinds.is_flag, one.columns))}
        return [part for part in self.aggregates(names) if part not in flags]

    def functions(self, *names: str) -> list[Part]:
        """Parts that do one of these things; see `QueryParts.functions`."""
        return [part for name in names for part in self.query.functions.get(name, ())]

    def shown_numbers(self, stems: frozenset[str] | None = None) -> list[Part]:
        """Shown plain columns of numbers; with `stems` only those whose names have one of them."""
        inside = {ref for one in self.query.aggregates for ref in one.columns}
        return [
            self.query.columns[ref]
            for ref in self.query.shown
            if ref not in inside
            and self.facts(ref).kind == "number"
            and (stems is None or stems & set(self.facts(ref).name.stems))
        ]

    def used_numbers(self, place: int, stems: frozenset[str]) -> list[Part]:
        """Columns of numbers in the query that the words after a place name, or whose names have one of the stems."""
        named = self.named(place)
        columns = {ref: part for ref, part in self.query.columns.items() if self.facts(ref).kind == "number"}
        return [part for ref, part in columns.items() if self.has_amounts([ref], stems | named)]

    def named(self, place: int) -> set[str]:
        """Stems of the next few words that not every question has."""
        return {word.token.stem for word in self.asked.words[place + 1 : place + _FAR] if not word.generic}

    def orders(self) -> list[Part]:
        """Keys of an order where no word gives the direction: they rise, unless the question says otherwise."""
        down = any(word.cue == "descending" or (word.cue == "high" and word.text != "first")
                   for word in self.asked.words)  # fmt: skip
        return [one.part for one in self.query.orders if down or not one.descending]

    def fits_order(self, order: Order, target: set[str]) -> bool:
        """Whether a key orders by the target; an aggregate without groups has nothing to order."""
        return (not order.columns or self.fits(order.columns, target)) and not (order.counted and not self.query.groups)
