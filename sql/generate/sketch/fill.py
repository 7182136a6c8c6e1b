"""Fills a template's slots with columns and literals, most likely first."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from .nested import fill_compounds, fill_subqueries
from .query import Item, Query
from .slots import Pool, having_conditions, literal_conditions, with_tables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.schema import ColumnRef
    from .scores import Scores
    from .templates import Clause, Template

__all__ = ["Filled", "fill"]

_PER_TEMPLATE = 14


class Filled(NamedTuple):
    """A complete query with the summed log-odds of its slots."""

    score: float
    query: Query


def fill(template: Template, scores: Scores) -> list[Filled]:
    """At most a dozen queries of that shape, best first; [] where the question lacks a literal that the shape needs."""
    pool = Pool(tuple(range(len(scores.reading.analysis.values))))
    found: dict[Query, float] = {}
    for score, query in _cores(template, scores, pool):
        if score > found.get(query, -1e9):
            found[query] = score
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    return [Filled(score, query) for query, score in ranked[:_PER_TEMPLATE]]


def _cores(template: Template, scores: Scores, pool: Pool) -> Iterator[tuple[float, Query]]:
    literal = tuple(clause for clause in template.where if clause.inner is None)
    nested = tuple(clause for clause in template.where if clause.inner is not None)
    # A query has room for one sub-query.
    if len(nested) > 1:
        return
    selects = _selects(template.select, scores)[:5]
    # The widths 6, 2, 3 and 5 below bound the product to some hundred queries a template.
    for choice in literal_conditions(literal, scores, pool)[:6]:
        rest = pool.without(choice.used)
        for having in having_conditions(template.having, scores, rest)[:2]:
            left = rest.without(having.used)
            limit, limit_used = _limit(template.limit, scores, left)
            if template.limit and limit is None:
                continue
            left = left.without(limit_used)
            for order_score, order in _orders(template, scores)[:3]:
                for select_score, items in selects:
                    query = Query(
                        select=items,
                        tables=(),
                        where=choice.conditions,
                        connector=template.connector,
                        having=having.conditions,
                        order=order,
                        desc=template.desc,
                        limit=limit,
                    )
                    base = choice.score + having.score + order_score + select_score
                    for extra, grouped in _groups(template, scores, query):
                        yield from _finish(base + extra, grouped, (template, nested), scores, left)


def _finish(
    score: float, query: Query, shape: tuple[Template, tuple[Clause, ...]], scores: Scores, pool: Pool
) -> Iterator[tuple[float, Query]]:
    template, nested = shape
    for table_score, placed in with_tables(query, scores, counted=_counts(template)):
        options: list[tuple[float, Query]] = [(0.0, placed)]
        if nested:
            options = list(fill_subqueries(nested[0], placed, scores, pool))
        for inner_score, whole in options:
            if template.right is None:
                yield score + table_score + inner_score, whole
            else:
                for right_score, joined in fill_compounds(template, whole, scores, pool):
                    yield score + table_score + right_score, joined


def _counts(template: Template) -> bool:
    return "count" in template.select or "count" in template.order or any(c.agg == "count" for c in template.having)


def _limit(kind: str, scores: Scores, pool: Pool) -> tuple[int | None, tuple[int, ...]]:
    if kind == "1":
        return 1, ()
    if kind == "k":
        whole = [v for v in pool.values if isinstance(n := scores.literal(v), int) and n not in scores.bounds]
        if whole:
            best = max(whole, key=lambda v: scores.number_role(v, "limit"))
            literal = scores.literal(best)
            return (literal, (best,)) if isinstance(literal, int) else (None, ())
    return None, ()


def _selects(words: Sequence[str], scores: Scores) -> list[tuple[float, tuple[Item, ...]]]:
    if words == ("*",):
        return [(0.0, (Item(None),))]
    plain, aggs = words.count(""), [word for word in words if word]
    if "*" in aggs:
        return []
    found: list[tuple[float, tuple[Item, ...]]] = []
    for plain_score, columns in _plain_sets(plain, scores):
        for agg_score, items in _aggregates(aggs, scores):
            ordered = tuple(Item(scores.ref(n)) for n in columns)
            found.append((plain_score + agg_score, (*ordered, *items)))
    return sorted(found, key=lambda way: -way[0])


def _plain_sets(count: int, scores: Scores) -> list[tuple[float, tuple[int, ...]]]:
    if count == 0:
        return [(0.0, ())]
    top = scores.top("select", count + 4)
    sets = [
        (sum(scores.column(n, "select") for n in chosen), tuple(sorted(chosen, key=scores.mention_order)))
        for chosen in itertools.combinations(top, count)
    ]
    return sorted(sets, key=lambda way: -way[0])[:5]


def _aggregates(aggs: Sequence[str], scores: Scores) -> list[tuple[float, tuple[Item, ...]]]:
    named = [agg for agg in aggs if agg not in ("count", "countd")]
    counts = tuple(Item(None, "count") for agg in aggs if agg == "count")
    distinct = aggs.count("countd")
    if distinct > 1 or (distinct and named):
        return []
    if distinct:
        top = scores.top("countd", 3)
        return [(scores.column(n, "countd"), (*counts, Item(scores.ref(n), "count", distinct=True))) for n in top]
    if not named:
        return [(0.0, counts)]
    top = scores.top("agg", 3)
    ways: list[tuple[float, tuple[Item, ...]]] = []
    if len(set(named)) == len(named):
        ways = [(scores.column(n, "agg"), (*(Item(scores.ref(n), agg) for agg in named), *counts)) for n in top]
    if len(named) == 2:
        for first, second in itertools.permutations(top, 2):
            items = (Item(scores.ref(first), named[0]), Item(scores.ref(second), named[1]))
            ways.append((scores.column(first, "agg") + scores.column(second, "agg"), (*items, *counts)))
    return sorted(ways, key=lambda way: -way[0])[:4]


def _orders(template: Template, scores: Scores) -> list[tuple[float, tuple[Item, ...]]]:
    if not template.order:
        return [(0.0, ())]
    if len(template.order) > 1:
        top = scores.top("order", 2)
        if len(top) < 2 or any(template.order):
            return []
        return [(0.0, tuple(Item(scores.ref(n)) for n in sorted(top, key=scores.mention_order)))]
    agg = template.order[0]
    if agg == "count":
        return [(0.0, (Item(None, "count"),))]
    role = "agg" if agg else "order"
    return [(scores.column(n, role), (Item(scores.ref(n), agg),)) for n in scores.top(role, 3)]


def _groups(template: Template, scores: Scores, query: Query) -> Iterator[tuple[float, Query]]:
    if not template.group:
        yield 0.0, query
        return
    plain = [item.ref for item in query.select if item.ref is not None and not item.agg]
    options: dict[ColumnRef, None] = {}
    # Groups by the projected column, by the key of its table, or by another likely column.
    if plain:
        first = max(plain, key=lambda ref: scores.column(scores.view.index[ref], "group"))
        options[first] = None
        key = scores.view.keys.get(scores.view.table_index[first.table])
        if key is not None:
            options[scores.ref(key)] = None
    for number in scores.top("group", 1 if plain else 3):
        options[scores.ref(number)] = None
    for ref in options:
        yield scores.column(scores.view.index[ref], "group"), replace(query, group=(ref,))
