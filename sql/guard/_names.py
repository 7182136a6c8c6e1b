"""Third gate, with a schema: what every name means, and that the caller may see it.

A name that can be bound here stays as written. Where only the database could bind it (a whole row, a function's
columns, PIVOT) or would bind it elsewhere if the table had a hidden column of that name (a reference to an outer query
or to an output name), the query is rewritten until no hidden column is in reach.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._fence import close
from ._refusal import Refusal, shown
from ._scope import Scope, fold, look_up, named, stored
from ._sources import read_from

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._scope import Catalog, Columns, Ctes, Source

__all__ = ["Resolver"]

_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Pivot)
_ROWID = frozenset(("_rowid_", "oid", "rowid"))
_UNITS = frozenset(("get_format", "timestampadd", "timestampdiff"))
_CLAUSES = ("where", "group", "having", "qualify", "windows", "distinct", "order", "limit", "offset")


class Resolver:
    """Resolves one statement in place.

    Args:
        catalog: The tables and columns that the caller may see.
        text: The text that the tree was read from; it tells "x" from [x].
    """

    def __init__(self, catalog: Catalog, text: str) -> None:
        self.catalog = catalog
        self.dialect = catalog.dialect
        self._text = text

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
        ctes = dict(ctes)
        for cte in clause.expressions:
            alias = cte.args["alias"]
            name = stored(alias.this, self.dialect)
            declared = named(stored(column, self.dialect) for column in alias.columns) if alias.columns else None
            body = cte.this
            if isinstance(body, exp.SetOperation) and (clause.args.get("recursive") or self.dialect == "sqlite"):
                columns = self._recursive(body, parent, ctes, (name, declared))
            else:
                columns = self.query(body, parent, ctes)
            ctes[fold(name)] = name, declared or columns
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
        self.nested(node, parent, inside, skip=("this", "expression", "with_"))
        return columns

    def _set_operation(self, node: exp.SetOperation, parent: Scope | None, ctes: Ctes) -> Columns | None:
        left = self.query(node.this, parent, ctes)
        right = self.query(node.expression, parent, ctes)
        self.nested(node, parent, ctes, skip=("this", "expression", "with_"))
        if node.args.get("by_name"):
            return None if left is None or right is None else {**right, **left}
        return left

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
        scope = Scope(parent, ctes, fenced=True)
        read_from(self, node.this, scope)
        self.nested(node, scope, ctes, skip=("this", "with_"))
        close(scope)

    def _select(self, select: exp.Select, parent: Scope | None, ctes: Ctes) -> Columns | None:
        scope = Scope(parent, ctes)
        conditions = read_from(self, select, scope)
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
        close(scope)
        return columns

    def _projections(self, select: exp.Select, scope: Scope) -> Columns | None:
        names: list[str] = []
        known = True
        for item in list(select.expressions):
            star = self._star(item, scope)
            if star is not None:
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
                known = False
        return named(names) if known else None

    def _star(self, item: exp.Expr, scope: Scope) -> list[Source] | None:
        """The sources that a star in the select list covers; None if `item` is no star."""
        if isinstance(item, exp.Star):
            star, sources = item, list(scope.sources)
            if not scope.plain:
                scope.fenced = True
        elif isinstance(item, exp.Column) and isinstance(item.this, exp.Star):
            star, sources = item.this, [self._qualifier(item, scope)]
        else:
            return None
        if any(star.args.get(key) for key in ("except_", "replace", "rename")):
            scope.fenced = True
            for replaced in star.args.get("replace") or ():
                self.visit(replaced, scope, "select")
        else:
            scope.stars.append((item, sources))
        return sources

    # Expressions

    def visit(self, root: exp.Expr, scope: Scope, clause: str) -> None:
        """Resolve every name below `root`, without recursion for long chains of operators.

        Raises:
            Refusal: A name is not in the schema.
        """
        todo: list[tuple[exp.Expr, frozenset[str]]] = [(root, frozenset())]
        while todo:
            node, local = todo.pop()
            if isinstance(node, _QUERIES):
                self.query(node, scope, scope.ctes)
            elif isinstance(node, exp.Column):
                if fold(node.name) not in local or node.args.get("table"):
                    self._column(node, scope, clause)
            elif isinstance(node, exp.Table):
                raise Refusal(f"the table {shown(node.name)} is not allowed here")
            else:
                todo.extend(self._children(node, scope, local))

    def _children(
        self, node: exp.Expr, scope: Scope, local: frozenset[str]
    ) -> Iterator[tuple[exp.Expr, frozenset[str]]]:
        children = list(node.iter_expressions())
        if isinstance(node, exp.Anonymous):
            children = self._arguments(node, scope)
        elif isinstance(node, (exp.Star, exp.PositionalColumn)):
            scope.fenced, children = True, []
        elif isinstance(node, (exp.PropertyEQ, exp.Kwarg)):
            children = [node.expression]
        elif isinstance(node, exp.Comprehension):
            names = [node.args.get("expression"), node.args.get("position")]
            local = local | {fold(name.name) for name in names if isinstance(name, exp.Expr)}
        for child in children:
            if isinstance(child, exp.Expr):
                yield child, local

    def _arguments(self, node: exp.Anonymous, scope: Scope) -> list[exp.Expr]:
        name = fold(node.name)
        arguments = list(node.expressions)
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            return []
        if name == "columns":
            scope.fenced = True
        if name in _UNITS and self.dialect == "mysql" and arguments and isinstance(arguments[0], exp.Column):
            return arguments[1:]
        return arguments

    # Columns

    def _column(self, node: exp.Column, scope: Scope, clause: str) -> None:
        if isinstance(node.this, exp.Star):
            self._qualifier(node, scope, fence=True)
        elif node.args.get("table"):
            self._qualified(node, scope)
        else:
            self._unqualified(node, scope, clause)

    def _qualifier(self, node: exp.Column, scope: Scope, *, fence: bool = False) -> Source:
        name = node.text("table")
        at: Scope | None = scope
        while at is not None:
            source = at.source(name)
            if source is not None:
                self._spell(node, "table", source)
                at.fenced = at.fenced or fence
                return source
            at = at.parent
        raise Refusal(f"the table {shown(name)} is not part of the query")

    def _spell(self, node: exp.Column, key: str, source: Source) -> None:
        """Write the qualifier as the source spells it where the database tells the two apart."""
        alias = source.alias
        if alias is None or self.dialect not in ("mysql", "postgres"):
            return
        if stored(alias, self.dialect) != stored(node.args[key], self.dialect):
            node.set(key, alias.copy())

    def _qualified(self, node: exp.Column, scope: Scope) -> None:
        if self.dialect == "duckdb" and self._field(node, scope):
            return
        source = self._qualifier(node, scope)
        if source.columns is None or self._bind(node, source.columns):
            return
        if self.dialect == "sqlite" and source.node is not None and fold(node.name) in _ROWID:
            node.this.set("this", "_rowid_")
            return
        raise Refusal(f"the column {shown(node.text('table'))}.{shown(node.name)} is not in the schema")

    def _field(self, node: exp.Column, scope: Scope) -> bool:
        """DuckDB: a.b and t.a.b may be a field of the struct column a."""
        parts = node.parts
        at: Scope | None = scope
        while at is not None:
            first = at.source(parts[0].name)
            if first is not None:
                return len(parts) > 2 and (first.columns is None or fold(parts[1].name) in first.columns)
            if any(source.columns is not None and fold(parts[0].name) in source.columns for source in at.sources):
                if at is not scope:
                    _fence_between(scope, at)
                return True
            if any(source.columns is None for source in at.sources):
                _fence_between(scope, None)
                return True
            at = at.parent
        return False

    def _bind(self, node: exp.Column, columns: Columns) -> bool:
        name = look_up(columns, node.this, self.dialect)
        if name is None:
            return False
        if self.dialect == "postgres" and stored(node.this, self.dialect) != name:
            node.set("this", exp.Identifier(this=name, quoted=True))
        return True

    def _unqualified(self, node: exp.Column, scope: Scope, clause: str) -> None:
        name = fold(node.name)
        if name in scope.aliases and _is_order_term(node, clause):
            return
        at: Scope | None = scope
        while at is not None:
            if self._here(node, scope, at, name):
                return
            if at is scope and name in scope.aliases and self._output_name(node, scope, clause):
                return
            at = at.parent
        if self.dialect == "sqlite" and self._is_text(node):
            node.replace(exp.Literal.string(node.name))
            return
        raise Refusal(f"the column {shown(node.name)} is not in the schema")

    def _here(self, node: exp.Column, scope: Scope, at: Scope, name: str) -> bool:
        """Whether `node` in `scope` means something in `at`, `scope` itself or a query around it."""
        hits = [source for source in at.sources if source.columns is not None and name in source.columns]
        if hits:
            self._bind(node, hits[0].columns or {})
            far = at.near is not None and hits[0] in at.sources[at.near :]
            if at is not scope or far:
                self._reach(node, scope, at, hits)
            return True
        if any(source.columns is None for source in at.sources):
            _fence_between(scope, None)
            return True
        if self.dialect in ("postgres", "duckdb") and at.source(node.name) is not None:
            at.fenced = True
            _fence_between(scope, at)
            return True
        if self.dialect == "sqlite" and name in _ROWID and any(source.node is not None for source in at.sources):
            node.this.set("this", "_rowid_")
            _fence_between(scope, at)
            return True
        return False

    def _reach(self, node: exp.Column, scope: Scope, at: Scope, hits: list[Source]) -> None:
        """Make sure that a name that means something outside is not caught by a hidden column inside."""
        alias = hits[0].alias if len(hits) == 1 else None
        inner: Scope | None = scope
        while alias is not None and inner is not None and inner is not at:
            if inner.source(alias.name) is not None:
                alias = None
                break
            inner = inner.parent
        if alias is not None:
            node.set("table", alias.copy())
        else:
            _fence_between(scope, at)

    def _output_name(self, node: exp.Column, scope: Scope, clause: str) -> bool:
        """Replace a reference to an output name by the expression that it stands for."""
        if (self.dialect, clause) in (("mysql", "having"), ("sqlite", "select")) or clause == "on":
            return self.dialect == "mysql" and clause == "having"
        value = scope.aliases[fold(node.name)].this
        if isinstance(value, exp.Literal) and not value.is_string and isinstance(node.parent, exp.Group):
            scope.fenced = True
            return True
        simple = isinstance(value, (exp.Column, exp.Literal, exp.Anonymous, exp.Paren))
        node.replace(value.copy() if simple else exp.Paren(this=value.copy()))
        return True

    def _is_text(self, node: exp.Column) -> bool:
        """SQLite takes "x" for a text if no column has that name; [x] and `x` it does not."""
        start = node.this.meta.get("start")
        return bool(node.this.args.get("quoted")) and isinstance(start, int) and self._text[start : start + 1] == '"'


def _fence_between(scope: Scope, at: Scope | None) -> None:
    """Fence `scope` and the queries around it, up to but without `at`."""
    inner: Scope | None = scope
    while inner is not None and inner is not at:
        inner.fenced = True
        inner = inner.parent


def _is_order_term(node: exp.Column, clause: str) -> bool:
    """Whether `node` alone is a term of the query's own ORDER BY, where every database takes output names first."""
    if clause != "order" or not isinstance(node.parent, exp.Ordered):
        return False
    order = node.parent.parent
    return isinstance(order, exp.Order) and isinstance(order.parent, exp.Select)


def _outermost(value: object) -> Iterator[exp.Expr]:
    todo = [value] if isinstance(value, exp.Expr) else []
    while todo:
        node = todo.pop()
        if isinstance(node, _QUERIES):
            yield node
        else:
            todo.extend(child for child in node.iter_expressions() if isinstance(child, exp.Expr))
