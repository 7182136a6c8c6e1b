"""What a column name in an expression means, looked up from the innermost query outwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import BOUND, fold, look_up, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._scope import Catalog, Columns, Ctes, Scope, Source

__all__ = ["QUERIES", "Binder"]

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Pivot)
_ROWID = frozenset(("_rowid_", "oid", "rowid"))
_UNITS = frozenset(("get_format", "timestampadd", "timestampdiff"))
_AGGREGATES = frozenset(("avg", "count", "group_concat", "max", "median", "min", "sum", "total"))


class Binder(ABC):
    """Binds the columns of expressions in place.

    Args:
        catalog: The tables and columns that the caller may see.
        text: The text that the tree was read from; it tells "x" from [x].
    """

    def __init__(self, catalog: Catalog, text: str) -> None:
        self.catalog = catalog
        self.dialect = catalog.dialect
        self._text = text

    @abstractmethod
    def query(self, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Columns | None:
        """Resolve one query; its output columns, None where only the database knows them.

        Raises:
            Refusal: A name is not in the schema.
        """

    def visit(self, root: exp.Expr, scope: Scope, clause: str) -> None:
        """Resolve every name below `root`, without recursion for long chains of operators.

        Raises:
            Refusal: A name is not in the schema.
        """
        todo: list[tuple[exp.Expr, frozenset[str]]] = [(root, frozenset())]
        while todo:
            node, local = todo.pop()
            if isinstance(node, QUERIES):
                self.query(node, scope, scope.ctes)
            elif isinstance(node, exp.Column):
                node.meta[BOUND] = True
                if fold(node.name) not in local or node.args.get("table"):
                    self._column(node, scope, clause)
            elif isinstance(node, exp.Dot):
                self._row_field(node, scope)
                todo.extend(self._children(node, scope, local))
            elif isinstance(node, exp.Table):
                raise Refusal(f"the table {shown(node.name)} is not allowed here")
            else:
                todo.extend(self._children(node, scope, local))

    def _children(
        self, node: exp.Expr, scope: Scope, local: frozenset[str]
    ) -> Iterator[tuple[exp.Expr, frozenset[str]]]:
        children = list(node.iter_expressions())
        if isinstance(node, exp.Anonymous):
            children = self._arguments(node)
        elif isinstance(node, (exp.Star, exp.PositionalColumn)):
            scope.fenced, children = True, []
        elif isinstance(node, exp.Columns):
            scope.fenced = True
        elif isinstance(node, (exp.PropertyEQ, exp.Kwarg)):
            children = [node.expression]
        elif isinstance(node, exp.Comprehension):
            names = [node.args.get("expression"), node.args.get("position")]
            local = local | {fold(name.name) for name in names if isinstance(name, exp.Expr)}
        for child in children:
            if isinstance(child, exp.Expr):
                yield child, local

    def _row_field(self, node: exp.Dot, scope: Scope) -> None:
        """(t).a: the field a of a whole row."""
        row = node.this.unnest()
        if not isinstance(row, exp.Column) or row.args.get("table") or not isinstance(node.expression, exp.Identifier):
            return
        source = scope.source(row.name)
        if source is None or source.columns is None or fold(row.name) in source.columns:
            return
        if look_up(source.columns, node.expression, self.dialect) is None:
            raise Refusal(f"the column {shown(row.name)}.{shown(node.expression.name)} is not in the schema")

    def _arguments(self, node: exp.Anonymous) -> list[exp.Expr]:
        name = fold(node.name)
        arguments = list(node.expressions)
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            return []
        if name in _UNITS and self.dialect == "mysql" and arguments and isinstance(arguments[0], exp.Column):
            arguments[0].meta[BOUND] = True
            return arguments[1:]
        return arguments

    # Columns

    def _column(self, node: exp.Column, scope: Scope, clause: str) -> None:
        if isinstance(node.this, exp.Star):
            self.qualifier(node, scope, fence=True)
        elif node.args.get("table"):
            self._qualified(node, scope)
        else:
            self._unqualified(node, scope, clause)

    def qualifier(self, node: exp.Column, scope: Scope, *, fence: bool = False) -> Source:
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
        source = self.qualifier(node, scope)
        if source.columns is None or self._bind(node, source.columns):
            return
        if self.dialect == "sqlite" and source.node is not None and fold(node.name) in _ROWID:
            node.this.set("this", "_rowid_")
            return
        if self.dialect == "duckdb" and source.node is not None and fold(node.name) == "rowid":
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
        if isinstance(node.parent, exp.Match) and self.dialect == "sqlite" and scope.source(node.name) is not None:
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
        if self._is_rowid(name) and any(source.node is not None for source in at.sources):
            if self.dialect == "sqlite":
                node.this.set("this", "_rowid_")
            _fence_between(scope, at)
            return True
        return False

    def _is_rowid(self, name: str) -> bool:
        return name in _ROWID if self.dialect == "sqlite" else self.dialect == "duckdb" and name == "rowid"

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
        """SQLite takes "x" for a text if no column has that name; [x] and `x` it does not.

        Where a text makes no sense (a column of the result, a term of GROUP BY or ORDER BY, the argument of sum) the
        name is a column that does not exist, and saying so helps more than a column of equal texts.
        """
        parent = node.parent
        if isinstance(parent, (exp.Select, exp.Alias, exp.Group, exp.Ordered, exp.Distinct)):
            return False
        if isinstance(parent, exp.Anonymous) and fold(parent.name) in _AGGREGATES and len(parent.expressions) == 1:
            return False
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
