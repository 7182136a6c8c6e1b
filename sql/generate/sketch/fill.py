"""Fills a template's slots with columns and literals, most likely first."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from .nested import compounds, subquery
from .query import Condition, Item, Query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema import ColumnRef
    from .scores import Pair, Scores
    from .templates import Clause, Template

__all__ = ["Filled", "Pool", "fill"]

_AGG_ORDER = ("count", "sum", "avg", "min", "max")
_PER_TEMPLATE = 14


class Filled(NamedTuple):
    """A complete query with the summed log-odds of its slots."""

    score: float
    query: Query


@dataclass(frozen=True, slots=True)
class Pool:
    """Literals still unused: indices into the analysis' values."""

    values: tuple[int, ...]

    def without(self, used: Sequence[int]) -> Pool:
        """The pool after taking some."""
        return Pool(tuple(value for value in self.values if value not in used))


class Choice(NamedTuple):
    """Conditions chosen for some clauses."""

    score: float
    conditions: tuple[Condition, ...]
    used: tuple[int, ...]


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
    if len(nested) > 1:
        return
    selects = _selects(template.select, scores)[:5]
    for choice in literal_conditions(literal, scores, pool)[:6]:
        rest = pool.without(choice.used)
        for having in _havings(template.having, scores, rest)[:2]:
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
            options = list(subquery(nested[0], placed, scores, pool))
        for inner_score, whole in options:
            if template.right is None:
                yield score + table_score + inner_score, whole
            else:
                for right_score, joined in compounds(template, whole, scores, pool):
                    yield score + table_score + right_score, joined


def _counts(template: Template) -> bool:
    return "count" in template.select or "count" in template.order or any(c.agg == "count" for c in template.having)


def literal_conditions(clauses: Sequence[Clause], scores: Scores, pool: Pool) -> list[Choice]:
    """Ways to fill literal conditions from the pool, best first; one empty way when there are no clauses."""
    if not clauses:
        return [Choice(0.0, (), ())]
    ways = [Choice(0.0, (), ())]
    for clause in clauses:
        grown = [
            Choice(way.score + score, (*way.conditions, condition), (*way.used, *used))
            for way in ways
            for score, condition, used in _fill_clause(clause, scores, pool.without(way.used))
            if _in_order(way, used, clause, clauses)
        ]
        ways = sorted(grown, key=lambda way: -way.score)[:12]
    return ways


def _in_order(way: Choice, used: tuple[int, ...], clause: Clause, clauses: Sequence[Clause]) -> bool:
    """Equal clauses take their literals in question order, so that each set of conditions comes once."""
    if not way.used or not used:
        return True
    same = clauses[len(way.conditions) - 1] == clause
    return not same or way.used[-1] < used[0]


def _fill_clause(
    clause: Clause, scores: Scores, pool: Pool
) -> Iterator[tuple[float, Condition, tuple[int, ...]]]:
    if clause.agg:
        return
    if clause.op in ("is null", "is not null"):
        for number in scores.top("filter", 2):
            yield scores.column(number, "filter"), Condition(Item(scores.ref(number)), clause.op), ()
        return
    if clause.op == "between":
        yield from _between(scores, pool)
        return
    for pair in scores.pairs(pool.values, clause.op):
        yield pair.score, _condition(clause, pair, scores), (pair.value,)


def _condition(clause: Clause, pair: Pair, scores: Scores) -> Condition:
    op = scores.comparison(pair.value) if clause.op == "cmp" else clause.op
    literal: str | int | float = pair.literal
    if op in ("like", "not like"):
        literal = scores.pattern(pair.value)
    return Condition(Item(scores.ref(pair.column)), op, literal)


def _between(scores: Scores, pool: Pool) -> Iterator[tuple[float, Condition, tuple[int, ...]]]:
    for first, second in itertools.pairwise(pool.values):
        for pair in scores.pairs((first,), "cmp")[:2]:
            low, high = scores.literal(first), scores.literal(second)
            if isinstance(low, str) or isinstance(high, str):
                continue
            condition = Condition(Item(scores.ref(pair.column)), "between", (low, high))
            yield pair.score, condition, (first, second)


def _havings(clauses: Sequence[Clause], scores: Scores, pool: Pool) -> list[Choice]:
    if not clauses:
        return [Choice(0.0, (), ())]
    if len(clauses) > 1 or clauses[0].inner is not None:
        return []
    clause = clauses[0]
    found: list[Choice] = []
    items: list[tuple[float, Item]] = [(0.0, Item(None, "count"))]
    if clause.agg != "count":
        items = [(scores.column(n, "agg"), Item(scores.ref(n), clause.agg)) for n in scores.top("agg", 2)]
    for value in pool.values:
        literal = scores.literal(value)
        if isinstance(literal, str):
            continue
        op = scores.comparison(value) if clause.op == "cmp" else clause.op
        if op in ("between", "like"):
            continue
        for score, item in items:
            found.append(Choice(score + scores.number_role(value, "having"), (Condition(item, op, literal),), (value,)))
    return sorted(found, key=lambda way: -way.score)


def _limit(kind: str, scores: Scores, pool: Pool) -> tuple[int | None, tuple[int, ...]]:
    if kind == "1":
        return 1, ()
    if kind == "k":
        whole = [v for v in pool.values if isinstance(scores.literal(v), int)]
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
    named = [agg for agg in aggs if agg != "count"]
    counts = tuple(Item(None, "count") for agg in aggs if agg == "count")
    if not named:
        return [(0.0, counts)]
    top = scores.top("agg", 3)
    ways: list[tuple[float, tuple[Item, ...]]] = []
    if len(set(named)) == len(named):
        ways = [
            (scores.column(n, "agg"), (*(Item(scores.ref(n), agg) for agg in named), *counts)) for n in top
        ]
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


def with_tables(query: Query, scores: Scores, *, counted: bool) -> Iterator[tuple[float, Query]]:
    """The query with its FROM tables: those of its columns, and variants with one more mentioned or counted table."""
    needed = tuple(dict.fromkeys(ref.table for ref in query_refs(query)))
    if not needed:
        for table in scores.top_tables(2):
            yield scores.table(table), replace(query, tables=(scores.view.table_name(table),))
        return
    score = sum(min(0.0, scores.table(scores.view.table_index[name])) for name in needed)
    if scores.view.graph.connect(needed) is not None:
        yield score, replace(query, tables=needed)
    for table in scores.top_tables(3 if counted else 2, besides=needed, near=needed if counted else ()):
        names = (*needed, scores.view.table_name(table))
        if scores.view.graph.connect(names) is not None:
            yield score + min(0.0, scores.table(table)), replace(query, tables=names)


def query_refs(query: Query) -> Iterator[ColumnRef]:
    """Columns of the query itself, sub-queries and the other side of a set operation left out."""
    items = [*query.select, *(c.item for c in query.where), *(c.item for c in query.having), *query.order]
    yield from (item.ref for item in items if item.ref is not None)
    yield from query.group
