"""The work of rewriting one query: its scopes, the tables and columns in them, and what each becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, traverse_scope

from ctxprune.errors import InputError

from ..schema.schema import ColumnRef
from .identifiers import full_name, make_identifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..schema.schema import Table
    from .mapping import Part, SchemaMapping, TablePlace

__all__ = ["QueryRewriter", "RenameError"]

_OWN = object()  # the place of names that a statement makes itself


class RenameError(InputError):
    """A query cannot be carried over; `what` is one short sentence without a full stop."""


@dataclass
class QueryRewriter:
    """One statement on its way from the old to the new schema; `tree` is changed in place.

    Attributes:
        used: Columns of the old schema that it reads, with their new places.
        keys: Key columns by which the parts of split tables are joined.
        sources: Stored tables in FROM by the identity of their node.
        seen: Identities of the column nodes that are resolved.
        names: Old tables (or "" for what the statement makes) by folded name: those that anything in FROM has in the
            old query, and the new names of its tables.
        outputs: Folded names of the output columns of each query, by the identity of its scope.
    """

    mapping: SchemaMapping
    tree: exp.Expr
    used: dict[ColumnRef, ColumnRef] = field(default_factory=dict)
    keys: set[ColumnRef] = field(default_factory=set)
    sources: dict[int, _Source] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)
    outputs: dict[int, set[str]] = field(default_factory=dict)

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
            advice = "; it is a view: make it in the new schema, or write the query on its tables"
            raise RenameError(place.reason + (advice if table.is_view else ""))
        target = self.mapping.target
        for one in (table, *(target.table(name) for name in (place.table, *(part.table for part in place.parts)))):
            if len({column.name.casefold() for column in one.columns}) < len(
                one.columns
            ):  # PostgreSQL allows that; names are compared folded everywhere here
                raise RenameError(f"the table {one.name} has columns whose names differ in case alone")
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
        return make_identifier(name, self.mapping.target.dialect)


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
    columns: list[tuple[exp.Column, _Source | None, ColumnRef | None, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sources: dict[str, _Source] = {}
        for alias, (node, source) in self.scope.selected_sources.items():
            self.work.names.setdefault(alias.casefold(), set()).add("")
            if not isinstance(source, exp.Table):
                continue
            if not isinstance(source.this, exp.Identifier):
                raise RenameError("it reads a table function")
            table = self.work.mapping.source.table(full_name(source, self.work.mapping.source))
            place = self.work.place(table)
            self.sources[alias] = self.work.sources[id(node)] = _Source(source, table, place)
            bare = self.work.mapping.target.table(place.table).bare.casefold()
            self.work.names.setdefault(bare, set()).add(table.name)

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
                    for stored in source.table.columns:
                        self._use(source, ColumnRef(source.table.name, stored.name))

    def _use(self, source: _Source, ref: ColumnRef) -> None:
        source.needed.add(self.work.partner(ref).table)

    def _resolve_column(self, column: exp.Column) -> None:
        if not column.table and self._is_alias(column):
            return
        for depth, scope in enumerate(_outwards(self.scope)):
            found = self._find_source(column, scope)
            if found is _OWN:  # a name that the statement makes itself, and keeps
                if not column.table:
                    self._check_own(column, depth)
                return
            if isinstance(found, _Source):
                ref = ColumnRef(found.table.name, found.table.column(column.name).name)
                self._use(found, ref)
                self.columns.append((column, found, ref, depth))
                return
        if isinstance(column.this, exp.Identifier) and column.this.quoted and not column.table:
            self.columns.append((column, None, None, 0))  # SQLite reads a quoted name that is no column as a text
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
            elif wanted or column.name.casefold() in self._outputs(source):
                return _OWN
        return None

    def _is_alias(self, column: exp.Column) -> bool:
        """Whether the name is that of an output expression, as ORDER BY and (after columns) GROUP BY may use it."""
        name = column.name.casefold()
        select = self.scope.expression
        if isinstance(select, exp.SetOperation):
            return name in self._outputs(self.scope)
        if name not in self._aliases():
            return False
        if self._is_sort_key(column):
            return True
        if any(column.name in source.table for source in self.sources.values()):
            return False
        # In GROUP BY, HAVING and expressions of ORDER BY a column goes before an alias: one of that name in the new
        # tables would take its place.
        if any(self._has_new(source, column.name) for source in self.sources.values()):
            raise RenameError(f"the new schema has a column with the name of its alias {column.name}")
        return True

    def _is_sort_key(self, column: exp.Column) -> bool:
        """Whether the bare name is all of a term of the query's own ORDER BY, where an alias goes before a column."""
        node = column.parent.parent if isinstance(column.parent, exp.Collate) else column.parent
        return isinstance(node, exp.Ordered) and node.parent is self.scope.expression.args.get("order")

    def _has_new(self, source: _Source, name: str) -> bool:
        """Whether a table that takes the place of `source` has a column of that name."""
        tables = (source.place.table, *(part.table for part in source.place.parts))
        return any(name in self.work.mapping.target.table(table) for table in tables)

    def _check_own(self, column: exp.Column, depth: int) -> None:
        """Raises RenameError where a new table would capture the bare name of a derived column, or make it unclear."""
        for scope in list(_outwards(self.scope))[: depth + 1]:
            sources = (self.work.sources.get(id(node)) for node, _ in scope.selected_sources.values())
            if any(source is not None and self._has_new(source, column.name) for source in sources):
                raise RenameError(f"a new table has a column with the name {column.name}, which the query makes itself")

    def _aliases(self) -> set[str]:
        """Folded names that the SELECT list gives with AS."""
        items = getattr(self.scope.expression, "selects", ())
        return {item.alias.casefold() for item in items if isinstance(item, exp.Alias)}

    def _outputs(self, scope: Any) -> set[str]:
        """Folded names of the output columns of a query, a star written out."""
        # Kept, since queries that read each other twice would double the work at each level.
        if id(scope) not in self.work.outputs:
            self.work.outputs[id(scope)] = self._find_outputs(scope)
        return self.work.outputs[id(scope)]

    def _find_outputs(self, scope: Any) -> set[str]:
        query = getattr(scope, "expression", scope)
        alias = query.parent.args.get("alias") if query.parent is not None else None
        columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
        if columns:
            return {column.name.casefold() for column in columns}
        names = {name.casefold() for name in getattr(query, "named_selects", ())} - {"*"}
        if isinstance(scope, Scope) and any(item.is_star for item in getattr(query, "selects", ())):
            for _, source in scope.selected_sources.values():
                if isinstance(source, exp.Table):
                    table = self.work.mapping.source.table(full_name(source, self.work.mapping.source))
                    names |= {column.name.casefold() for column in table.columns}
                else:
                    names |= self._outputs(source)
        return names

    def name_sources(self) -> None:
        """Rename the tables in FROM."""
        made = {cte.alias.casefold() for cte in self.work.tree.find_all(exp.CTE)}
        for alias, source in self.sources.items():
            if source.place.table.casefold() in made:
                raise RenameError(f"a common table expression has the name of the new table {source.place.table}")
            parts = [part for part in source.place.parts if part.table in source.needed]
            bare = self.work.mapping.target.table(source.place.table).bare
            # A new name that something else in the statement has, in whatever scope, would capture its columns.
            others = self.work.names[bare.casefold()] - {source.table.name}
            taken = bool(others) and bare.casefold() != alias.casefold()
            keep = bool(source.node.alias) or bool(parts) or taken or len(others - {""}) > 0
            source.name = alias if keep else bare
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
        made = self._aliases() if self._names_are_free() else self._aliases() | self._outputs(self.scope)
        for column, source, ref, depth in self.columns:
            if ref is None or source is None:
                column.replace(exp.Literal.string(column.name))
                continue
            new = self.work.used[ref].column
            self._keep_output_name(column)
            column.set("this", self.work.identifier(new))
            # In sight of several tables, of an outer query, or of an alias, a bare name may mean something else now.
            if column.table or several or depth or new.casefold() in made:
                self._check_shadow(source, depth)
                column.set("table", self.work.identifier(source.name))
            for part in ("db", "catalog"):
                column.set(part, None)

    def _check_shadow(self, source: _Source, depth: int) -> None:
        """Raises RenameError where a query between here and the table has another one of its name."""
        for _, scope in zip(range(depth), _outwards(self.scope), strict=False):
            inner = {
                (self.work.sources[id(node)].name if id(node) in self.work.sources else alias).casefold()
                for alias, (node, _) in scope.selected_sources.items()
            }
            if source.name.casefold() in inner:
                raise RenameError(f"two tables in it are called {source.name}")

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
                if not alias and len(self.scope.selected_sources) > 1:
                    raise RenameError("it has a star over a derived table without a name")
                yield exp.Column(this=exp.Star(), table=self.work.identifier(alias)) if alias else exp.Star()
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


def _outwards(scope: Scope) -> Iterator[Scope]:
    place: Scope | None = scope
    while place is not None:
        yield place
        place = place.parent
