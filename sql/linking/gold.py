"""Gold labels for schema linking: which tables and columns a correct query uses.

The tree is lower-cased, qualified against the schema with stars expanded, and every column is mapped to its table
through the scopes (outwards for correlated sub-queries; columns of derived tables and CTEs are labelled inside them).
SQLite reads "text" as a string where no column has that name; such names become literals first, or a fifth of Spider
could not be labelled. The label is one correct query, not the only one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope
from sqlglot.schema import MappingSchema

from ctxprune.errors import InputError, SchemaError

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import Schema

__all__ = ["GoldLinks", "gold_links"]

_HIDDEN_COLUMNS = frozenset({"rowid", "oid", "_rowid_"})


@dataclass(frozen=True, slots=True)
class GoldLinks:
    """What one query uses, in the spelling of the schema.

    Attributes:
        tables: Names of the tables it reads.
        columns: Columns it names, `*` expanded; empty for COUNT(*) alone.
    """

    tables: frozenset[str]
    columns: frozenset[ColumnRef]


def gold_links(sql: str, schema: Schema, *, dialect: str = "sqlite") -> GoldLinks:
    """Label one gold query.

    Args:
        sql: One SELECT, set operation or WITH over those.
        schema: The schema that it was written for.
        dialect: sqlglot's name of the query's dialect.

    Raises:
        InputError: The query cannot be parsed or resolved.
        SchemaError: It names a table or column that the schema does not have.
    """
    try:
        tree = sqlglot.parse_one(sql, read=dialect)
        _lower(tree)
        _check_tables(tree, schema)
        _strings(tree, schema)
        tree = qualify(
            tree,
            dialect=dialect,
            schema=_mapping(schema, dialect),
            expand_stars=True,
            validate_qualify_columns=False,
            quote_identifiers=False,
            identify=False,
        )
        return _collect(tree, schema)
    except (SqlglotError, RecursionError) as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise InputError(f"the query cannot be labelled: {reason}", where=sql[:200]) from error


def _lower(tree: exp.Expr) -> None:
    for identifier in tree.find_all(exp.Identifier):
        identifier.set("this", identifier.this.lower())


def _check_tables(tree: exp.Expr, schema: Schema) -> None:
    defined = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name not in defined and table.name:
            schema.table(table.name)


def _strings(tree: exp.Expr, schema: Schema) -> None:
    """Turn quoted, unqualified names that are neither a column nor an alias into string literals."""
    names = {column.name.lower() for table in schema.tables for column in table.columns} | _HIDDEN_COLUMNS
    names |= {alias.alias for alias in tree.find_all(exp.Alias)}
    names |= {column.name for alias in tree.find_all(exp.TableAlias) for column in alias.args.get("columns") or ()}
    for column in list(tree.find_all(exp.Column)):
        identifier = column.this
        quoted = isinstance(identifier, exp.Identifier) and identifier.quoted and not column.table
        if quoted and identifier.name not in names:
            column.replace(exp.Literal.string(identifier.name))


def _mapping(schema: Schema, dialect: str) -> MappingSchema:
    tables: dict[str, object] = {
        table.name.lower(): {column.name.lower(): "text" for column in table.columns}
        for table in schema.tables
        if table.columns
    }
    return MappingSchema(tables, dialect=dialect, normalize=False)


def _collect(tree: exp.Expr, schema: Schema) -> GoldLinks:
    tables: set[str] = set()
    columns: set[ColumnRef] = set()
    for scope in traverse_scope(tree):
        for source in scope.sources.values():
            if isinstance(source, exp.Table):
                tables.add(schema.table(source.name).name)
        for column in scope.columns:
            ref = _resolve(column, scope, schema)
            if ref is not None:
                columns.add(ref)
    return GoldLinks(frozenset(tables), frozenset(columns))


def _resolve(column: exp.Column, scope: Scope, schema: Schema) -> ColumnRef | None:
    """The stored column that `column` means; None for one of a derived table, an alias or a hidden row number."""
    if isinstance(column.this, exp.Star):
        return None
    for place in _outwards(scope):
        if column.table:
            source = place.sources.get(column.table)
            if source is None:
                continue
            return _stored(source, column.name, schema)
        for source in place.sources.values():
            if isinstance(source, exp.Table) and column.name in schema.table(source.name):
                return _stored(source, column.name, schema)
        if column.name in _outputs(place):
            return None
    if column.name in _HIDDEN_COLUMNS:
        return None
    raise SchemaError(f"the query names a column {column.sql()!r} that no table of it has", where=schema.name)


def _outwards(scope: Scope) -> Iterator[Scope]:
    place: Scope | None = scope
    while place is not None:
        yield place
        place = place.parent


def _outputs(scope: Scope) -> set[str]:
    names = set(_computed_names(scope.expression))
    for source in scope.sources.values():
        if isinstance(source, Scope):
            names.update(getattr(source.expression, "named_selects", ()))  # only queries of sqlglot have them
    return names


def _computed_names(query: exp.Expr) -> Iterator[str]:
    """Names that the SELECT list gives to something else than a column of that name."""
    for item in getattr(query, "selects", ()):  # as above
        inner = item.unalias()
        if not (isinstance(inner, exp.Column) and not inner.table and inner.name == item.alias_or_name):
            yield item.alias_or_name


def _stored(source: exp.Table | Scope, name: str, schema: Schema) -> ColumnRef | None:
    if not isinstance(source, exp.Table):
        return None
    table = schema.table(source.name)
    if name in _HIDDEN_COLUMNS and name not in table:
        return None
    return ColumnRef(table.name, table.column(name).name)
