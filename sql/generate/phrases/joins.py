"""Join paths by cost: references first, shared key names next, other shared names hardly ever."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from ...schema.joins import KEY_LIKE, inferred_keys
from ...schema.schema import ColumnRef
from ..sketch.joins import Edge
from .names import key_column

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...schema.schema import ForeignKey, Schema

__all__ = ["CheapJoins"]

_REFERENCE, _SHARED, _WEAK = 1.0, 2.6, 4.5
_LINK, _UNSAID = 0.2, 0.4  # a table that the question does not mention costs more to pass through
_MOMENT = ("date", "time")


class CheapJoins:
    """Tables as nodes, references and shared names as edges with costs; immutable once built.

    Args:
        schema: With natural names, keys and references (see `names`).
        plain: The same schema without second copies of tables (see `roles`), from whose names references are inferred.
    """

    def __init__(self, schema: Schema, plain: Schema | None = None) -> None:
        self._edges: dict[str, list[tuple[float, Edge]]] = {table.name: [] for table in schema.tables}
        self._keys = {table.name: key_column(table) for table in schema.tables}
        # Tables that only tie others together are there to be passed through.
        referring = {(key.table, name) for key in schema.foreign_keys for name in key.columns}
        self._links = {
            table.name
            for table in schema.tables
            if len(table.primary_key) > 1 and all((table.name, name) in referring for name in table.primary_key)
        }
        for key in schema.foreign_keys:
            self._add(key, _REFERENCE, schema)
        for key in inferred_keys(plain or schema):
            kinds = [schema.table(key.table).column(name).type.lower() for name in key.columns]
            # That two rows were made at one moment relates nothing.
            if any(part in kind for kind in kinds for part in _MOMENT):
                continue
            keyed = all(KEY_LIKE.search(name) for name in key.columns)
            unique = key.ref_columns == (self._keys.get(key.ref_table),)
            self._add(key, _REFERENCE if unique else _SHARED if keyed else _WEAK, schema)

    def _add(self, key: ForeignKey, cost: float, schema: Schema) -> None:
        if key.table not in schema or key.ref_table not in schema or key.table == key.ref_table:
            return
        here, there = schema.table(key.table).name, schema.table(key.ref_table).name
        edge = Edge(here, key.columns, there, key.ref_columns)
        self._edges[here].append((cost, edge))
        self._edges[there].append((cost, edge.flipped()))

    def neighbours(self, table: str) -> list[Edge]:
        """Edges that leave `table`."""
        return [edge for _, edge in self._edges.get(table, ())]

    def unique(self, edge: Edge) -> bool:
        """Whether at most one row of the other side fits a row of this one."""
        return edge.other_columns == (self._keys.get(edge.other),)

    def connect(
        self, tables: Sequence[str], via: Collection[ColumnRef] = (), said: Collection[str] = ()
    ) -> list[Edge] | None:
        """Edges that join all `tables`, in joining order from the first; None if they do not connect.

        Grows a tree: the cheapest missing table is joined, again and again.

        Args:
            tables: Tables to join, at least one.
            via: Columns to join over where two tables are tied by several.
            said: Tables that the question mentions, which are cheaper to pass through.
        """
        names = list(dict.fromkeys(tables))
        joined, path, missing = {names[0]}, list[Edge](), names[1:]
        while missing:
            step = self._cheapest(joined, set(missing), (frozenset(via), frozenset([*said, *names])))
            if step is None:
                return None
            path += step
            joined.update(edge.other for edge in step)
            missing = [name for name in missing if name not in joined]
        return path

    def _cheapest(
        self, start: set[str], goals: set[str], liked: tuple[frozenset[ColumnRef], frozenset[str]]
    ) -> list[Edge] | None:
        via, said = liked
        queue: list[tuple[float, int, str, tuple[Edge, ...]]] = [(0.0, 0, name, ()) for name in sorted(start)]
        heapq.heapify(queue)
        reached: set[str] = set()
        count = 0
        while queue:
            cost, _, name, path = heapq.heappop(queue)
            if name in reached:
                continue
            reached.add(name)
            if name in goals:
                return list(path)
            for price, edge in self._edges.get(name, ()):
                if edge.other in reached or edge.other in start:
                    continue
                count += 1
                unsaid = _LINK if edge.other in self._links else _UNSAID
                step = price + (0.0 if edge.other in said else unsaid) - (0.3 if _over(edge, via) else 0.0)
                heapq.heappush(queue, (cost + step, count, edge.other, (*path, edge)))
        return None


def _over(edge: Edge, via: frozenset[ColumnRef]) -> bool:
    here = {ColumnRef(edge.table, name) for name in edge.columns}
    return bool(via & (here | {ColumnRef(edge.other, name) for name in edge.other_columns}))
