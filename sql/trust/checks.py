"""Doubts that only the result of a query gives: repeated rows, and nothing found for a value that is not stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, words

from ..select.forms import read_form
from .leftover import Leftover

if TYPE_CHECKING:
    from ..account.reading import Reading, Span
    from ..database.database import ResultSet
    from ..select.base import SelectionContext

__all__ = ["find_repeats", "find_unstored"]

_ASKING = frozenset(("what", "which"))
_KINDS = frozenset(("kinds", "types", "categories", "sorts"))
_COPULAS = frozenset(("is", "are", "was", "were", "s"))
_ROWS = 2_000  # of a result that are looked at
_LIKELY = 0.3  # of a stored value that counts as meant


def find_repeats(reading: Reading, sql: str, result: ResultSet, dialect: str) -> tuple[Leftover, ...]:
    """The words that ask for kinds of a thing ("what carriers do we use?") of which a query gives every row.

    Where the question names the table ("the cities of all customers") repeated rows are what it may want.

    Args:
        reading: The account of the query.
        sql: The query.
        result: Its rows.
        dialect: Of the query, as sqlglot calls it.
    """
    rows = result.rows[:_ROWS]
    if len(result.columns) != 1 or len(rows) < 2 or len(set(map(repr, rows))) == len(rows):
        return ()
    form = read_form(sql, dialect)
    if form is None or form.facts["distinct"] or form.facts["group"]:
        return ()
    shown = [span for span in reading.spans if any(part.kind == "column" for part in span.parts)]
    if not shown:
        return ()
    named = any(part.kind == "table" for span in reading.spans for part in span.parts)
    first = shown[0]
    if named and not _asks_for_kinds(reading, first):
        return ()
    why = f"the result repeats rows, although {first.text!r} may ask for each one once"
    return (Leftover("doubt", first.text, (first.start, first.end), why),)


def find_unstored(reading: Reading, context: SelectionContext, result: ResultSet) -> tuple[Leftover, ...]:
    """The words that a query looks for as a value, where none is stored and nothing is found.

    "How many employees are from France" is 0 of any column that the word is compared with.

    Args:
        reading: The account of the query.
        context: With the stored values that the question names.
        result: Rows of the query.
    """
    if any(cell not in (None, 0) for row in result.rows[:_ROWS] for cell in row):
        return ()
    return tuple(
        Leftover("doubt", span.text, (span.start, span.end), f"{span.text!r} is no stored value, and nothing is found")
        for span in reading.spans
        if any(part.kind == "value" for part in span.parts)
        and not any(
            hit.likelihood >= _LIKELY and hit.span[0] < span.end and span.start < hit.span[1] for hit in context.hits
        )
    )


def _asks_for_kinds(reading: Reading, span: Span) -> bool:
    """Whether "what" or "which" stands right before a noun ("which channels do guests use?"), or kinds are named."""
    before = " ".join(one.text for one in reading.spans if one.end <= span.start)
    after = " ".join(one.text for one in reading.spans if one.start >= span.end)
    said = words(before)
    goes_on = words(after)[:2]
    # "The types of the customer" are values of one row, "types of customers" are not.
    if span.text.casefold() in _KINDS and goes_on[:1] == ["of"] and STOP_WORDS.isdisjoint(goes_on[1:]):
        return True
    return bool(said) and said[-1] in _ASKING and not _COPULAS & set(said)
