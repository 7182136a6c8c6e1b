"""Third gate, with a schema: what every name means, and that the caller may see it.

A name that can be bound here stays as written in a query of nothing but tables. As soon as another query, a derived
table or a function is near, engines differ in what they have in sight (in ON, beside LATERAL, in a WITH, by qualifier,
by whole row), so every table with hidden columns is narrowed there to its visible ones: whatever the engine makes of a
name, no hidden column is in reach. The same holds where only the database could bind a name (a whole row, PIVOT).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._columns import QUERIES, Binder
from ._grouping import group_by_whole_rows
from ._narrowing import close
from ._output_names import name_function_columns, name_outputs, star_names
from ._places import check_places
from ._refusal import Refusal, shown
from ._scope import BOUND, Scope, fold, look_up, named, quoted, stored
from ._sources import read_from
from ._types import check_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._scope import Columns, Ctes, Source

__all__ = ["Resolver"]

_CLAUSES = ("where", "group", "having", "qualify", "windows", "distinct", "order", "limit", "offset")


class Resolver(Binder):
    """Resolves one statement in place."""

    def resolve(self, tree: exp.Expr) -> None:
        """Resolve `tree`, and make sure that no table and no column of it was passed over.

        Raises:
            Refusal: A name is not in the schema, or stands where it cannot be judged.
        """
        self.query(tree, None, {})
        check_places(tree)
        if self.dialect == "postgres":
            name_function_columns(tree)
        for kind in tree.find_all(exp.DataType):
            check_type(kind, self.catalog)

    def query(self, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Columns | None:
        """Resolve one query; its output columns, None where only the database knows them.

        Raises:
            Refusal: A name is not in the schema.
        """
        ctes = self._with(node, parent, ctes)
        if isinstance(node, exp.Select):
            return self._select(node, parent, ctes)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, parent, ctes)
        if isinstance(node, exp.Subquery):
            columns = self.query(node.this, parent, ctes)
            self._order(node, columns)
            self.nested(node, parent, ctes, skip=("this", "with_", "joins", "laterals", "pivots"))
            return columns
        if isinstance(node, exp.Pivot):
            self._pivot(node, parent, ctes)
            return None
        raise Refusal(f"{node.key.upper()} is not allowed here")

    # Queries

    def _with(self, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Ctes:
        clause = node.args.get("with_")
        if clause is None:
            return ctes
        if self.dialect == "sqlite" or (clause.args.get("recursive") and self.dialect != "duckdb"):
            _check_order(clause)
        ctes = dict(ctes)
        # MariaDB does not look for the expressions of an outer WITH inside those of an inner one: it reads the stored
        # table of that name, or fails.
        inside: Ctes = {} if self.dialect == "mysql" else dict(ctes)
        for cte in clause.expressions:
            alias = cte.args["alias"]
            name = stored(alias.this, self.dialect)
            declared = named(stored(column, self.dialect) for column in alias.columns) if alias.columns else None
            body = cte.this
            recursive = clause.args.get("recursive") or self.dialect == "sqlite"
            # In DuckDB nothing but a plain UNION is recursive: elsewhere the name means a real table.
            if recursive and isinstance(body, exp.Union) and not body.args.get("by_name"):
                columns = self._recursive(body, parent, inside, (name, declared))
            else:
                columns = self.query(body, parent, inside)
            ctes[fold(name)] = inside[fold(name)] = name, declared or columns
        return ctes

    def _recursive(
        self,
        node: exp.SetOperation,
        parent: Scope | None,
        ctes: Ctes,
        own: tuple[str, Columns | None],
    ) -> Columns | None:
        """The first term reads a real table of that name, if anything; only later terms see the expression itself."""
        ctes = self._with(node, parent, ctes)
        left = node.this
        if isinstance(left, exp.SetOperation) and self.dialect != "duckdb":
            columns = self._recursive(left, parent, ctes, own)
        else:
            columns = self.query(left, parent, ctes)
        inside = {**ctes, fold(own[0]): (own[0], own[1] or columns)}
        self.query(node.expression, parent, inside)
        self._order(node, columns)
        self.nested(node, parent, inside, skip=("this", "expression", "with_"))
        return columns

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None, ctes: Ctes) -> Columns | None:
        left = self.query(node.this, parent, ctes)
        right = self.query(node.expression, parent, ctes)
        self._order(node, left)
        self.nested(node, parent, ctes, skip=("this", "expression", "with_"))
        if node.args.get("by_name"):
            return None if left is None or right is None else {**right, **left}
        return left

    def _order(self, node: exp.Subquery | exp.SetOperation, columns: Columns | None) -> None:
        """ORDER BY around a query may name output columns; PostgreSQL looks other names up inside the parentheses."""
        order = node.args.get("order")
        for term in order.expressions if order is not None else ():
            column = term.this if isinstance(term, exp.Ordered) else term
            if isinstance(column, exp.Column) and not column.args.get("table"):
                name = look_up(columns, column.this, self.dialect) if columns is not None else None
                known = name is not None
                if name is not None and self.dialect == "postgres" and stored(column.this, self.dialect) != name:
                    column.set("this", quoted(name))  # only the very name is an output name there
                if isinstance(node, exp.SetOperation):
                    # DuckDB looks into the tables of the first operand, too.
                    known = self.dialect != "duckdb" or known or fold(column.name) in _output_names(node)
                column.meta[BOUND] = known

    def nested(
        self,
        node: exp.Expr,
        parent: Scope | None,
        ctes: Ctes,
        skip: tuple[str, ...] = (),
    ) -> None:
        """Resolve only the queries inside the clauses of `node`; its own names can mean output columns alone."""
        for key, value in list(node.args.items()):
            if key in skip:
                continue
            for child in value if isinstance(value, list) else [value]:
                for found in _outermost(child):
                    self.query(found, parent, ctes)

    def _pivot(self, node: exp.Pivot, parent: Scope | None, ctes: Ctes) -> None:
        scope = Scope(parent, ctes, narrowed=True)
        if parent is not None:
            parent.narrow_chain()
        read_from(self, node.this, scope)
        self.nested(node, scope, ctes, skip=("this", "with_"))
        close(scope, self.spend)

    def _select(self, select: exp.Select, parent: Scope | None, ctes: Ctes) -> Columns | None:
        scope = Scope(parent, ctes)
        if parent is not None:
            parent.narrow_chain()
        conditions = read_from(self, select, scope)
        if any(source.node is None for source in scope.sources):
            scope.narrowed = True
        for condition, near in conditions:
            scope.near = near
            self.visit(condition, scope, "on")
        scope.near = None
        columns = self._projections(select, scope)
        for key in _CLAUSES:
            value = select.args.get(key)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, exp.Expr):
                    self.visit(child, scope, key)
        if self.dialect == "postgres":
            group_by_whole_rows(select, scope, self.spend)
        close(scope, self.spend)
        return columns

    def _projections(self, select: exp.Select, scope: Scope) -> Columns | None:
        names: list[str] = []
        known = True
        for item in name_outputs(select) if self.dialect == "postgres" else list(select.expressions):
            star = self._star(item, scope)
            if star is not None:
                self.spend(len(star) + sum(len(source.columns or ()) for source in star))
                known = known and all(source.columns is not None for source in star)
                names.extend(name for source in star for name in dict.fromkeys((source.columns or {}).values()))
                continue
            self.visit(item, scope, "select")
            if isinstance(item, exp.Alias):
                scope.aliases.setdefault(fold(item.alias), item)
                names.append(stored(item.args["alias"], self.dialect))
            elif isinstance(item, exp.Column):
                names.append(stored(item.this, self.dialect))
            else:
                more = star_names(item) if self.dialect == "postgres" else None
                known = known and more is not None
                names.extend(more or ())
        return named(names) if known else None

    def _star(self, item: exp.Expr, scope: Scope) -> list[Source] | None:
        """The sources that a star in the select list covers; None if `item` is no star."""
        if isinstance(item, exp.Star):
            star, sources = item, list(scope.sources)
            if not scope.plain or (self.dialect == "duckdb" and any(source.may_hide_columns for source in sources)):
                scope.narrowed = True
        elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            star, sources = item.this, [self.qualifier(item, scope, narrow=any(item.this.args.values()))]
            item.meta[BOUND] = True
        else:
            return None
        if any(star.args.values()):
            scope.narrowed = True
            for replaced in star.args.get("replace") or ():
                self.visit(replaced, scope, "select")
        else:
            scope.stars.append((item, sources))
        return sources


def _check_order(clause: exp.With) -> None:
    """Refuse what reads a later expression of its WITH, where the engine finds that one and not the stored table."""
    later: set[str] = set()
    for cte in reversed(clause.expressions):
        for table in cte.this.find_all(exp.Table) if later else ():
            if fold(table.name) in later and not table.args.get("db"):
                raise Refusal(f"{shown(table.name)} is read before it is defined: write WITH expressions in order")
        later.add(fold(cte.alias))


def _output_names(node: exp.Expr) -> set[str]:
    """Folded output names of all operands of a set operation."""
    names: set[str] = set()
    todo = [node]
    while todo:
        query = todo.pop().unnest()
        if isinstance(query, exp.SetOperation):
            todo += [query.this, query.expression]
        else:
            names.update(fold(item.alias_or_name) for item in query.expressions)
    return names


def _outermost(value: object) -> Iterator[exp.Expr]:
    todo = [value] if isinstance(value, exp.Expr) else []
    while todo:
        node = todo.pop()
        if isinstance(node, QUERIES):
            yield node
        else:
            todo.extend(child for child in node.iter_expressions() if isinstance(child, exp.Expr))
