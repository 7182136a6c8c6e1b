"""What a column name in an expression means, looked up from the innermost query outwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from itertools import islice
from typing import TYPE_CHECKING

from sqlglot import exp

from ._full_text import FULL_TEXT_FUNCTIONS, bind_full_text, check_match
from ._places import parameters
from ._refusal import Refusal, shown
from ._scope import BOUND, fold, look_up, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ._scope import Catalog, Columns, Ctes, Scope, Source

__all__ = ["QUERIES", "Binder"]

QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Pivot)
_MOST_NODES = 30_000
_PARTS = ("this", "table", "db", "catalog")
_ROWID = frozenset(("_rowid_", "oid", "rowid"))
_SESSION = {
    "duckdb": frozenset(("current_catalog", "current_role", "current_schema", "current_user", "session_user", "user")),
    "mysql": frozenset(("current_role", "current_user")),
    "postgres": frozenset(("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin")),
}
"""What a name means to the database itself where no column has it: who is connected, or where a row is stored."""
_TYPED_BY_TEXT = frozenset(("from_json", "from_json_strict", "json_transform", "json_transform_strict"))
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
        self._left = _MOST_NODES

    def spend(self, nodes: int) -> None:
        """Account for nodes that are written into the statement, before they are made.

        Raises:
            Refusal: Together they are too many: output names that stand for output names double with each step, and
                stars multiply.
        """
        self._left -= nodes
        if self._left < 0:
            raise Refusal("the statement grows too long when its names are written out")

    @abstractmethod
    def query(self, node: exp.Expr, parent: Scope | None, ctes: Ctes) -> Columns | None:
        """Resolve one query; its output columns, None where only the database knows them.

        Raises:
            Refusal: A name is not in the schema.
        """

    @abstractmethod
    def nested(self, node: exp.Expr, parent: Scope | None, ctes: Ctes, skip: tuple[str, ...] = ()) -> None:
        """Resolve only the queries inside the clauses of `node`, without those in `skip`."""

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
                todo.extend(self._dot(node, scope, local))
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
            scope.narrowed, children = True, []
        elif isinstance(node, exp.Columns):
            scope.narrowed = True
        elif isinstance(node, (exp.PropertyEQ, exp.Kwarg)):
            children = [node.expression]
        elif isinstance(node, (exp.Comprehension, exp.Lambda)):
            local = local | parameters(node)
            scope.narrow_chain()  # DuckDB alone decides whether a.b is a field of a parameter or a column
        elif isinstance(node, exp.Match):
            children = check_match(node, scope, hidden=self.catalog.hides_columns)
        for child in children:
            if isinstance(child, exp.Expr):
                yield child, local

    def _dot(self, node: exp.Dot, scope: Scope, local: frozenset[str]) -> Iterator[tuple[exp.Expr, frozenset[str]]]:
        """a.b.f(), f(x).a or (t).a: which part is a table, a column or a field, DuckDB decides when it runs."""
        self._row_field(node, scope)
        scope.narrow_chain()
        first = node
        while isinstance(first.this, exp.Dot):
            first = first.this
        if not isinstance(first.this, exp.Identifier) or fold(first.this.name) in local:
            yield from self._children(node, scope, local)
            return
        column = self._leading_column(first, node)
        yield (column if column.parent is None else node), local

    def _leading_column(self, first: exp.Dot, last: exp.Dot) -> exp.Column:
        """Replace the identifiers with which `last` begins, the innermost of them in `first`, by one column."""
        parts, at, part = [first.this], first, first.this
        while isinstance(at.expression, exp.Identifier) and len(parts) < len(_PARTS):
            parts.append(at.expression)
            part = at
            if at is last or not isinstance(at.parent, exp.Dot):
                break
            at = at.parent
        column = exp.Column(**{key: part.copy() for key, part in zip(_PARTS, reversed(parts), strict=False)})
        part.replace(column)
        return column

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

    def _arguments(self, node: exp.Anonymous, scope: Scope) -> list[exp.Expr]:
        name = fold(node.name)
        arguments = list(node.expressions)
        if name == "count" and len(arguments) == 1 and isinstance(arguments[0], exp.Star):
            return []
        if name in _TYPED_BY_TEXT and self.dialect == "duckdb":
            raise Refusal(f"{name} takes names of types in a text, which is not allowed with a schema")
        if name == "pg_typeof" and self.dialect == "postgres" and not isinstance(node.parent, exp.Cast):
            beside = node.parent.args.get(node.arg_key or "") if node.parent is not None else None
            self.spend(len(beside) if isinstance(beside, list) else 1)  # all of them move when one is replaced
            _cast_to_text(node)
        if name in FULL_TEXT_FUNCTIONS and self.dialect == "sqlite" and bind_full_text(arguments, scope):
            return arguments[1:]
        if name in _UNITS and self.dialect == "mysql" and arguments and isinstance(arguments[0], exp.Column):
            arguments[0].meta[BOUND] = True
            return arguments[1:]
        return arguments

    # Columns

    def _column(self, node: exp.Column, scope: Scope, clause: str) -> None:
        if isinstance(node.this, exp.Star):
            self.qualifier(node, scope, narrow=True)
        elif node.args.get("table"):
            self._qualified(node, scope)
        else:
            self._unqualified(node, scope, clause)

    def qualifier(self, node: exp.Column, scope: Scope, *, narrow: bool = False) -> Source:
        """The source that qualifies `node`, from the innermost query outwards; what else it may mean is narrowed.

        Raises:
            Refusal: No source has that name.
        """
        name = node.text("table")
        stored_name = bool(node.args.get("db")) and self.dialect != "duckdb"  # an alias has no namespace
        nearest = True
        for at in scope.chain():
            source = at.source(name)
            if source is not None and not (stored_name and (source.node is None or source.node.alias)):
                if nearest and self.catalog.names_space(node, source):
                    node.set("db", None)  # a narrowed table is an alias, which has no namespace
                    node.set("catalog", None)
                self._spell(node, "table", source)
                at.narrowed = at.narrowed or narrow
                scope.narrow_chain(at)
                if self.dialect == "duckdb":
                    # a.b is a field of a hidden column a wherever no table a is in sight, and which tables are (after
                    # a SEMI JOIN its right side is not) only DuckDB knows. Narrowing costs nothing there.
                    scope.narrow_chain()
                return source
            nearest = nearest and source is None
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
        if self.dialect == "mysql" and node.args.get("db") and self.catalog.is_own(node.text("db")):
            node.set("db", None)
        if source.columns is None and self.dialect == "postgres":  # what is no column there calls a function
            raise Refusal(f"the columns of {shown(node.text('table'))} are not known: name them, as in q(a, b)")
        if source.columns is None or self._bind(node, source.columns):
            return
        if self._is_rowid(fold(node.name)) and self._bind_rowid(node, source):
            return
        raise Refusal(f"the column {shown(node.text('table'))}.{shown(node.name)} is not in the schema")

    def _field(self, node: exp.Column, scope: Scope) -> bool:
        """DuckDB: a.b and t.a.b may be a field of the struct column a."""
        parts = node.parts
        for at in scope.chain():
            first = at.source(parts[0].name)
            if first is None and any(
                source.columns is None or fold(parts[0].name) in source.columns for source in at.sources
            ):
                scope.narrow_chain()  # or else a table around it, or a schema, of the same name
                return True
            if first is not None and len(parts) > 2:
                scope.narrow_chain()
                if first.columns is None or fold(parts[1].name) in first.columns:
                    return True
                raise Refusal(f"the column {shown(parts[0].name)}.{shown(parts[1].name)} is not in the schema")
            if first is not None:
                return False
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
            own = stored(scope.aliases[name].args["alias"], self.dialect)
            if self.dialect == "postgres" and stored(node.this, self.dialect) != own:
                node.set("this", exp.Identifier(this=own, quoted=True))
            return
        for at in scope.chain():
            if self._resolves_in(node, scope, at, name):
                return
            if at is scope and name in scope.aliases and self._output_name(node, scope, clause):
                return
        if self.dialect == "sqlite" and self._is_text(node):
            node.replace(exp.Literal.string(node.name))
            return
        raise Refusal(f"the column {shown(node.name)} is not in the schema")

    def _resolves_in(self, node: exp.Column, scope: Scope, at: Scope, name: str) -> bool:
        """Whether `node` in `scope` is a name of `at`, which is `scope` itself or a query around it."""
        hits = [source for source in at.sources if source.columns is not None and name in source.columns]
        if hits:
            self._bind(node, hits[0].columns or {})
            far = at.near is not None and hits[0] in at.sources[at.near :]
            if at is not scope or far:
                self._bind_outer(node, scope, at, hits)
            elif any(source.may_hide_columns and source not in hits for source in at.sources):
                self._make_unambiguous(node, at, hits)
            return True
        if any(source.columns is None for source in at.sources) and name not in _SESSION.get(self.dialect, ()):
            scope.narrow_chain()
            return True
        if self.dialect in ("postgres", "duckdb") and at.source(node.name) is not None:
            at.narrowed = True
            scope.narrow_chain(at)
            return True
        if self._is_rowid(name) and any(self._bind_rowid(node, source) for source in at.sources):
            scope.narrow_chain(at)
            return True
        return False

    def _is_rowid(self, name: str) -> bool:
        return name in _ROWID if self.dialect == "sqlite" else self.dialect == "duckdb" and name == "rowid"

    def _bind_rowid(self, node: exp.Column, source: Source) -> bool:
        """Bind the number of a row. In SQLite that is the INTEGER PRIMARY KEY, where there is one: perhaps hidden."""
        if source.node is None or source.table is None:
            return False
        if self.dialect == "duckdb":
            return not source.may_hide_columns
        if not source.may_hide_columns:
            node.this.set("this", "_rowid_")
            return True
        keys = [column for column in source.table.columns if column.primary_key]
        if len(keys) != 1 or keys[0].type.upper() != "INTEGER":
            return False
        node.set("this", exp.Identifier(this=keys[0].name, quoted=True))
        if source.alias is not None:
            node.set("table", source.alias.copy())
        return True

    def _make_unambiguous(self, node: exp.Column, at: Scope, hits: list[Source]) -> None:
        """Qualify or narrow, so that a hidden column of that name in another table does not make it ambiguous."""
        if len(hits) == 1 and hits[0].alias is not None and fold(node.name) not in at.merged:
            node.set("table", hits[0].alias.copy())
        else:
            at.narrowed = True
        if self.dialect == "duckdb":
            at.narrow_chain()

    def _bind_outer(self, node: exp.Column, scope: Scope, at: Scope, hits: list[Source]) -> None:
        """Make sure that a name of an outer query is not bound to a hidden column of an inner one."""
        alias = hits[0].alias if len(hits) == 1 else None
        scope.narrow_chain(at)
        scope.narrowed = True
        if alias is not None and all(inner.source(alias.name) is None for inner in scope.chain(at)):
            node.set("table", alias.copy())

    def _output_name(self, node: exp.Column, scope: Scope, clause: str) -> bool:
        """Replace a reference to an output name by the expression that it stands for."""
        if (self.dialect, clause) == ("mysql", "having"):
            scope.narrowed = True  # in the argument of an aggregate it is a column first
            return True
        if (self.dialect, clause) == ("sqlite", "select") or clause == "on":
            return False
        value = scope.aliases[fold(node.name)].this
        if isinstance(value, exp.Literal) and not value.is_string and isinstance(node.parent, exp.Group):
            scope.narrowed = True
            return True
        simple = isinstance(value, (exp.Column, exp.Literal, exp.Anonymous, exp.Paren))
        self.spend(sum(1 for _ in islice(value.walk(), _MOST_NODES)))
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


def _cast_to_text(node: exp.Expr) -> None:
    """Make a name of a type a text: a text beside it would be read as a type, and tell whether that one exists."""
    cast = exp.Cast(to=exp.DataType(this=exp.DType.TEXT))
    node.replace(cast)
    cast.set("this", node)


def _is_order_term(node: exp.Column, clause: str) -> bool:
    """Whether `node` alone is a term of the query's own ORDER BY, where every database takes output names first."""
    if clause != "order" or not isinstance(node.parent, exp.Ordered):
        return False
    order = node.parent.parent
    return isinstance(order, exp.Order) and isinstance(order.parent, exp.Select)
