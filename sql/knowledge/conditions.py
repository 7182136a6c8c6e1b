"""How the generators without a language model read a term, for the person who teaches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import format_entry
from .recall import find_term_hits

if TYPE_CHECKING:
    from ..database.database import Database
    from .entries import Term

__all__ = ["term_condition"]


def term_condition(term: Term, database: Database) -> str:
    """The condition that a term is read as where a question holds it, as SQL; "" where it is read as none.

    Of the stored values only those of the term's own columns are looked at.

    Args:
        term: With its columns, as it is stored.
        database: The database.

    Raises:
        DatabaseError: It cannot be read.
    """
    import sqlglot
    from sqlglot import exp

    from ..generate.base import Request
    from ..generate.phrases import PhraseGenerator
    from ..values import ValueIndex

    schema, meaning = database.schema(), format_entry(term)
    refs = [ref for ref in schema.refs() if f"{ref.table}.{ref.column}" in term.columns]
    # Numbers and days of the meaning are read by what the columns hold.
    values = ValueIndex.build(database, schema=schema.subset(refs)) if refs else None
    # A term may hold the noun ("big city") or be said of one ("senior").
    for question in (f"List all {term.term}", *(f"List all {ref.table} that are {term.term}" for ref in refs[:1])):
        hits, ranges = find_term_hits(term, refs, question), []
        if values is not None:
            hits, ranges = [*hits, *values.lookup(question, meaning)], values.ranges(question, meaning)
        request = Request(question, schema, path="full", evidence=meaning, hits=hits, ranges=ranges, n=1)
        for candidate in PhraseGenerator().generate(request):
            where = sqlglot.parse_one(candidate.sql, read=schema.dialect).find(exp.Where)
            if where is not None:
                return str(where.this.sql(dialect=schema.dialect))
    return ""
