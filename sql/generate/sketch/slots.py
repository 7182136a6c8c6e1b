"""Slots that several parts of the filler need: literal conditions, HAVING, FROM tables."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from .joins import foreign_refs
from .query import Condition, Item, Query

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ...schema.schema import ColumnRef
    from .joins import Edge
    from .scores import Pair, Scores
    from .templates import Clause

__all__ = ["Choice", "Pool", "having_conditions", "literal_conditions", "query_refs", "with_tables"]

_MAX_ROUTES = 4


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
        # A beam of 12: each clause multiplies the ways by the number of literals and columns.
        ways = sorted(grown, key=lambda way: -way.score)[:12]
    return ways


def _in_order(way: Choice, used: tuple[int, ...], clause: Clause, clauses: Sequence[Clause]) -> bool:
    """Equal clauses take their literals in question order, so that each set of conditions comes once."""
    if not way.used or not used:
        return True
    same = clauses[len(way.conditions) - 1] == clause
    return not same or way.used[-1] < used[0]


def _fill_clause(clause: Clause, scores: Scores, pool: Pool) -> Iterator[tuple[float, Condition, tuple[int, ...]]]:
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
    literal: str | int | float = (
        scores.reading.analysis.values[pair.value].written if clause.op == "cmp" else pair.literal
    )
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


def having_conditions(clauses: Sequence[Clause], scores: Scores, pool: Pool) -> list[Choice]:
    """Ways to fill HAVING from the pool, best first; one empty way when there are no clauses."""
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


def with_tables(query: Query, scores: Scores, *, counted: bool) -> Iterator[tuple[float, Query]]:
    """The query with its FROM tables: those of its columns, and variants with one more mentioned or counted table."""
    needed = tuple(dict.fromkeys(ref.table for ref in query_refs(query)))
    if not needed:
        for table in scores.top_tables(2):
            yield scores.table(table), replace(query, tables=(scores.view.table_name(table),))
        return
    score = sum(min(0.0, scores.table(scores.view.table_index[name])) for name in needed)
    for extra, placed in _routes(replace(query, tables=needed), scores):
        yield score + extra, placed
    for table in scores.top_tables(3 if counted else 2, besides=needed, near=needed if counted else ()):
        wider = replace(query, tables=(*needed, scores.view.table_name(table)))
        for extra, placed in _routes(wider, scores):
            yield score + extra + min(0.0, scores.table(table)), placed


def _routes(query: Query, scores: Scores) -> Iterator[tuple[float, Query]]:
    """The query over its join path; over each of them where two tables are tied by several keys."""
    graph = scores.view.graph
    # Two tables with several keys between them (home_team, away_team) give one query for each.
    forks = graph.forks(query.tables)
    if forks is None:
        return
    if not forks:
        yield 0.0, query
        return
    for edges in itertools.islice(itertools.product(*forks), _MAX_ROUTES):
        via = tuple(_telling(edge, scores) for edge in edges)
        score = sum(scores.column(scores.view.index[ref], "used") for ref in via)
        yield 0.5 * score, replace(query, via=via)


def _telling(edge: Edge, scores: Scores) -> ColumnRef:
    """The side of the edge that tells it from its parallels: the foreign key rather than what it points at."""
    refs = foreign_refs(edge)
    foreign = [ref for ref in refs if scores.view.columns[scores.view.index[ref]].foreign]
    return (foreign or refs)[0]


def query_refs(query: Query) -> Iterator[ColumnRef]:
    """Columns of the query itself, sub-queries and the other side of a set operation left out."""
    items = [*query.select, *(c.item for c in query.where), *(c.item for c in query.having), *query.order]
    yield from (item.ref for item in items if item.ref is not None)
    yield from query.group
