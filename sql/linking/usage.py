"""Which tables and columns a query that may be wrong speaks of: what a preliminary SQL says about the schema.

A correct query is read as gold SQL is (`gold_links`). One that names what the schema lacks is read name by name: an
unknown table or column counts as the only known one that is spelled almost alike, and is passed over otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ctxprune.errors import CtxpruneError
from ctxprune.text.words import fold

from ..schema.schema import ColumnRef
from .gold import gold_links

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..schema.schema import Schema, Table

__all__ = ["QueryUsage", "query_usage"]

_MAX_CHARACTERS = 20_000  # of a query that are read
_ALMOST = 80.0  # similarity in percent from which a spelling counts as meant
_NAMED_BY_NUMBER = frozenset({"rowid", "oid", "_rowid_"})


@dataclass(frozen=True, slots=True)
class QueryUsage:
    """What a query speaks of, in the spelling of the schema.

    Attributes:
        tables: Tables it reads.
        columns: Columns it names; of `*` in a SELECT list all of the table.
        outputs: Those among them that stand alone in the outermost SELECT list.
        literals: Its text literals, each once, in order.
        unknown: Names that nothing in the schema is meant by.
    """

    tables: frozenset[str] = frozenset()
    columns: frozenset[ColumnRef] = frozenset()
    outputs: frozenset[ColumnRef] = frozenset()
    literals: tuple[str, ...] = ()
    unknown: int = 0

    @property
    def empty(self) -> bool:
        """True where it names no table of the schema."""
        return not self.tables

    @classmethod
    def united(cls, usages: Iterable[QueryUsage]) -> QueryUsage:
        """What any of several queries speaks of; unknown names are added up."""
        every = tuple(usages)
        return cls(
            frozenset().union(*(usage.tables for usage in every)),
            frozenset().union(*(usage.columns for usage in every)),
            frozenset().union(*(usage.outputs for usage in every)),
            tuple(dict.fromkeys(text for usage in every for text in usage.literals)),
            sum(usage.unknown for usage in every),
        )


def query_usage(sql: str, schema: Schema, *, dialect: str = "sqlite") -> QueryUsage:
    """Read a query that need not be correct; what cannot be parsed, or is longer than 20,000 characters, gives nothing.

    Args:
        sql: Of several statements the first counts.
        schema: What its names are looked up in.
        dialect: sqlglot's name of the query's dialect.
    """
    trees = _parsed(sql, dialect)
    if not trees or not isinstance(tree := trees[0], exp.Query):
        return QueryUsage()
    reader = _Reader(tree, schema)
    tables, columns, unknown = reader.tables, reader.columns, reader.unknown
    try:
        links = gold_links(sql if len(trees) == 1 else tree.sql(dialect), schema, dialect=dialect)
    except CtxpruneError:
        pass
    else:
        tables, columns, unknown = links.tables, links.columns, 0
    literals = dict.fromkeys(node.this for node in tree.find_all(exp.Literal) if node.is_string and node.this.strip())
    return QueryUsage(tables, columns, reader.outputs & columns, tuple(literals), unknown)


def _parsed(sql: str, dialect: str) -> list[exp.Expr]:
    if len(sql) > _MAX_CHARACTERS:
        return []
    try:
        return [tree for tree in sqlglot.parse(sql, read=dialect) if tree is not None]
    except (SqlglotError, RecursionError):
        return []


class _Reader:
    """Looks every name of a tree up, without scopes: an alias that two sub-queries give means both tables."""

    def __init__(self, tree: exp.Query, schema: Schema) -> None:
        self._schema = schema
        self._sources: dict[str, list[Table]] = {}
        self._made = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
        self._made |= {alias.alias.casefold() for alias in tree.find_all(exp.Alias, exp.Subquery) if alias.alias}
        self.unknown = 0
        for node in tree.find_all(exp.Table):
            self._add(node)
        used = {table.name: table for tables in self._sources.values() for table in tables}
        self._used = tuple(used.values())
        self.tables = frozenset(used)
        outer = set(map(id, tree.selects))
        columns: set[ColumnRef] = set()
        outputs: set[ColumnRef] = set()
        for column in tree.find_all(exp.Column):
            found = self._columns(column)
            columns.update(found)
            top = column.parent if isinstance(column.parent, exp.Alias) else column
            if id(top) in outer:
                outputs.update(found)
        for star in tree.find_all(exp.Star):
            if isinstance(star.parent, exp.Select):
                columns.update(ColumnRef(table.name, entry.name) for table in self._used for entry in table.columns)
        self.columns, self.outputs = frozenset(columns), frozenset(outputs)

    def _add(self, node: exp.Table) -> None:
        if not node.name or node.name.casefold() in self._made:
            return
        if node.name in self._schema:
            table: Table | None = self._schema.table(node.name)
        else:
            name = _meant(node.name, [table.name for table in self._schema.tables])
            table = self._schema.table(name) if name else None
        if table is None:
            self.unknown += 1
            return
        for key in {node.name.casefold(), node.alias_or_name.casefold()}:
            self._sources.setdefault(key, []).append(table)

    def _columns(self, node: exp.Column) -> list[ColumnRef]:
        if isinstance(node.this, exp.Star):
            return [ColumnRef(t.name, c.name) for t in self._sources.get(node.table.casefold(), ()) for c in t.columns]
        named = self._sources.get(node.table.casefold(), ()) if node.table else self._used
        found = _holding(node.name, named) or _holding(node.name, self._used)
        if found or node.name.casefold() in self._made | _NAMED_BY_NUMBER:
            return found
        if not node.table and isinstance(node.this, exp.Identifier) and node.this.quoted:
            return []  # SQLite reads it as text
        name = _meant(node.name, [column.name for table in named for column in table.columns])
        self.unknown += not name
        return _holding(name, named) if name else []


def _holding(name: str, tables: Iterable[Table]) -> list[ColumnRef]:
    return [ColumnRef(table.name, table.column(name).name) for table in tables if name in table]


def _meant(name: str, known: Sequence[str]) -> str:
    """The one spelling of `known` that is almost `name`; "" for none or several."""
    from rapidfuzz import fuzz

    plain = _plain(name)
    scored = [(100.0 if _plain(other) == plain else fuzz.ratio(_plain(other), plain), other) for other in known]
    near = {(score, _plain(other)): other for score, other in scored if score >= _ALMOST}
    best = sorted(near, reverse=True)
    if not best or (len(best) > 1 and best[1][0] == best[0][0]):
        return ""
    return near[best[0]]


def _plain(name: str) -> str:
    return "".join(char for char in fold(name) if char.isalnum())
