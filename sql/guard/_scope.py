"""What a name can mean at one place of a query."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING

from sqlglot import exp

from ._refusal import Refusal, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..schema.schema import Schema, Table

__all__ = [
    "BOUND",
    "Catalog",
    "Columns",
    "Ctes",
    "Scope",
    "Source",
    "column",
    "fold",
    "look_up",
    "named",
    "quoted",
    "stored",
]

BOUND = "guard"
"""Key in a node's meta: the name was looked up."""

Columns = dict[str, str]
"""Exact and folded name -> name as the database stores it, in order."""

Ctes = dict[str, tuple[str, Columns | None]]
"""Folded name of a common table expression -> its stored name and its columns (None: only the database knows)."""

_TYPE_NAME = re.compile(r'^(?:.*\.)?"?([^".(\[]*)"?(?:[(\[].*)?$', re.DOTALL)
_ASCII = str.maketrans(ascii_uppercase, ascii_lowercase)
_DEFAULT_NAMESPACE = {"sqlite": "main", "postgres": "public", "duckdb": "main"}


def fold(name: str) -> str:
    """Lower case for ASCII only, as databases fold names."""
    return name.translate(_ASCII)


def stored(identifier: exp.Expr, dialect: str) -> str:
    """The name that the database gives to what is defined as `identifier`."""
    name = str(identifier.name)
    return fold(name) if dialect == "postgres" and not identifier.args.get("quoted") else name


def quoted(name: str) -> exp.Identifier:
    """An identifier that means exactly `name`."""
    return exp.Identifier(this=name, quoted=True)


def column(name: str, alias: exp.Identifier | None = None) -> exp.Column:
    """A column of the schema, looked up already."""
    found = exp.Column(this=quoted(name), table=alias.copy() if alias is not None else None)
    found.meta[BOUND] = True
    return found


def named(names: Iterable[str]) -> Columns:
    """Columns by exact and by folded name; the first of two equal ones wins."""
    found: Columns = {}
    for name in names:
        # exact spellings first, so that of "a" and "A" each is found by its own name
        found.setdefault(name, name)
    for name in tuple(found):
        found.setdefault(fold(name), name)
    return found


def look_up(columns: Columns, identifier: exp.Expr, dialect: str) -> str | None:
    """The column that `identifier` names, as stored: an exact match first, then in any case."""
    exact = columns.get(stored(identifier, dialect))
    return exact if exact is not None else columns.get(fold(identifier.name))


@dataclass(slots=True)
class Source:
    """One entry of FROM.

    Attributes:
        alias: How columns are qualified with it; None if they cannot be.
        columns: What it offers; None where only the database knows.
        node: The table in the tree, for a table of the schema; None for derived tables and functions.
        table: What the schema says of that table; its columns are those that the caller may see.
    """

    alias: exp.Identifier | None
    columns: Columns | None
    node: exp.Table | None = None
    table: Table | None = None

    @property
    def visible(self) -> tuple[str, ...]:
        """The visible columns of a table of the schema, as stored, in order."""
        return tuple(column.name for column in self.table.columns) if self.table is not None else ()

    @property
    def may_hide_columns(self) -> bool:
        """Whether the stored table may have columns that the caller must not see."""
        return self.table is not None and not self.table.complete


@dataclass(slots=True)
class Scope:
    """One SELECT: what its own names can mean.

    Attributes:
        parent: The query around it.
        ctes: Columns of the common table expressions in sight; None for columns that only the database knows.
        sources: In order of FROM.
        merged: Folded names that USING made one.
        aliases: Folded output names and where they are defined.
        stars: Stars to write out, with the sources that they cover.
        plain: A star is the columns of all sources in order: no USING, NATURAL, semi, anti or positional join.
        narrowed: Every table is to be replaced by a derived table of its visible columns.
        near: How many sources an unqualified name may mean here (a join condition sees those on its left only).
    """

    parent: Scope | None
    ctes: Ctes
    sources: list[Source] = field(default_factory=list)
    merged: set[str] = field(default_factory=set)
    aliases: dict[str, exp.Alias] = field(default_factory=dict)
    stars: list[tuple[exp.Expr, list[Source]]] = field(default_factory=list)
    plain: bool = True
    narrowed: bool = False
    near: int | None = None

    def source(self, name: str) -> Source | None:
        """The source called `name` in any case; an exact match first."""
        found = None
        for source in self.sources:
            if source.alias is not None and fold(source.alias.name) == fold(name):
                if source.alias.name == name:
                    return source
                found = found or source
        return found

    def narrow_chain(self, until: Scope | None = None) -> None:
        """Narrow this query and those around it, up to but without `until`; None: all of them."""
        for scope in self.chain(until):
            scope.narrowed = True

    def chain(self, until: Scope | None = None) -> Iterator[Scope]:
        """This query and those around it, outwards, up to but without `until`; None: all of them."""
        at: Scope | None = self
        while at is not None and at is not until:
            yield at
            at = at.parent


class Catalog:
    """The tables and columns of a schema, by the rules of one dialect."""

    def __init__(self, schema: Schema, dialect: str) -> None:
        self.dialect = dialect
        self._name = fold(schema.name)
        self._default = _DEFAULT_NAMESPACE.get(dialect, self._name)
        self._tables: dict[tuple[str, str], Table] = {}
        self._spaces: dict[str, list[str]] = {}
        self._full: dict[str, Table] = {}
        for table in schema.tables:
            key = fold(table.namespace) or self._default, fold(table.bare)
            if key not in self._tables:
                self._tables[key] = table
                self._spaces.setdefault(key[1], []).append(key[0])
            if table.bare != table.name:  # how prompts tell it from one of the same name
                self._full.setdefault(fold(table.name), table)

    def is_own(self, namespace: str) -> bool:
        """Whether a qualifier names the namespace of tables that are written without one."""
        return fold(namespace) == self._default

    def names_space(self, node: exp.Column, source: Source) -> bool:
        """Whether `node` is written with the namespace of `source`, a stored table without an alias."""
        space, catalog = fold(node.text("db")), fold(node.text("catalog"))
        if not space or source.table is None or source.node is None or source.node.alias:
            return False
        return space == (fold(source.table.namespace) or self._default) and catalog in ("", self._name, "memory")

    @cached_property
    def hides_columns(self) -> bool:
        """Whether any stored table may have columns that the caller must not see."""
        return any(not table.complete for table in self._tables.values())

    def has_table(self, name: str) -> bool:
        """Whether a table is called so, in any namespace."""
        return fold(name) in self._spaces

    @cached_property
    def types(self) -> frozenset[str]:
        """Folded names of the types of all visible columns, without their namespace and length."""
        declared = (column.type for table in self._tables.values() for column in table.columns)
        return frozenset(fold(_TYPE_NAME.sub(r"\1", kind)) for kind in declared)

    def find(self, node: exp.Table) -> Table:
        """The table that `node` names; where the database would take another one, `node` is rewritten.

        Raises:
            Refusal: The schema has no such table, or several.
        """
        full = self._full.get(fold(node.name))
        # prompts call a table outside the default namespace "namespace.table", which a model may quote as one name
        if full is not None and not node.text("db") and fold(node.name) not in self._spaces:
            if not node.alias:
                node.set("alias", exp.TableAlias(this=quoted(full.name)))
            node.set("this", quoted(full.bare))
            node.set("db", quoted(full.namespace))
        name, space, catalog = fold(node.name), fold(node.text("db")), fold(node.text("catalog"))
        spaces = [space] if space else self._spaces.get(name, [])
        if not space and self._default in spaces:
            spaces = [self._default]
        if len(spaces) > 1:
            raise Refusal(f"the table {shown(node.name)} exists in several schemas")
        table = self._tables.get((spaces[0], name)) if spaces else None
        if table is None or (catalog and catalog not in (self._name, "memory")):
            raise Refusal(f"the table {shown(node.name)} is not in the schema")
        node.set("catalog", None)
        if self.dialect == "mysql" and space == self._default:
            # The schema's name is what the caller calls the database; the server may have another one of that name.
            node.set("db", None)
        if self.dialect in ("mysql", "postgres") and stored(node.this, self.dialect) != table.bare:
            node.set("this", quoted(table.bare))
        if not space and spaces[0] != self._default:
            node.set("db", quoted(table.namespace))
        node.meta[BOUND] = True
        return table
