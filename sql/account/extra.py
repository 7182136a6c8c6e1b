"""Parts of a query that no word of the question asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.text.words import stem, words

from .reading import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..schema.schema import ColumnRef
    from .parts import QueryParts
    from .question import Asked

__all__ = ["find_extra"]

_NAME_STEMS = frozenset(map(stem, ("name", "title", "label")))


def find_extra(asked: Asked, query: QueryParts, parts: Sequence[Sequence[Part]]) -> tuple[Part, ...]:
    """Conditions, aggregates, orders, limits, groups, shown columns and joined tables without a word for them.

    Args:
        asked: The question; a literal that its evidence names is asked for.
        query: What the query has.
        parts: For each word of the question the parts that it asks for.
    """
    used = {part for some in parts for part in some}
    texts = {part.text for part in used}
    found = [
        *_conditions(asked, query, used),
        *_negations(query, used),
        *_aggregates(query, texts),
        *_orders(asked, query, used),
        *_shown(asked, query, texts),
        *_tables(query, parts),
    ]
    return tuple(dict.fromkeys(found))


def _names(refs: tuple[ColumnRef, ...], texts: set[str]) -> bool:
    return any(f"{ref.table}.{ref.column}" in texts for ref in refs)


def _conditions(asked: Asked, query: QueryParts, used: set[Part]) -> Iterator[Part]:
    texts = {part.text for part in used}
    told = set(words(asked.evidence)) if asked.evidence else set()
    for literal in query.literals:
        flag = literal.text.casefold() in {"0", "1", "y", "n", "t", "f", "true", "false", "yes", "no", ""}
        if literal.op in {"", "limit"} or literal.part.text in texts or (set(words(literal.text)) <= told and told):
            continue
        # A flag is asked for by the name of its column: "active" for active = 1.
        if not (flag and _names(literal.columns, texts)) and not (literal.counted and literal.number in {0, 1}):
            yield literal.part
    for test in query.tests:
        named = test.part.text in texts or _names(test.columns, texts)
        # yesterday: date(x) = date('now', '-1 day')
        named = named or any(one.kind in {"function", "date"} and one.text in test.part.text for one in used)
        if not test.literal and not named and test.columns:
            yield test.part


def _negations(query: QueryParts, used: set[Part]) -> Iterator[Part]:
    asked = {part.text for part in used if part.kind in {"negation", "comparison"}}
    for test in query.tests:
        strict = test.op == "!=" or (test.negated and test.op in {"=", "in", "like"})
        if strict and not asked & {part.text for part in query.negations}:
            yield Part("negation", test.part.text)


def _aggregates(query: QueryParts, texts: set[str]) -> Iterator[Part]:
    grouped = any(text.startswith("GROUP BY") for text in texts)
    asked = any(one.part.text in texts for one in query.aggregates)
    for one in query.aggregates:
        # "orders per year" counts them without a word for it.
        if one.name == "COUNT" and grouped and not asked:
            continue
        # Where groups are compared or ordered, the count is what "most" or "more than 3" asks for.
        implied = any(text != one.part.text and one.part.text in text for text in texts)
        if one.part.text not in texts and not implied:
            yield one.part


def _are_subjects(asked: Asked, keys: tuple[ColumnRef, ...], texts: set[str]) -> bool:
    """Whether a key of a table that the question names stands for its rows."""
    view = asked.prepared.view
    named = [view.columns[view.index[ref]] for ref in keys if ref.table in texts]
    return any(facts.key or facts.label for facts in named)


def _orders(asked: Asked, query: QueryParts, used: set[Part]) -> Iterator[Part]:
    texts = {part.text for part in used}
    for order in query.orders:
        # An order without a limit changes no row.
        if order.part.text not in texts and order.limit is not None:
            yield order.part
    limits = {f"LIMIT {one.limit}" for one in query.orders if one.part.text in texts}
    for part in query.limits:
        if part.text not in texts and part.text not in limits:
            yield part
    for keys, part in query.groups:
        made = any(one.kind == "function" and one.text in part.text for one in used)
        named = made or part.text in texts or _names(keys, texts) or not keys or _are_subjects(asked, keys, texts)
        # "most" and "more than 3" ask for groups, too.
        compared = any(one.counted and one.part.text in texts for one in query.literals)
        superlative = any(text.startswith("ORDER BY") for text in texts)
        if not named and not superlative and not compared:
            yield part


def _shown(asked: Asked, query: QueryParts, texts: set[str]) -> Iterator[Part]:
    view = asked.prepared.view
    subjects = asked.subjects
    for ref in query.shown:
        facts = view.columns[view.index[ref]]
        part = query.columns.get(ref)
        # "Which singers …?" asks for the column that people read.
        if part is None or part.text in texts or _inside(part, texts):
            continue
        # Of people a first and a last name are read.
        label = facts.label or not _NAME_STEMS.isdisjoint(facts.name.stems)
        subject = label and ref.table in subjects
        if not (label or facts.key) or (not subject and _is_asked(ref.table, query, texts)):
            yield part


def _is_asked(table: str, query: QueryParts, texts: set[str]) -> bool:
    """Whether the question names another column of the table that is shown."""
    return any(ref.table == table and f"{ref.table}.{ref.column}" in texts for ref in query.shown)


def _inside(part: Part, texts: set[str]) -> bool:
    return any(part.text in text for text in texts)


def _tables(query: QueryParts, parts: Sequence[Sequence[Part]]) -> Iterator[Part]:
    """Tables that no word needs: each word that may speak of one may as well speak of another."""
    spoken: set[str] = set()
    for some in parts:
        named = {name for name in query.tables for part in some if part.text == name or f"{name}." in part.text}
        # A key names its table and the one that it refers to.
        spoken |= named if len(named) == 1 or any(part.kind != "column" for part in some) else set()
    linked: dict[str, int] = {}
    for ref in query.linking:
        linked[ref.table] = linked.get(ref.table, 0) + 1
    for name, part in query.tables.items():
        # A table that joins two others needs no word of its own.
        if name not in spoken and linked.get(name, 0) < 2 and len(query.tables) > 1:
            yield part
