"""Join paths: the keys between kept tables and the tables that connect them."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from typing import TYPE_CHECKING

from .schema import ColumnRef, ForeignKey

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from .schema import Schema, Table

__all__ = ["GENERIC_NAMES", "KEY_LIKE", "JoinGraph", "inferred_keys", "names_for"]

GENERIC_NAMES = frozenset(
    {"id", "name", "code", "type", "date", "year", "title", "description", "status", "key", "no", "uid"}
)
KEY_LIKE = re.compile(r"(?:id|code|key|no|num|number|nr|uuid|guid)$", re.IGNORECASE)
_MAX_SHARED = 12  # a name that more tables share says nothing about joins


def inferred_keys(schema: Schema) -> tuple[ForeignKey, ...]:
    """References that names suggest between tables that no declared key links, marked `inferred`.

    A column refers to another table's single primary key where both have the same name that is not a generic one
    ("id"), or where it is called after that table ("artist_id" and `artist.id`). Two tables without such a pair are
    linked by the name that both have and that reads like a key ("zip_code"), or by their only common name.
    """
    linked = {frozenset((key.table.casefold(), key.ref_table.casefold())) for key in schema.foreign_keys}
    found: dict[frozenset[str], ForeignKey] = {}
    by_column = _places(schema)
    for suggestions in (_key_names(schema, by_column), _shared_names(by_column)):
        for source, column, target, key in suggestions:
            pair = frozenset((source.name.casefold(), target.name.casefold()))
            # the first suggestion wins: names of keys come before names that are merely shared
            if len(pair) == 2 and pair not in linked and pair not in found:
                found[pair] = ForeignKey(source.name, (column,), target.name, (key,), inferred=True)
    return tuple(found.values())


def _places(schema: Schema) -> dict[str, list[tuple[Table, str]]]:
    by_column: dict[str, list[tuple[Table, str]]] = defaultdict(list)
    for table in schema.tables:
        for entry in table.columns:
            by_column[entry.name.casefold()].append((table, entry.name))
    return by_column


def _key_names(
    schema: Schema, by_column: dict[str, list[tuple[Table, str]]]
) -> Iterable[tuple[Table, str, Table, str]]:
    for target in schema.tables:
        keys = target.primary_key
        for name in names_for(target, keys[0]) if len(keys) == 1 else ():
            for source, column in by_column.get(name, ())[:_MAX_SHARED]:
                yield source, column, target, keys[0]


def _shared_names(by_column: dict[str, list[tuple[Table, str]]]) -> Iterable[tuple[Table, str, Table, str]]:
    shared: dict[tuple[str, str], list[tuple[Table, str, Table, str]]] = defaultdict(list)
    for name, places in by_column.items():
        if 2 <= len(places) <= _MAX_SHARED and name not in GENERIC_NAMES:
            for number, (target, key) in enumerate(places):
                for source, column in places[number + 1 :]:
                    shared[target.name, source.name].append((source, column, target, key))
    for pairs in shared.values():
        keyed = [pair for pair in pairs if KEY_LIKE.search(pair[1])]
        if keyed or len(pairs) == 1:
            yield (keyed or pairs)[0]


def names_for(target: Table, key: str) -> list[str]:
    """Folded names of columns that would refer to `key`, a column of `target`, by their name alone."""
    fold = key.casefold()
    if fold not in GENERIC_NAMES:
        return [fold]
    table = target.name.casefold()
    # "artists" is referred to as "artist_id"
    stems = {table, table[:-1]} if table.endswith("s") else {table}
    return [f"{stem}{glue}{fold}" for stem in sorted(stems) for glue in ("_", "", " ")]


class JoinGraph:
    """The tables as nodes, foreign keys as edges; inferred keys only where declared ones do not connect.

    Args:
        schema: Its declared and inferred keys are the edges. Table names are compared folded.
    """

    def __init__(self, schema: Schema) -> None:
        declared = [key for key in schema.foreign_keys if key.table in schema and key.ref_table in schema]
        inferred = inferred_keys(schema)
        self._declared = _edges(declared)
        self._all = _edges([*declared, *inferred])
        self._schema = schema
        self.key_columns = frozenset(ref for key in declared for ref in self.ends(key))

    def ends(self, key: ForeignKey) -> list[ColumnRef]:
        """The columns of both ends of a key, in the spelling of the schema; unknown ones are left out."""
        refs = []
        for name, columns in ((key.table, key.columns), (key.ref_table, key.ref_columns)):
            table = self._schema.table(name)
            refs += [ColumnRef(table.name, table.column(column).name) for column in columns if column in table]
        return refs

    def neighbours(self, table: str) -> list[str]:
        """Folded names of the tables one declared or inferred key away, each once."""
        return list(dict.fromkeys(name for name, _ in self._all.get(table.casefold(), ())))

    def between(self, tables: Collection[str]) -> list[ForeignKey]:
        """Keys whose two ends are among `tables`, each once, in the order of `tables`."""
        folded = {table.casefold() for table in tables}
        found = (
            key
            for table in tables
            for other, key in self._all.get(table.casefold(), ())
            if other in folded and key.table.casefold() == table.casefold()
        )
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
            # a path of declared keys is preferred even where inferred ones give a shorter path
            path = _path(self._declared, joined, waiting, longest) or _path(self._all, joined, waiting, longest)
            if not path:
                # the rest is not connected to what is joined: its first table becomes the root of another part
                joined = {next(table for table in order if table in waiting)}
                waiting -= joined
                continue
            added += [table for table in path[1:-1] if table not in added]
            joined.update(path)
            waiting -= set(path)
        return added


def _edges(keys: Iterable[ForeignKey]) -> dict[str, list[tuple[str, ForeignKey]]]:
    edges: dict[str, list[tuple[str, ForeignKey]]] = {}
    for key in keys:
        here, there = key.table.casefold(), key.ref_table.casefold()
        if here != there:
            edges.setdefault(here, []).append((there, key))
            edges.setdefault(there, []).append((here, key))
    return edges


def _path(
    edges: dict[str, list[tuple[str, ForeignKey]]], start: Collection[str], goals: Collection[str], longest: int
) -> list[str]:
    # breadth first, from all joined tables at once, in sorted order so that the result depends on no hash
    paths = deque([table] for table in sorted(start))
    seen = set(start)
    while paths:
        path = paths.popleft()
        if path[-1] in goals:
            return path
        if len(path) > longest:
            continue
        for other, _ in edges.get(path[-1], ()):
            if other not in seen:
                seen.add(other)
                paths.append([*path, other])
    return []
