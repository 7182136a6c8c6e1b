"""Doubts about counts in a lookup table: "how many dogs" is hardly the one row of species that describes dogs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..schema.lookups import is_lookup, rows_of_kind
from ..select.forms import read_form
from .leftover import Leftover

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..account.reading import Reading, Span
    from ..database.database import ResultSet
    from ..select.base import Executed, SelectionContext
    from .features import GroupFacts

__all__ = ["find_counted_kinds", "find_rows_of_kind"]

_MOST_NAMED = 3  # tables that a doubt names


def find_counted_kinds(
    reading: Reading, sql: str, context: SelectionContext, result: ResultSet
) -> tuple[Leftover, ...]:
    """The words for a stored value of which a query counts the rows of a table that others refer to.

    The rows that refer to it may be meant, unless the question names the table or one of its other columns. A value
    that is stored once, so that the count is 1 whatever the database holds, says so of any table that others or its own
    rows refer to; otherwise the table has to be a lookup table.

    Args:
        reading: The account of the query.
        sql: The query.
        context: With the schema.
        result: Rows of the query.
    """
    schema = context.schema
    form = read_form(sql, schema.dialect)
    if form is None or len(form.tables) != 1 or not _counts_rows(form.facts) or len(result.rows) != 1:
        return ()
    name = next((table.name for table in schema.tables if table.name.casefold() in form.tables), "")
    about = rows_of_kind(schema, name) if name else ()
    # Of a tree of kinds ("vehicle" above "car") the rows below the one that is named may be meant.
    tree = any(key.table == key.ref_table == name for key in schema.foreign_keys)
    values = [span for span in reading.spans if any(part.kind == "value" for part in span.parts)]
    if not (about or tree) or not values or _is_named(reading, name):
        return ()
    once = result.rows[0] == (1,)
    if not once and not (about and is_lookup(schema, name)):
        return ()
    others = ", ".join(about[:_MOST_NAMED]) or f"{name} itself"
    return tuple(
        Leftover("value", span.text, (span.start, span.end), _why(span, name, others), about if once else ())
        for span in values
    )


def find_rows_of_kind(one: GroupFacts, others: Sequence[GroupFacts], executed: Sequence[Executed], dialect: str) -> int:
    """Index among `others` of the first group that counts the rows which `one` should have counted; -1 for none.

    Args:
        one: A group of equal results.
        others: Other groups, the likeliest first.
        executed: The candidates.
        dialect: Of their queries.
    """
    instead = {name.casefold() for left in one.leftovers for name in left.instead}
    for index, other in enumerate(others if instead else ()):
        form = read_form(executed[other.representative].sql, dialect)
        if form is not None and form.tables & instead and _counts_rows(form.facts) and not other.blocked:
            return index
    return -1


def _counts_rows(facts: Mapping[str, int]) -> bool:
    counts = facts["rows_counted"] or facts["column_counted"] or facts["distinct_counted"]
    return bool(counts) and not facts["items"] and not facts["group"] and not facts["nested"]


def _is_named(reading: Reading, table: str) -> bool:
    """Whether a word stands for the table or a column of it; what is compared is the word for a value, and no name."""
    parts = [part for span in reading.spans for part in span.parts]
    return any(part.kind == "table" or (part.kind == "column" and part.text.partition(".")[0] == table)
               for part in parts)  # fmt: skip


def _why(span: Span, name: str, others: str) -> str:
    return f"{span.text!r} is counted as rows of {name}; rows of {others}, which refer to {name}, may be meant"
