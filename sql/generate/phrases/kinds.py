"""Values of lookup tables that stand for the rows of that kind: "how many dogs" asks for animals, not for species."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlglot import exp

from ...schema.lookups import is_lookup, rows_of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .conditions import Clause
    from .term import Topic
    from .terms import Terms

__all__ = ["find_kind_rows"]

_MOST = 3  # tables whose rows are a reading each


def find_kind_rows(text: str, clauses: Sequence[Clause], topic: Topic, terms: Terms) -> tuple[str, ...]:
    """The tables whose rows the kinds in a question are of; () where it names a table, or no kind.

    Args:
        text: The question as it was written.
        clauses: Its conditions.
        topic: What it is about.
        terms: Of the schema.
    """
    if topic.owner is not None or not clauses:
        return ()
    schema = terms.lexicon.view.schema
    values = [clause for clause in clauses if clause.options[0].kind == "value"]
    for clause in values:
        table = next(iter(clause.options[0].tables), "")
        # A name in capitals ("Weber") is one of a row, unless the table holds nothing but kinds.
        if table not in schema or not (
            _is_common(text, clause) or (is_lookup(schema, table) and _is_plural(text, clause))
        ):
            continue
        rows = rows_of_kind(schema, table)
        # Another condition may say of which table: "dogs born in 2015".
        said = {name for one in clauses if one is not clause for name in one.options[0].tables}
        if said <= {table}:
            return rows[:_MOST]
        if not said.isdisjoint(rows):
            return tuple(name for name in rows if name in said)[:_MOST]
    return ()


def _is_plural(text: str, clause: Clause) -> bool:
    """Whether a word is the plural of what is stored: "Labradors"."""
    literal: Any = clause.options[0].test.find(exp.Literal)
    return literal is not None and text[clause.start : clause.end].casefold() == f"{literal.name.casefold()}s"


def _is_common(text: str, clause: Clause) -> bool:
    said = text[clause.start : clause.end]
    return said == said.lower()
