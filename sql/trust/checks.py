"""Doubts that the rows give: repeated rows, a value that is not stored, and one that is stored in several spellings."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from typing import TYPE_CHECKING

from ctxprune.text.words import STOP_WORDS, words

from ..select.forms import read_form
from .leftover import Leftover

if TYPE_CHECKING:
    from ..account.reading import Reading, Span
    from ..database.database import ResultSet
    from ..select.base import SelectionContext

__all__ = ["find_repeats", "find_spellings", "find_unstored"]

_ASKING = frozenset(("what", "which"))
_KINDS = frozenset(("kinds", "types", "categories", "sorts"))
_COPULAS = frozenset(("is", "are", "was", "were", "s"))
_ROWS = 2_000  # of a result that are looked at
_CASELESS = re.compile(r"\b(?:lower|upper|ilike|like|collate)\b", re.I)  # of a query that may compare without case
_CASELESS_DIALECTS = frozenset(("mysql", "tsql"))  # their usual collations
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


def find_spellings(reading: Reading, sql: str, context: SelectionContext) -> tuple[Leftover, ...]:
    """The words that a query looks for as a value, where its column holds further spellings that the query leaves out.

    "Zoé" may be stored with one character for its last letter and with two, which look the same; or beside "ZOÉ".

    Args:
        reading: The account of the query.
        sql: The query.
        context: With the stored values that the question names.
    """
    caseless = _CASELESS.search(sql) is not None or context.schema.dialect in _CASELESS_DIALECTS
    found = []
    for span in reading.spans:
        if not any(part.kind == "value" for part in span.parts):
            continue
        stored = defaultdict(set)
        for hit in context.hits:
            if hit.span[0] < span.end and span.start < hit.span[1] and isinstance(hit.value, str):
                stored[hit.ref, _normalize(hit.value).casefold()].add(hit.value)
        if any(_leaves_out(values, sql, caseless=caseless) for values in stored.values()):
            why = f"{span.text!r} is stored in several spellings, and the query does not look for all of them"
            found.append(Leftover("doubt", span.text, (span.start, span.end), why))
    return tuple(found)


def _normalize(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _leaves_out(values: set[str], sql: str, *, caseless: bool) -> bool:
    """Whether a query has some of the spellings of a value as literals, and not all."""
    # Cases that the query does not tell apart are one spelling.
    written = {value.casefold() if caseless else value for value in values}
    text = sql.casefold() if caseless else sql
    used = [value for value in written if _stands_in(value, text)]
    return len(written) > 1 and 0 < len(used) < len(written)


def _stands_in(value: str, sql: str) -> bool:
    quoted = value.replace("'", "''")
    return f"'{quoted}'" in sql or f"%{quoted}%" in sql


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
