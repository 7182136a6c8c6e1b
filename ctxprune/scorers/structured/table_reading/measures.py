"""Which columns a number of a question may be about: no key where a bound is meant, and the prices for "cost"."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.scorers.structured.table_reading.column_names import (
    NAMING,
    header_words,
    meaning_strengths,
    name_strengths,
)
from ctxprune.text.words import stem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.scorers.structured.table_reading.asked import Asked
    from ctxprune.scorers.structured.table_reading.question_form import Condition
    from ctxprune.scorers.structured.table_reading.reading import TableReading

__all__ = ["Measured", "find_keys", "find_measured"]

_MARKS = frozenset(("id", "ids", "uid", "uuid", "guid", "pk", "key", "identifier"))
_NUMBERS = frozenset(("no", "nr", "num", "number", "code", "ref"))  # marks behind another word: "order_no"
_MARK_STEMS = frozenset(map(stem, _MARKS | _NUMBERS))
_FEWEST = 5  # rows from which whole numbers without a gap are a numbering; fewer may be counts
# What a question says that something costs, weighs, ... is in columns of these names. The first words are looked for
# beside a number, also in their other forms; all are looked for in headers.
_VERBS = (
    ("cost charge price fee fare", "amount tariff total value usd eur gbp dollars euros"),
    ("weigh weight", "mass kg kilograms grams lb lbs pounds tons tonnes"),
    ("earn salary wage", "pay income earnings compensation usd eur gbp dollars euros"),
    ("last duration", "length runtime time mins minutes hours seconds days"),
)
# Nouns of things that are counted. They need no column of their own: "18 units" may be of a column named "sold".
_COUNTED = ("piece pcs unit item copy pack", "quantity qty count")
_CURRENCIES = frozenset("$€£¥₹")


@dataclass(frozen=True)
class Measured:
    """The columns that a number may be about.

    Attributes:
        columns: bool (n_columns,), those it may be about.
        unclear: Whether the question says what is measured ("cost"), and no column is named so.
    """

    columns: NDArray[np.bool_]
    unclear: bool = False


@lru_cache(maxsize=1)
def _measures() -> dict[str, tuple[tuple[str, ...], bool]]:
    """By the stem of a word of a question the words of headers, and whether it needs a column that is named so."""
    found: dict[str, tuple[tuple[str, ...], bool]] = {}
    for said, more, needed in (*((*pair, True) for pair in _VERBS), (*_COUNTED, False)):
        names = tuple(f"{said} {more}".split())
        found |= {stem(word): (names, needed) for word in said.split()}
    return found


def find_keys(reading: TableReading) -> NDArray[np.bool_]:
    """Columns that tell records apart and measure nothing, bool (n_columns,): those named so ("visit_id", "order no"),
    and whole numbers that rise by one."""
    marked = np.array([_has_mark(header) for header in reading.grid.header], dtype=np.bool_)
    numbered = [_is_numbering(reading, column) for column in range(reading.shape[1])]
    return marked | np.array(numbered, dtype=np.bool_)


def _has_mark(header: str) -> bool:
    names = header_words(header)
    return bool(names) and (names[-1] in _MARKS or (len(names) > 1 and names[-1] in _NUMBERS))


def _is_numbering(reading: TableReading, column: int) -> bool:
    values = reading.low[:, column]
    if reading.kinds[column] != "number" or len(values) < _FEWEST or not np.isfinite(values).all():
        return False
    # Of a long table sorting takes long, and hardly any column has the range of a numbering.
    if not float(values[0]).is_integer() or values.max() - values.min() != len(values) - 1:
        return False
    return bool((np.diff(np.sort(values)) == 1).all())


def find_measured(condition: Condition, asked: Asked, *, bounded: bool) -> Measured:
    """The columns that a number of a question may be about.

    Args:
        condition: What is said of the number.
        asked: The question and the table.
        bounded: Whether it is a bound; what equals a number may be a key ("order 1017").
    """
    reading = asked.reading
    valued = np.array([kind != "text" for kind in reading.kinds], dtype=np.bool_)
    # "The last 5" measures nothing, "lasted over 5" does.
    words = [word for word in sorted(condition.nouns) if word in _measures() and (bounded or word != "last")]
    needed = any(_measures()[word][1] for word in words)
    if not (bounded or needed):
        return Measured(valued)
    free = valued & ~(find_keys(reading) & ~_named_keys(condition, asked))
    for word in words:
        if (measured := _find_named(word, free, condition, asked)).any():
            return Measured(measured)
    if needed:
        return Measured(free, unclear=True)
    # Where there is nothing else, a key may be meant ("orders over 1017").
    return Measured(free if free.any() else valued)


def _find_named(word: str, free: NDArray[np.bool_], condition: Condition, asked: Asked) -> NDArray[np.bool_]:
    """Of the `free` columns those whose header has the stem `word`; else those that have the currency of the condition;
    else those that other words for it name best; else those that mean nearly the same."""
    reading, names = asked.reading, _measures()[word][0]
    strengths = np.where(free, name_strengths(names, reading.grid.header).max(axis=0, initial=0.0), 0.0)
    # What "18 units" counts may be in a column of quantities, and "unit price" is none.
    said = [word in header and _measures()[word][1] for header in reading.headers]
    signed = [condition.sign in _CURRENCIES and sign == condition.sign for sign in reading.signs]
    best = (strengths >= NAMING) & (strengths == strengths.max(initial=0.0))
    for found in (np.array(said, dtype=np.bool_), np.array(signed, dtype=np.bool_), best):
        if (free & found).any():
            return free & found
    near: NDArray[np.bool_] = free & (meaning_strengths(names[0], reading.grid.header) > 0)
    return near


def _named_keys(condition: Condition, asked: Asked) -> NDArray[np.bool_]:
    """Keys that the question names as such: "an id over 5" one that is named so, "ranked below 5" a numbering."""
    by_mark = not _MARK_STEMS.isdisjoint(condition.nouns)
    named = asked.strengths.max(axis=0, initial=0.0) >= NAMING
    marked = np.array([_has_mark(header) for header in asked.reading.grid.header], dtype=np.bool_)
    keys: NDArray[np.bool_] = named & (~marked | by_mark)
    return keys
