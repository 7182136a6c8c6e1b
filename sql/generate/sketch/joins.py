"""Join paths: how the tables of a query hang together."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...schema.joins import inferred_keys
from ...schema.schema import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ...schema.schema import ForeignKey, Schema

__all__ = ["Edge", "JoinPaths", "foreign_refs"]


_MOST_PATHS = 4096


@dataclass(frozen=True, slots=True)
class Edge:
    """`table.columns[i] = other.other_columns[i]`."""

    table: str
    columns: tuple[str, ...]
    other: str
    other_columns: tuple[str, ...]

    def flipped(self) -> Edge:
        """The same join seen from the other side."""
        return Edge(self.other, self.other_columns, self.table, self.columns)


class JoinPaths:
    """Tables as nodes, foreign keys as edges; immutable once built.

    Declared keys come first; tables that none ties are tied by those that their names suggest.
    """

    def __init__(self, schema: Schema) -> None:
        self._edges: dict[str, list[Edge]] = {table.name: [] for table in schema.tables}
        # One question joins the same few sets of tables thousands of times.
        self._paths: dict[tuple[str, ...], tuple[tuple[Edge, ...] | None]] = {}
        self._forks: dict[tuple[str, ...], tuple[list[Edge], ...]] = {}
        for key in schema.foreign_keys:
            if key.table in schema and key.ref_table in schema:
                self._add(_edge(key, schema))
        # After the declared ones, so that these are preferred where both connect.
        for key in inferred_keys(schema):
            self._add(_edge(key, schema))

    def _add(self, edge: Edge) -> None:
        # A table that refers to itself needs an alias, which the sketch cannot write.
        if edge.table == edge.other:
            return
        for way in (edge, edge.flipped()):
            if way not in self._edges[way.table]:
                self._edges[way.table].append(way)

    def neighbours(self, table: str) -> Sequence[Edge]:
        """Edges that leave `table`, declared ones first."""
        return self._edges.get(table, ())

    def connect(self, tables: Sequence[str], via: Collection[ColumnRef] = ()) -> list[Edge] | None:
        """Edges that join all `tables`, in joining order from the first; [] for one table, None if they do not connect.

        Of several edges between two tables the one over a column of `via` is taken, else the first.

        Grows a tree: the nearest missing table is reached over the fewest edges, again and again.
        """
        names = tuple(dict.fromkeys(tables))
        held = self._paths.get(names)
        path = held[0] if held is not None else self._connect(names)
        if held is None and len(self._paths) < _MOST_PATHS:
            self._paths[names] = (path,)
        if path is None:
            return None
        return [self._preferred(edge, via) for edge in path] if via else list(path)

    def forks(self, tables: tuple[str, ...]) -> tuple[list[Edge], ...] | None:
        """The keys of each pair of joined tables that several of them tie; None where the tables do not connect."""
        held = self._forks.get(tables)
        if held is not None:
            return held
        path = self.connect(tables)
        if path is None:
            return None
        found = tuple(edges for edges in map(self.parallels, path) if len(edges) > 1)
        if len(self._forks) < _MOST_PATHS:
            self._forks[tables] = found
        return found

    def _connect(self, names: tuple[str, ...]) -> tuple[Edge, ...] | None:
        joined, path = {names[0]}, list[Edge]()
        missing = [name for name in names[1:] if name not in joined]
        while missing:
            step = self._nearest(joined, set(missing))
            if step is None:
                return None
            path.extend(step)
            joined.update(edge.other for edge in step)
            missing = [name for name in missing if name not in joined]
        return tuple(path)

    def parallels(self, edge: Edge) -> list[Edge]:
        """All edges between the two tables of `edge`, itself included."""
        return [other for other in self.neighbours(edge.table) if other.other == edge.other]

    def _preferred(self, edge: Edge, via: Collection[ColumnRef]) -> Edge:
        for other in self.parallels(edge):
            if any(ref in via for ref in foreign_refs(other)):
                return other
        return edge

    def _nearest(self, start: set[str], goals: set[str]) -> list[Edge] | None:
        # Breadth first: `back` holds the edge by which each table was reached. Sorted, so that ties are stable.
        back: dict[str, Edge | None] = dict.fromkeys(sorted(start))
        queue = deque(back)
        while queue:
            name = queue.popleft()
            if name in goals:
                return _walk(back, name)
            for edge in self.neighbours(name):
                if edge.other not in back:
                    back[edge.other] = edge
                    queue.append(edge.other)
        return None


def foreign_refs(edge: Edge) -> tuple[ColumnRef, ...]:
    """The columns on both sides of an edge."""
    here = (ColumnRef(edge.table, name) for name in edge.columns)
    return (*here, *(ColumnRef(edge.other, name) for name in edge.other_columns))


def _walk(back: dict[str, Edge | None], name: str) -> list[Edge]:
    path: list[Edge] = []
    edge = back[name]
    while edge is not None:
        path.append(edge)
        edge = back[edge.table]
    return path[::-1]


def _edge(key: ForeignKey, schema: Schema) -> Edge:
    return Edge(schema.table(key.table).name, key.columns, schema.table(key.ref_table).name, key.ref_columns)
