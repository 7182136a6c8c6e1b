"""Join paths: the keys between kept tables and the tables that connect them."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..schema import ForeignKey

__all__ = ["JoinGraph"]


class JoinGraph:
    """The tables as nodes and the foreign keys as edges; table names are compared folded.

    Args:
        keys: The foreign keys of a schema.
    """

    def __init__(self, keys: Sequence[ForeignKey]) -> None:
        self._edges: dict[str, list[tuple[str, ForeignKey]]] = {}
        for key in keys:
            here, there = key.table.casefold(), key.ref_table.casefold()
            if here != there:
                self._edges.setdefault(here, []).append((there, key))
                self._edges.setdefault(there, []).append((here, key))

    def neighbours(self, table: str) -> list[str]:
        """Folded names of the tables one key away, each once."""
        return list(dict.fromkeys(name for name, _ in self._edges.get(table.casefold(), ())))

    def between(self, tables: Collection[str]) -> list[ForeignKey]:
        """Keys whose two ends are among `tables`, each once."""
        folded = {table.casefold() for table in tables}
        found = [
            key
            for table in tables
            for other, key in self._edges.get(table.casefold(), ())
            if other in folded and key.table.casefold() == table.casefold()
        ]
        return list(dict.fromkeys(found))

    def bridges(self, tables: Sequence[str], *, longest: int = 3) -> list[str]:
        """Folded names of tables to add so that `tables` hang together, on shortest paths of at most `longest` keys.

        The first table is the root; the others join it one by one, nearest first. Tables that no short path reaches
        stay apart.
        """
        order = list(dict.fromkeys(table.casefold() for table in tables))
        joined, waiting = set(order[:1]), set(order[1:])
        added: list[str] = []
        while waiting:
            path = self._path(joined, waiting, longest)
            if not path:
                joined = {next(table for table in order if table in waiting)}
                waiting -= joined
                continue
            added += [table for table in path[1:-1] if table not in added]
            joined.update(path)
            waiting -= set(path)
        return added

    def _path(self, start: Collection[str], goals: Collection[str], longest: int) -> list[str]:
        paths = deque([table] for table in sorted(start))
        seen = set(start)
        while paths:
            path = paths.popleft()
            if path[-1] in goals:
                return path
            if len(path) > longest:
                continue
            for other in self.neighbours(path[-1]):
                if other not in seen:
                    seen.add(other)
                    paths.append([*path, other])
        return []
