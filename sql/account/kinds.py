"""What a column holds, judged by its type, its name and its stored values."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ctxprune.text.words import fold, stem

from .lexicon import word_set

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..generate.sketch.view import ColumnFacts
    from ..schema.schema import ColumnRef
    from .question import Asked

__all__ = ["ColumnKinds"]

_TRUTHS = word_set("y n yes no t f true false 0 1 on off")
_TRUTH_NAMES = frozenset(map(stem, word_set("is has was are can flag indicator")))
_DAY_NAMES = frozenset(map(stem, word_set("date day year month time timestamp datetime birthday dob birth")))
_AMOUNT = re.compile(r"[\s$€£(+<>~-]*[.\d]")
_DAY = re.compile(
    r"(?:1[5-9]|20|21)\d\d(?!\d)|\d{1,2}[/.-]\d{1,2}[/.-]|1\d{9}|1\d{12}|\d{1,2}:\d\d|[A-Za-z]{3,9}\.? \d"
)
_MOST_TRUTHS = 2


class ColumnKinds:
    """Looks up the columns of one question's schema. Without stored values only what types and names say is known."""

    def __init__(self, asked: Asked) -> None:
        self._asked, self._view = asked, asked.prepared.view

    def facts(self, ref: ColumnRef) -> ColumnFacts:
        """What the schema says about a column."""
        return self._view.columns[self._view.index[ref]]

    def stored(self, ref: ColumnRef) -> tuple[object, ...]:
        """A few stored values; () where none are known."""
        own = self._asked.samples.get(ref, ())
        return own or self._view.schema.table(ref.table).column(ref.column).examples

    def is_flag(self, ref: ColumnRef) -> bool:
        """Whether a column says yes or no."""
        stored = {fold(str(value).strip()) for value in self.stored(ref)}
        if self._view.schema.table(ref.table).column(ref.column).type.casefold().startswith("bool"):
            return True
        named = not _TRUTH_NAMES.isdisjoint(self.facts(ref).name.stems)
        if not stored:
            return named
        # One value alone, such as 1, may be a number that happens to be the same in all rows.
        alone = len(stored) == 1 and stored <= {"0", "1"}
        return stored <= _TRUTHS and len(stored) <= _MOST_TRUTHS and (named or not alone)

    def is_link(self, ref: ColumnRef) -> bool:
        """Whether a column tells rows apart or refers to others."""
        facts = self.facts(ref)
        return facts.key or facts.foreign or facts.kind == "id"

    def is_day(self, ref: ColumnRef) -> bool:
        """Whether a column holds days or times, judged by type and name."""
        facts = self.facts(ref)
        return facts.kind == "date" or not _DAY_NAMES.isdisjoint(facts.name.stems)

    def looks_like_days(self, ref: ColumnRef) -> bool:
        """Whether the stored values begin with years, or are dates or times written otherwise."""
        stored = [str(value) for value in self.stored(ref) if value is not None and value != ""]
        return bool(stored) and all(map(_DAY.match, stored))

    def is_wordy(self, ref: ColumnRef) -> bool:
        """Whether a column holds texts that have no size: none of its stored values begins with a number."""
        stored = [str(value) for value in self.stored(ref) if value is not None and value != ""]
        return self.facts(ref).kind == "text" and bool(stored) and not any(map(_AMOUNT.match, stored))

    def is_readable(self, ref: ColumnRef) -> bool:
        """Whether people read a column as the name of a row: a text that is no key, day or flag."""
        facts = self.facts(ref)
        if facts.label:
            return True
        return facts.kind == "text" and not (facts.foreign or self.is_day(ref) or self.is_flag(ref))

    def holds_year(self, ref: ColumnRef, year: float) -> bool:
        """Whether a year may be compared with what a column holds: not with keys, nor with numbers of another size."""
        found = {hit.ref for _, hit in self._asked.hits} | {hit.ref for _, hit in self._asked.ranges}
        seen = self.stored(ref) or ref in found
        if self.facts(ref).kind == "text" and not seen and not self.is_day(ref):
            return False  # "visit type" of which no value is known
        amounts = [float(value) for value in self.stored(ref) if isinstance(value, (int, float))]
        # A year may be part of a key.
        within = not amounts or min(amounts) / 2 <= year <= max(amounts) * 2
        return within and not self.is_wordy(ref) and (self.is_day(ref) or not self.is_link(ref))

    def roots(self, ref: ColumnRef) -> Iterable[str]:
        """Stems of a column's name that say what it is about ("smoker" of is_smoker)."""
        return [one for one in self.facts(ref).name.stems if one not in _TRUTH_NAMES]
