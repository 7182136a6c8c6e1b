"""The work of rewriting one query: its scopes, the tables and columns in them, and what each becomes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.optimizer.scope import Scope, traverse_scope

from ctxprune.errors import InputError

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import Table
    from .mapping import Part, SchemaMapping, TablePlace

__all__ = ["QueryRewriter", "RenameError"]

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OWN = object()  # the place of names that a statement makes itself


class RenameError(InputError):
    """A query cannot be carried over; `what` is one short sentence without a full stop."""


@dataclass
class QueryRewriter:
    """One statement on its way from the old to the new schema; `tree` is changed in place.

    Attributes:
        used: Columns of the old schema that it reads, with their new places.
        keys: Key columns by which the parts of split tables are joined.
        literals: Columns with the values that they are compared with.
        sources: Stored tables in FROM by the identity of their node.
        seen: Identities of the column nodes that are resolved.
    """

    mapping: SchemaMapping
    tree: exp.Expr
    used: dict[ColumnRef, ColumnRef] = field(default_factory=dict)
    keys: set[ColumnRef] = field(default_factory=set)
    literals: list[tuple[ColumnRef, str]] = field(default_factory=list)
    sources: dict[int, _Source] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)

    def rewrite(self) -> exp.Expr:
        """The rewritten statement.

        Raises:
            RenameError: It cannot be carried over.
        """
        scopes = list(traverse_scope(self.tree))
        if not scopes:
            raise RenameError("it reads nothing", where=self.tree.sql()[:200])
        for join in self.tree.find_all(exp.Join):
            if str(join.args.get("method") or "").upper() == "NATURAL":
                raise RenameError("it has a NATURAL JOIN, whose meaning depends on names")
        plans = [_ScopePlan(self, scope) for scope in scopes]
        # First every name is resolved in the unchanged tree, then the tree is changed.
        for plan in plans:
            plan.resolve()
        # Outer tables get their names before inner queries, which come first here, are told them.
        for plan in plans:
            plan.name_sources()
        for plan in plans:
            plan.apply()
        return self.tree

    def place(self, table: Table) -> TablePlace:
        """Where the rows of a table are; raises RenameError where that is not known."""
        place = self.mapping.places[table.name.casefold()]
        if not place.table:
            raise RenameError(place.reason)
        return place

    def partner(self, ref: ColumnRef) -> ColumnRef:
        """What a column became, noted as used; raises RenameError where that is not sure."""
        match = self.mapping.columns.get(ref)
        if match is None:
            raise RenameError(f"the column {ref.table}.{ref.column}: {self.mapping.doubts.get(ref, 'no sure match')}")
        place = self.mapping.places[ref.table.casefold()]
        if match.target.table != place.table and match.target.table not in {part.table for part in place.parts}:
            raise RenameError(f"the column {ref.table}.{ref.column} went to the table {match.target.table}")
        self.used[ref] = match.target
        return match.target

    def identifier(self, name: str) -> exp.Identifier:
        """A name of the new schema, quoted where its dialect needs that."""
        dialect = self.mapping.target.dialect
        words = Dialect.get_or_raise(dialect).tokenizer_class.KEYWORDS
        folds = dialect == "postgres" and name != name.lower()
        return exp.to_identifier(name, quoted=folds or not _PLAIN.fullmatch(name) or name.upper() in words)


@dataclass
class _Source:
    """A stored table in FROM.

    Attributes:
        node: In the tree.
        table: Of the old schema.
        place: Its place in the new schema.
        needed: Tables of the new schema from which its columns are read.
        name: What qualifies its columns in the rewritten query.
    """

    node: exp.Table
    table: Table
    place: TablePlace
    needed: set[str] = field(default_factory=set)
    name: str = ""


@dataclass
class _ScopePlan:
    """What happens to one SELECT (or set operation): its tables, columns, stars and output names."""

    work: QueryRewriter
    scope: Scope
    columns: list[tuple[exp.Column, _Source | None, ColumnRef | None, bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        for alias, (node, source) in self.scope.selected_sources.items():
            if not isinstance(source, exp.Table):
                continue
            if not isinstance(source.this, exp.Identifier):
                raise RenameError("it reads a table function")
            table = self.work.mapping.source.table(_full_name(source, self.work.mapping.source))
            self.sources[alias] = self.work.sources[id(node)] = _Source(source, table, self.work.place(table))

    def resolve(self) -> None:
        if any(join.args.get("using") for join in self.scope.expression.args.get("joins") or ()):
            raise RenameError("it joins with USING, whose meaning depends on names")
        # `Scope.columns` leaves out names in ORDER BY and HAVING, which databases resolve like all others.
        for column in self.scope.find_all(exp.Column):
            if id(column) not in self.work.seen and not isinstance(column.this, exp.Star):
                self.work.seen.add(id(column))
                self._resolve_column(column)
        select = self.scope.expression
        for star in getattr(select, "selects", ()):
            if star.is_star:
                for source in self._starred(star):
                    for column in source.table.columns:
                        self._use(source, ColumnRef(source.table.name, column.name))

    def _use(self, source: _Source, ref: ColumnRef) -> None:
        source.needed.add(self.work.partner(ref).table)

    def _resolve_column(self, column: exp.Column) -> None:
        if not column.table and self._is_alias(column):
            return
        for depth, scope in enumerate(_outwards(self.scope)):
            found = self._find_source(column, scope)
            if found is _OWN:
                return  # a name that the statement makes itself, and keeps
            if isinstance(found, _Source):
                ref = ColumnRef(found.table.name, found.table.column(column.name).name)
                self._use(found, ref)
                self._note_literals(column, ref)
                self.columns.append((column, found, ref, depth > 0))
                return
        if column.name.casefold() in _outputs(self.scope):
            return
        if isinstance(column.this, exp.Identifier) and column.this.quoted and not column.table:
            self.columns.append((column, None, None, False))  # SQLite reads a quoted name that is no column as a text
            return
        raise RenameError(f"it reads {column.sql()}, which the old schema does not list")

    def _find_source(self, column: exp.Column, scope: Scope) -> _Source | object | None:
        """The stored table of `scope` that has the column, `_OWN` for a derived one, None where none has it."""
        wanted = column.table.casefold()
        for alias, (node, source) in scope.selected_sources.items():
            if wanted and alias.casefold() != wanted:
                continue
            if isinstance(source, exp.Table):
                known = self.work.sources[id(node)]
                if column.name in known.table:
                    return known
                if wanted:
                    raise RenameError(f"it reads {column.sql()}, which the old schema does not list")
            elif wanted or column.name.casefold() in _outputs(source):
                return _OWN
        return None

    def _is_alias(self, column: exp.Column) -> bool:
        """Whether the name is that of an output expression, as ORDER BY and (after columns) GROUP BY may use it."""
        name = column.name.casefold()
        select = self.scope.expression
        made = {item.alias.casefold() for item in getattr(select, "selects", ()) if isinstance(item, exp.Alias)}
        if name not in made:
            return isinstance(select, exp.SetOperation) and name in _outputs(self.scope)
        if isinstance(column.find_ancestor(exp.Order, exp.Select), exp.Order):
            return True
        if any(column.name in source.table for source in self.sources.values()):
            return False
        # In GROUP BY and HAVING a column goes before an alias: one of that name in the new tables would take its place.
        for source in self.sources.values():
            names = (source.place.table, *(part.table for part in source.place.parts))
            if any(column.name in self.work.mapping.target.table(name) for name in names):
                raise RenameError(f"the new schema has a column with the name of its alias {column.name}")
        return True

    def _note_literals(self, column: exp.Column, ref: ColumnRef) -> None:
        holder = column.parent
        compared: list[Any] = []
        if isinstance(holder, (exp.EQ, exp.Is)):
            compared = [holder.expression if holder.this is column else holder.this]
        elif isinstance(holder, exp.In) and holder.this is column:
            compared = holder.expressions
        self.work.literals += [(ref, one.this) for one in compared if isinstance(one, exp.Literal)]

    def name_sources(self) -> None:
        """Rename the tables in FROM."""
        targets = [source.place.table.casefold() for source in self.sources.values()]
        made = {cte.alias.casefold() for cte in self.work.tree.find_all(exp.CTE)}
        for alias, source in self.sources.items():
            if source.place.table.casefold() in made:
                raise RenameError(f"a common table expression has the name of the new table {source.place.table}")
            parts = [part for part in source.place.parts if part.table in source.needed]
            # Two old tables that became one need their own names, and so does a table with a part joined to it.
            twice = targets.count(source.place.table.casefold()) > 1
            keep = bool(source.node.alias) or bool(parts) or twice
            source.name = alias if keep else self.work.mapping.target.table(source.place.table).bare
            if parts:
                self._join_parts(source, parts)
                continue
            self._set_table(source.node, source.place.table)
            if keep:
                source.node.set("alias", exp.TableAlias(this=self.work.identifier(source.name)))

    def apply(self) -> None:
        """Rename columns, and write out stars."""
        self._expand_stars()
        several = len(self.scope.selected_sources) > 1
        for column, source, ref, outer in self.columns:
            if ref is None or source is None:
                column.replace(exp.Literal.string(column.name))
                continue
            self._keep_output_name(column)
            column.set("this", self.work.identifier(self.work.used[ref].column))
            # In sight of several tables, or of an outer query, a bare name may meet another one of the new schema.
            if column.table or several or outer:
                column.set("table", self.work.identifier(source.name))
            for part in ("db", "catalog"):
                column.set(part, None)

    def _set_table(self, node: exp.Table, name: str) -> None:
        table = self.work.mapping.target.table(name)
        node.set("this", self.work.identifier(table.bare))
        node.set("db", self.work.identifier(table.namespace) if table.namespace else None)
        node.set("catalog", None)

    def _join_parts(self, source: _Source, parts: list[Part]) -> None:
        """Put a derived table with the columns of all parts, under their new names, in the place of a split table."""
        target, table, place = self.work.mapping.target, source.table, source.place
        refs = [ColumnRef(table.name, column.name) for column in table.columns]
        wanted = [self.work.used[ref] for ref in refs if ref in self.work.used]
        if len({ref.column.casefold() for ref in wanted}) < len(wanted):
            raise RenameError(f"columns of the split table {table.name} have the same name in its parts")
        base = exp.Table()
        self._set_table(base, place.table)
        select = exp.select(*[
            exp.Column(this=self.work.identifier(ref.column), table=self.work.identifier(target.table(ref.table).bare))
            for ref in wanted
        ]).from_(base)  # fmt: skip
        for part in parts:
            joined = exp.Table()
            self._set_table(joined, part.table)
            on = exp.EQ(this=self._key(part.table, part.column), expression=self._key(place.table, part.key))
            select = select.join(joined, on=on, join_type="left")
        alias = exp.TableAlias(this=self.work.identifier(source.name))
        source.node.replace(exp.Subquery(this=select, alias=alias))

    def _key(self, table: str, column: str) -> exp.Column:
        self.work.keys.add(ColumnRef(table, column))
        bare = self.work.mapping.target.table(table).bare
        return exp.Column(this=self.work.identifier(column), table=self.work.identifier(bare))

    def _expand_stars(self) -> None:
        select = self.scope.expression
        if isinstance(select, exp.Select) and any(item.is_star for item in select.expressions):
            items = [
                new for item in select.expressions for new in (self._columns_of(item) if item.is_star else (item,))
            ]
            select.set("expressions", items)

    def _columns_of(self, star: exp.Expr) -> Iterator[exp.Expr]:
        inner = star.this if isinstance(star, exp.Column) else star
        if any(inner.args.get(name) for name in ("except", "except_", "replace", "rename")):
            raise RenameError("it has a star with exceptions")
        wanted = star.table.casefold() if isinstance(star, exp.Column) else ""
        for alias in self.scope.selected_sources:
            if wanted and alias.casefold() != wanted:
                continue
            if alias not in self.sources:
                yield exp.Column(this=exp.Star(), table=self.work.identifier(alias))
                continue
            source = self.sources[alias]
            for column in source.table.columns:
                new = self.work.used[ColumnRef(source.table.name, column.name)]
                found = exp.Column(this=self.work.identifier(new.column), table=self.work.identifier(source.name))
                yield found if self._names_are_free() else exp.alias_(found, column.name, quoted=True)

    def _starred(self, star: exp.Expr) -> list[_Source]:
        """The stored tables whose columns a star stands for."""
        wanted = star.table.casefold() if isinstance(star, exp.Column) else ""
        return [source for alias, source in self.sources.items() if not wanted or alias.casefold() == wanted]

    def _names_are_free(self) -> bool:
        """Whether nothing outside reads the names of this query's output."""
        free = self.scope.is_root or self.scope.is_subquery
        return free and not isinstance(self.scope.expression.parent, exp.SetOperation)

    def _keep_output_name(self, column: exp.Column) -> None:
        """Where the column is an output without an alias that an outer query reads by name, the old name stays."""
        select = self.scope.expression
        if self._names_are_free() or not isinstance(select, exp.Select) or column.parent is not select:
            return
        if column.arg_key != "expressions":
            return
        alias = exp.alias_(column.copy(), column.name, quoted=True)
        column.replace(alias)
        alias.set("this", column)  # in place of its copy, since this node is the one that is renamed


def _full_name(node: exp.Table, schema: Any) -> str:
    """A table's name as the schema has it: with its namespace where that is a part of the name."""
    full = f"{node.db}.{node.name}" if node.db else node.name
    return full if full in schema else node.name


def _outwards(scope: Scope) -> Iterator[Scope]:
    place: Scope | None = scope
    while place is not None:
        yield place
        place = place.parent


def _outputs(scope: Any) -> set[str]:
    """Folded names of the output columns of a query."""
    query = getattr(scope, "expression", scope)
    if isinstance(query, exp.Subquery):
        query = query.unnest()
    names = {name.casefold() for name in getattr(query, "named_selects", ())}
    outer = getattr(scope, "expression", None)
    alias = outer.parent.args.get("alias") if outer is not None and outer.parent is not None else None
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return {column.name.casefold() for column in columns} if columns else names
