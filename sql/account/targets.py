"""What the noun beside a cue names, and which parts of a query speak of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .lexicon import word_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..generate.sketch.view import ColumnFacts
    from ..schema.schema import ColumnRef
    from .parts import Order, QueryParts
    from .question import Asked
    from .reading import Part

__all__ = ["Targets"]

_DAY_STEMS = word_set("dat year tim birth birthday birthdat dob born month day founded start end joined since")
_RANK_STEMS = word_set("rank ranking position place grade time tim pace lap number seed")
_SKIPPED = word_set("the a an of number numbers amount total average value values count each all their its in")
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

    def has_amounts(self, columns: Iterable[ColumnRef], stems: frozenset[str]) -> bool:
        """Whether the name of one of the columns has one of these stems."""
        return any(stems & set(self.facts(ref).name.stems) for ref in columns)

    def find(self, place: int) -> set[str]:
        """The stem of a column of numbers or days that the noun after a cue names; empty where it may be anything."""
        for word in self.asked.words[place + 1 : place + _FAR]:
            if word.text in _SKIPPED and not word.exact:
                continue
            return {word.token.stem} if word.exact and self._is_measured(word.token.stem) else set()
        return set()

    def _is_measured(self, name: str) -> bool:
        """Whether a stem names a column that can be summed up or compared."""
        view = self.asked.prepared.view
        return any(view.columns[number].kind in {"number", "date"} for number, _ in view.column_words.get(name, ()))

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
            if one.name in names and (not one.columns or self.fits(one.columns, target))
        ]

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

    def orders(self) -> list[Part]:
        """Keys of an order where no word gives the direction: they rise, unless the question says otherwise."""
        down = any(word.cue == "descending" or (word.cue == "high" and word.text != "first")
                   for word in self.asked.words)  # fmt: skip
        return [one.part for one in self.query.orders if down or not one.descending]

    def fits_order(self, order: Order, target: set[str]) -> bool:
        """Whether a key orders by the target; an aggregate without groups has nothing to order."""
        return (not order.columns or self.fits(order.columns, target)) and not (order.counted and not self.query.groups)
