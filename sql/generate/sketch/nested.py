"""Sub-queries and set operations: the second half of a template, filled in the light of the first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...schema.schema import ColumnRef
from .query import Condition, Item, Query
from .slots import having_conditions, literal_conditions, query_refs, with_tables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scores import Scores
    from .slots import Pool
    from .templates import Clause, Template

__all__ = ["fill_compounds", "fill_subqueries"]


def fill_subqueries(clause: Clause, query: Query, scores: Scores, pool: Pool) -> Iterator[tuple[float, Query]]:
    """`query` with one more condition whose right side is a sub-query."""
    inner = clause.inner
    if inner is None or inner.right or inner.group or inner.order or len(inner.select) != 1:
        return
    if inner.select[0] in ("avg", "min", "max"):
        yield from _against_aggregate(clause, query, scores, pool)
    elif inner.select == ("",) and clause.op in ("in", "not in"):
        yield from _membership(clause, query, scores, pool)


def _against_aggregate(clause: Clause, query: Query, scores: Scores, pool: Pool) -> Iterator[tuple[float, Query]]:
    inner = clause.inner
    if inner is None:
        return
    for number in scores.top("nested", 3):
        ref = scores.ref(number)
        for choice in literal_conditions(inner.where, scores, pool)[:2]:
            refs = [ref, *(condition.item.ref for condition in choice.conditions if condition.item.ref)]
            tables = tuple(dict.fromkeys(part.table for part in refs))
            if scores.view.graph.connect(tables) is None:
                continue
            right = Query((Item(ref, inner.select[0]),), tables, where=choice.conditions, connector=inner.connector)
            grown = replace(query, where=(*query.where, Condition(Item(ref), clause.op, right)))
            outer = tuple(dict.fromkeys((*query.tables, *(part.table for part in query_refs(grown)))))
            # A query that names no column (SELECT *, count(*)) takes its table from the sub-query.
            if not any(True for _ in query_refs(query)):
                outer = (ref.table,)
            if scores.view.graph.connect(outer) is not None:
                yield choice.score + scores.column(number, "nested"), replace(grown, tables=outer)


def _membership(clause: Clause, query: Query, scores: Scores, pool: Pool) -> Iterator[tuple[float, Query]]:
    inner = clause.inner
    if inner is None:
        return
    home = query.tables[0]
    edges = scores.view.graph.neighbours(home)
    for choice in literal_conditions(inner.where, scores, pool)[:2]:
        held = tuple(dict.fromkeys(c.item.ref.table for c in choice.conditions if c.item.ref))
        for edge in edges:
            names = tuple(dict.fromkeys((edge.other, *held)))
            if len(edge.columns) != 1 or home in held or scores.view.graph.connect(names) is None:
                continue
            inner_ref = ColumnRef(edge.other, edge.other_columns[0])
            right = Query(
                (Item(inner_ref),),
                names,
                where=choice.conditions,
                connector=inner.connector,
            )
            condition = Condition(Item(ColumnRef(home, edge.columns[0])), clause.op, right)
            score = choice.score + scores.table(scores.view.table_index[edge.other])
            if len(scores.view.graph.parallels(edge)) > 1:
                score += 0.5 * scores.column(scores.view.index[inner_ref], "used")
            yield score, replace(query, where=(*query.where, condition), tables=_trimmed(query, edge.other))


def _trimmed(query: Query, inner: str) -> tuple[str, ...]:
    """Without the sub-query's table, unless a column of the query needs it."""
    needed = {ref.table for ref in query_refs(query)}
    kept = tuple(name for name in query.tables if name != inner or name in needed)
    return kept or query.tables


def fill_compounds(template: Template, left: Query, scores: Scores, pool: Pool) -> Iterator[tuple[float, Query]]:
    """`left` combined with a second query of the template's shape that projects the same columns."""
    right = template.right
    if right is None or right.order or right.right:
        return
    if right.select != template.select or any(item.agg for item in left.select):
        return
    if any(clause.inner is not None for clause in right.where):
        return
    if not right.where and not right.having:
        yield from _against_other_table(template, left, scores)
        return
    for choice in literal_conditions(right.where, scores, pool)[:3]:
        for having in having_conditions(right.having, scores, pool.without(choice.used))[:1]:
            other = Query(
                select=left.select,
                tables=(),
                where=choice.conditions,
                connector=right.connector,
                group=left.group if right.group and left.group else _group(left, scores) if right.group else (),
                having=having.conditions,
            )
            extra = tuple(name for name in left.tables if name not in {ref.table for ref in query_refs(left)})
            for score, placed in with_tables(other, scores, counted=bool(right.having)):
                if placed.tables == left.tables or not extra or set(extra) <= set(placed.tables):
                    both = replace(left, compound=template.compound, right=placed)
                    yield choice.score + having.score + score, both


def _group(left: Query, scores: Scores) -> tuple[ColumnRef, ...]:
    ref = left.select[0].ref
    if ref is None:
        return ()
    key = scores.view.keys.get(scores.view.table_index[ref.table])
    return (scores.ref(key),) if key is not None else (ref,)


def _against_other_table(template: Template, left: Query, scores: Scores) -> Iterator[tuple[float, Query]]:
    """`SELECT k FROM a EXCEPT SELECT k FROM b`; through a join where the column lives in one table only."""
    home = left.select[0].ref
    if home is None or any(item.ref is None for item in left.select):
        return
    base = left.tables if template.where else (home.table,)
    left = replace(left, tables=base)
    for edge in scores.view.graph.neighbours(home.table):
        if edge.other in base:
            continue
        score = scores.table(scores.view.table_index[edge.other])
        foreign = ColumnRef(edge.other, edge.other_columns[0])
        several = len(scores.view.graph.parallels(edge)) > 1
        if several:
            score += 0.5 * scores.column(scores.view.index[foreign], "used")
        # SELECT k FROM a EXCEPT SELECT k FROM b needs no join where the key itself is projected.
        if len(left.select) == 1 and edge.columns == (home.column,):
            other = Query((Item(foreign),), (edge.other,))
        else:
            other = Query(left.select, (home.table, edge.other), via=(foreign,) if several else ())
        yield score, replace(left, compound=template.compound, right=other)
