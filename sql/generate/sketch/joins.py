"""Join paths: how the tables of a query hang together."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ...schema import ForeignKey, Schema, Table

__all__ = ["Edge", "JoinGraph"]

_MAX_INFERRED_TABLES = 300


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


class JoinGraph:
    """Tables as nodes, foreign keys as edges; immutable once built.

    Declared keys come first. Tables without any declared key are tied by columns of the same name where one of the two is
    a primary key, or where the name ends in "id".
    """

    def __init__(self, schema: Schema) -> None:
        self._edges: dict[str, list[Edge]] = {table.name: [] for table in schema.tables}
        for key in schema.foreign_keys:
            self._add(_edge(key, schema))
        if len(schema.tables) <= _MAX_INFERRED_TABLES:
            for edge in _inferred(schema, {name for name, edges in self._edges.items() if edges}):
                self._add(edge)

    def _add(self, edge: Edge) -> None:
        if edge.table == edge.other:
            return
        for way in (edge, edge.flipped()):
            if way not in self._edges[way.table]:
                self._edges[way.table].append(way)

    def neighbours(self, table: str) -> Sequence[Edge]:
        """Edges that leave `table`, declared ones first."""
        return self._edges.get(table, ())

    def connect(self, tables: Sequence[str]) -> list[Edge] | None:
        """Edges that join all `tables`, in joining order from the first; [] for one table, None if they do not connect.

        Grows a tree: the nearest missing table is reached over the fewest edges, again and again.
        """
        names = list(dict.fromkeys(tables))
        joined, path = {names[0]}, list[Edge]()
        missing = [name for name in names[1:] if name not in joined]
        while missing:
            step = self._nearest(joined, set(missing))
            if step is None:
                return None
            path.extend(step)
            joined.update(edge.other for edge in step)
            missing = [name for name in missing if name not in joined]
        return path

    def distance(self, first: str, second: str) -> int | None:
        """Number of joins between two tables, None if there is no path."""
        path = self.connect((first, second))
        return None if path is None else len(path)

    def _nearest(self, start: set[str], goals: set[str]) -> list[Edge] | None:
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


def _walk(back: dict[str, Edge | None], name: str) -> list[Edge]:
    path: list[Edge] = []
    edge = back[name]
    while edge is not None:
        path.append(edge)
        edge = back[edge.table]
    return path[::-1]


def _edge(key: ForeignKey, schema: Schema) -> Edge:
    return Edge(schema.table(key.table).name, key.columns, schema.table(key.ref_table).name, key.ref_columns)


def _inferred(schema: Schema, tied: set[str]) -> Iterator[Edge]:
    loose = [table for table in schema.tables if table.name not in tied]
    for table in loose:
        for other in schema.tables:
            if other is not table:
                yield from _same_name(table, other)


def _same_name(table: Table, other: Table) -> Iterable[Edge]:
    names = {column.name.casefold(): column for column in other.columns}
    for column in table.columns:
        twin = names.get(column.name.casefold())
        if twin is None or column.name.casefold() in ("id", "name"):
            continue
        if column.primary_key or twin.primary_key or column.name.casefold().endswith(("id", "code", "key")):
            yield Edge(table.name, (column.name,), other.name, (twin.name,))
            return
