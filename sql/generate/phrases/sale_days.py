"""The day of what is sold: "revenue in 2022" is that of the orders of 2022, whatever else has a day."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from .conditions import Clause, Option
from .measures import SPENT
from .plan import column
from .term import is_moment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..sketch.view import ColumnFacts
    from .term import Topic
    from .terms import Terms

__all__ = ["read_unsold", "with_sale_days"]

_WORD = re.compile(r"[^\W\d_]{3,}")
_UNSOLD = re.compile(
    r"\b(?:(?:that|which|who)\s+)?(?:(?:have|has|had|were|was|are|did)\s+)?(?:never|not(?:\s+yet)?)\s+(?:been\s+)?"
    r"(?:sold|ordered|bought|purchased)\b(?:\s+any(?:thing|\s+[a-z]+))?(?=\s*(?:[.?!,]|$|by\s+any|at\s+all|yet|ever))|\bunsold\b"
)
_AHEAD = 1.05


def with_sale_days(clauses: Sequence[Clause], text: str, terms: Terms, *, sold: bool = False) -> list[Clause]:
    """Conditions on days with, at the head, the same on the day of the sale, where the question is on sales.

    A condition whose own words name its column stays.

    Args:
        clauses: The conditions of the question.
        text: The question in lower case.
        terms: Reads phrases.
        sold: The question is known to be on sales.
    """
    if not (sold or SPENT.search(text)) or not terms.sums.products:
        return list(clauses)
    days = [facts for facts in terms.lexicon.view.columns if facts.table in terms.sums.near() and facts.kind == "date"]
    return [_dated(clause, text, days, terms) if clause.options[0].kind == "date" else clause for clause in clauses]


def _dated(clause: Clause, text: str, days: Sequence[ColumnFacts], terms: Terms) -> Clause:
    first = clause.options[0]
    held = list({node.sql(): node for node in first.test.find_all(exp.Column)}.values())
    facts = terms.facts(held[0]) if len(held) == 1 else None
    if facts is None or not is_moment(facts) or facts.table in terms.sums.near():
        return clause
    words = _WORD.findall(text[clause.start : clause.end])
    if any(name in facts.name.stems for word in words for name in terms.lexicon.similar(word)):
        return clause
    # Only columns of one type write their days alike.
    alike = [day for day in days if _type(day, terms) == _type(facts, terms)]
    moved = tuple(_on(first, day) for day in alike[:2])
    return replace(clause, options=(*moved, *clause.options))


def _type(facts: ColumnFacts, terms: Terms) -> str:
    return terms.lexicon.view.schema.table(facts.ref.table).column(facts.ref.column).type.upper()


def _on(option: Option, day: ColumnFacts) -> Option:
    test = option.test.transform(lambda node: column(day.ref) if isinstance(node, exp.Column) else node)
    return Option(min(option.score * _AHEAD, 1.0), test, (day.ref.table,), option.kind, option.note)


def read_unsold(text: str, terms: Terms, topic: Topic) -> list[Clause]:
    """ "never been sold": no line of an order refers to the thing that is spoken of."""
    match = _UNSOLD.search(text)
    if match is None or topic.owner is None:
        return []
    own = terms.lexicon.view.table_name(topic.owner)
    options = []
    lines = dict.fromkeys(product.table for product in terms.sums.products)
    # Buyers stand at the orders, what is sold at the lines.
    orders = [terms.lexicon.view.table_name(number) for number in sorted(terms.sums.near())]
    for line in dict.fromkeys([*lines, *orders]):
        for key in terms.lexicon.view.schema.foreign_keys:
            if (key.table, key.ref_table) == (line, own) and len(key.columns) == 1:
                held = exp.column(key.columns[0], table="X1")
                inner = exp.select(held).from_(
                    exp.Table(this=exp.to_identifier(line), alias=exp.TableAlias(this=exp.to_identifier("X1")))
                )
                inner = inner.where(exp.Not(this=exp.Is(this=held.copy(), expression=exp.Null())))
                test = exp.Not(
                    this=exp.In(this=exp.column(key.ref_columns[0], table=own), query=exp.Subquery(this=inner))
                )
                options.append(Option(0.85, test, (own,), "absence"))
    return [Clause(match.start(), match.end(), tuple(options))] if options else []
