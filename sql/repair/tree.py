"""Reads a failed statement against a schema: its SELECTs, their tables, and columns that belong to none of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ..database.statements import parse
from ..schema.schema import Table

if TYPE_CHECKING:
    from ..schema.schema import Schema

__all__ = ["SelectView", "from_sources", "make_identifier", "parse", "select_views", "text_literals", "write"]


@dataclass(frozen=True)
class SelectView:
    """One SELECT of a statement.

    Attributes:
        select: The SELECT.
        tables: Real tables in FROM by their folded alias or name; one that the schema lacks has no columns.
        opaque: Folded names in FROM of sub-queries and CTEs; their columns are not judged.
        outer: The SELECTs around this one, nearest first; a column may come from them.
    """

    select: exp.Select
    tables: dict[str, Table]
    opaque: frozenset[str]
    outer: tuple[SelectView, ...] = ()

    @property
    def columns(self) -> list[exp.Column]:
        """The columns written in this SELECT itself, not in a sub-query."""
        found = self.select.find_all(exp.Column)
        return [column for column in found if column.find_ancestor(exp.Select) is self.select and _named(column)]

    def lost(self) -> list[exp.Column]:
        """Columns that no table in FROM has, here or around."""
        return [column for column in self.columns if not any(view._has(column) for view in (self, *self.outer))]

    def holders(self, name: str) -> list[str]:
        """Aliases of the tables in FROM that have a column of that name."""
        return [alias for alias, table in self.tables.items() if name in table]

    def _has(self, column: exp.Column) -> bool:
        qualifier = column.table.casefold()
        # Columns of sub-queries and CTEs are not judged: their names are made by the statement.
        if qualifier:
            return qualifier in self.opaque or (qualifier in self.tables and column.name in self.tables[qualifier])
        return bool(self.opaque or self.holders(column.name)) or column.name.casefold() in self._aliases()

    def _aliases(self) -> set[str]:
        return {item.alias.casefold() for item in self.select.selects if isinstance(item, exp.Alias)}


def make_identifier(name: str) -> exp.Identifier:
    """`name` as an identifier, quoted unless it is a plain word."""
    return exp.to_identifier(name, quoted=not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name))


def write(tree: exp.Expression, dialect: str) -> str:
    """The statement as text."""
    return tree.sql(dialect=dialect)


def from_sources(select: exp.Select) -> list[exp.Expression]:
    """What stands in FROM and JOIN."""
    start = select.args.get("from_") or select.args.get("from")
    joined = [join.this for join in select.args.get("joins") or ()]
    return ([start.this] if start is not None else []) + joined


def text_literals(tree: exp.Expression) -> list[str]:
    """The text literals of a statement that hold a letter, without LIKE's signs at their ends, each once."""
    found = (item.this.strip("%").strip() for item in tree.find_all(exp.Literal) if item.is_string)
    return list(dict.fromkeys(text for text in found if any(map(str.isalpha, text))))


def select_views(tree: exp.Expression, schema: Schema) -> list[SelectView]:
    """Every SELECT of the tree, outer ones before the inner ones that they hold."""
    named = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
    known: dict[int, SelectView] = {}
    # Breadth first, so that the SELECT around another is known when the inner one is read.
    for select in tree.find_all(exp.Select, bfs=True):
        outer = known.get(id(select.find_ancestor(exp.Select)))
        known[id(select)] = _view(select, schema, named, outer)
    return list(known.values())


def _view(select: exp.Select, schema: Schema, ctes: set[str], outer: SelectView | None) -> SelectView:
    tables: dict[str, Table] = {}
    opaque: set[str] = set()
    for source in from_sources(select):
        alias = source.alias_or_name.casefold()
        if not isinstance(source, exp.Table) or source.name.casefold() in ctes:
            opaque.add(alias)
        else:
            tables[alias] = schema.table(source.name) if source.name in schema else Table(source.name, ())
    return SelectView(select, tables, frozenset(opaque), (outer, *outer.outer) if outer is not None else ())


def _named(column: exp.Column) -> bool:
    return isinstance(column.this, exp.Identifier)
