"""Words that ask for a total or for rows of yes, where the query adds up or counts something else.

Each rule gives positions of words that count as left over although a part of the query has the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, stem

from .lexicon import is_participle, word_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import ColumnRef
    from .objections import Case

__all__ = ["find_other_totals"]

_TOGETHER = word_set("altogether combined overall together")
_SPENT = word_set("total spent spend paid earned revenue turnover")
_AVERAGES = word_set("average avg mean typical usual")
# In names of columns: amounts of one piece, which sum up to nothing.
_PER_UNIT = frozenset(map(stem, word_set("unit each per percent percentage pct rate ratio")))
# In names of columns: the first and the last day of a period.
_STARTS = frozenset(map(stem, word_set("start starts begin begins from effective opens")))
_ENDS = frozenset(map(stem, word_set("end ends until to expiry expires expiration finish thru close closes")))
# In questions: words that ask for the beginning or end itself.
_BORDERS = _STARTS | _ENDS | frozenset(map(stem, word_set(
    "began started launched introduced opened new since after before first last ended expired finished closed"
)))  # fmt: skip


def find_other_totals(case: Case) -> Iterator[int]:
    """Positions of words that count as left over; one may come twice."""
    yield from _find_sums_of_single_rows(case)
    yield from _find_added_unit_prices(case)
    yield from _find_counted_flags(case)
    yield from _find_counts_for_totals(case)
    yield from _find_open_periods(case)


def _find_sums_of_single_rows(case: Case) -> Iterator[int]:
    """ "Buildings with at least 70 beds altogether": single rows say nothing of what they are together."""
    shown = any(one.shown for one in case.query.aggregates) or any(test.counted for test in case.query.tests)
    if not shown and not any(one.counted for one in case.query.literals):
        yield from (place for place, word in enumerate(case.asked.words) if word.text in _TOGETHER and not word.exact)


def _find_added_unit_prices(case: Case) -> Iterator[int]:
    """ "How much did we spend on X": prices of one piece do not add up to what was paid."""
    asked = {word.text for word in case.asked.words}
    names = {"SUM"} if asked & _AVERAGES else {"SUM", "AVG"}
    sums = [one for one in case.query.aggregates if one.name in names and one.columns]
    if any(all(_is_per_unit(case, ref) for ref in one.columns) for one in sums):
        yield from (place for place, word in enumerate(case.asked.words) if word.text in _SPENT)


def _is_per_unit(case: Case, ref: ColumnRef) -> bool:
    return not _PER_UNIT.isdisjoint(case.kinds.facts(ref).name.stems)


def _find_counted_flags(case: Case) -> Iterator[int]:
    """ "How many organ donors": how many different answers there are to yes or no is never asked for."""
    counts = [one for one in case.query.aggregates if one.name == "COUNT" and one.distinct]
    counted = {ref for one in counts for ref in one.columns if case.kinds.is_flag(ref)}
    flags = {part.text for ref, part in case.query.columns.items() if ref in counted}
    for place, parts in enumerate(case.parts):
        if any(part.kind == "column" and part.text in flags for part in parts):
            yield place


def _find_counts_for_totals(case: Case) -> Iterator[int]:
    """ "Total billed in March": a count is the total of nothing but the rows that are named."""
    aggregates = case.query.aggregates
    if not aggregates or any(one.name != "COUNT" for one in aggregates):
        return
    view = case.asked.prepared.view
    for place, word in enumerate(case.asked.words):
        after = case.asked.text(place + 1)
        if word.text != "total" or word.exact or after in STOP_WORDS or after in {"number", "count", ""}:
            continue
        nouns = case.asked.words[place + 1 : place + 4]
        if not any(one.token.stem in view.table_words and not is_participle(one.text) for one in nouns):
            yield place


def _find_open_periods(case: Case) -> Iterator[int]:
    """ "Vouchers that could be used on 25 December": what begins or ends then is not what holds then."""
    stems = {word.token.stem for word in case.asked.words}
    if stems & _BORDERS:
        return
    view = case.asked.prepared.view
    borders: dict[str, dict[str, ColumnRef]] = {}
    for one in view.columns:
        side = "start" if _STARTS & set(one.name.stems) else "end" if _ENDS & set(one.name.stems) else ""
        if side and one.ref.table in case.query.tables and case.kinds.is_day(one.ref):
            borders.setdefault(one.ref.table, {})[side] = one.ref
    compared = {ref for literal in case.query.literals for ref in literal.columns}
    for sides in borders.values():
        if len(sides) == 2 and len(compared.intersection(sides.values())) == 1:
            yield from (place for place, word in enumerate(case.asked.words) if word.number is not None)
