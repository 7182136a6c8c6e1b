"""Reading FROM: tables, derived tables, functions and joins, and what columns each of them offers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._narrowing import close
from ._refusal import Refusal, shown
from ._scope import BOUND, Scope, Source, fold, look_up, named, stored

if TYPE_CHECKING:
    from ._columns import Binder
    from ._scope import Columns

__all__ = ["OUTPUTS", "read_from"]

Conditions = list[tuple[exp.Expr, int]]
"""Join conditions, each with the number of sources that its unqualified names may mean."""

_MOST_SOURCES = 200
_EACH = ("key", "value", "type", "atom", "id", "parent", "fullkey", "path", "json", "root", "rowid")
OUTPUTS: dict[str, dict[str, tuple[str, ...]]] = {
    "json_each": {"sqlite": _EACH, "duckdb": _EACH, "postgres": ("key", "value")},
    "json_tree": {"sqlite": _EACH, "duckdb": _EACH},
    "jsonb_each": {"sqlite": _EACH, "postgres": ("key", "value")},
    "jsonb_tree": {"sqlite": _EACH},
    "json_each_text": {"postgres": ("key", "value")},
    "jsonb_each_text": {"postgres": ("key", "value")},
    "json_array_elements": {"postgres": ("value",)},
    "json_array_elements_text": {"postgres": ("value",)},
    "jsonb_array_elements": {"postgres": ("value",)},
    "jsonb_array_elements_text": {"postgres": ("value",)},
    "generate_series": {"sqlite": ("value", "start", "stop", "step")},
}
"""Columns of functions whose columns are not called like the function."""


def read_from(resolver: Binder, node: exp.Expr, scope: Scope) -> Conditions:
    """Fill `scope.sources` from a SELECT (or from one operand of PIVOT).

    Raises:
        Refusal: A table or a USING column is not in the schema.
    """
    reader = _Reader(resolver, scope)
    if isinstance(node, exp.Select):
        clause = node.args.get("from_")
        if clause is not None:
            reader.source(clause.this)
        reader.rest(node)
    else:
        reader.source(node)
    return reader.conditions


class _Reader:
    """Reads one FROM clause into the sources of a scope."""

    def __init__(self, resolver: Binder, scope: Scope) -> None:
        self.resolver = resolver
        self.dialect = resolver.dialect
        self.scope = scope
        self.conditions: Conditions = []

    def rest(self, node: exp.Expr) -> None:
        """Joins, laterals and pivots that hang on `node`."""
        for join in list(node.args.get("joins") or ()):
            self.join(join)
        for lateral in list(node.args.get("laterals") or ()):
            self.source(lateral)

    def source(self, node: exp.Expr) -> None:
        """One entry of FROM, with its pivots and joins.

        Raises:
            Refusal: There are too many, or it is of a kind that is not allowed.
        """
        before = len(self.scope.sources)
        if before >= _MOST_SOURCES:  # each name is looked up in all of them
            raise Refusal(f"a query of more than {_MOST_SOURCES} tables is not allowed")
        if isinstance(node, exp.Table):
            self.table(node)
        elif isinstance(node, exp.Subquery):
            self.subquery(node)
        elif isinstance(node, (exp.Values, exp.Unnest, exp.Lateral)):
            self.rows(node)
        else:
            raise Refusal(f"{node.key.upper()} is not allowed in FROM")
        if node.args.get("pivots"):
            self.pivoted(node, before)
        self.rest(node)

    # One source each

    def table(self, node: exp.Table) -> None:
        """A name in FROM: a common table expression, MySQL's `dual`, or a table of the schema; or a function."""
        if not isinstance(node.this, exp.Identifier):
            self.function(node, node.this)
            return
        name = node.this
        # a qualified name is never that of a common table expression
        cte = None if node.args.get("db") else self.scope.ctes.get(fold(name.name))
        if cte is not None:
            node.meta[BOUND] = True
            if self.dialect in ("mysql", "postgres") and stored(name, self.dialect) != cte[0]:
                node.set("this", exp.Identifier(this=cte[0], quoted=True))
            self.add(node, cte[1], name=node.this)
        elif self.dialect == "mysql" and fold(name.name) == "dual" and not name.args.get("quoted"):
            node.meta[BOUND] = True
            self.add(node, {}, name=name)
        else:
            self.base(node)

    def base(self, node: exp.Table) -> None:
        """A table of the schema.

        Raises:
            Refusal: There is none, or an option of it would tell something about hidden columns.
        """
        table = self.resolver.catalog.find(node)
        if not table.complete and any(node.args.get(key) for key in ("hints", "indexed", "partition", "sample")):
            # Partitions are made by the values of a column, indexes are named after columns, and which rows a sample
            # takes depends on the size of all of them.
            raise Refusal(
                "partitions, samples and index hints are allowed only where all columns of a table may be seen"
            )
        index = node.args.get("indexed")
        if isinstance(index, exp.Table):
            index.meta[BOUND] = True
        visible = tuple(column.name for column in table.columns)
        alias = node.args.get("alias")
        columns = named(visible)
        if alias is not None and alias.columns:
            new = [stored(column, self.dialect) for column in alias.columns]
            columns = named([*new, *visible[len(new) :]])
            self.scope.narrowed = True
        identifier = alias.this if alias is not None and alias.this else node.this
        self.append(Source(identifier, columns, node, table))

    def subquery(self, node: exp.Subquery) -> None:
        """A derived table, or joins in parentheses."""
        inner = node.this
        joined = isinstance(inner, exp.Table) or (
            isinstance(inner, exp.Subquery) and any(inner.args.get(key) for key in ("alias", "joins"))
        )
        if joined and not node.args.get("alias"):
            self.source(inner)
        elif joined:
            # behind the alias only the database knows the columns, so the tables inside are narrowed
            group = Scope(self.scope, self.scope.ctes, narrowed=True)
            reader = _Reader(self.resolver, group)
            reader.source(inner)
            for condition, near in reader.conditions:
                group.near = near
                self.resolver.visit(condition, group, "on")
            close(group, self.resolver.spend)
            self.add(node, self.joined(node, group))
        else:
            self.add(node, self.resolver.query(node, self.scope, self.scope.ctes))

    def joined(self, node: exp.Subquery, group: Scope) -> Columns | None:
        """PostgreSQL: the columns of (a JOIN b) AS j, which must be known there (see `_output_names`)."""
        if self.dialect != "postgres" or any(source.columns is None for source in group.sources):
            return None
        if node.args["alias"].columns:
            return {}  # which columns keep their names depends on those that USING merges, which come first
        return named(name for source in group.sources for name in (source.columns or {}).values())

    def rows(self, node: exp.Expr) -> None:
        """VALUES, UNNEST and LATERAL."""
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            self.add(node, self.resolver.query(node.this, self.scope, self.scope.ctes))
            return
        if isinstance(node, exp.Lateral) and isinstance(node.this, exp.Anonymous):
            self.function(node, node.this)
            return
        inner = node.this if isinstance(node, exp.Lateral) else node
        if not isinstance(inner, (exp.Values, exp.Unnest)):
            raise Refusal(f"LATERAL {inner.key.upper()} is not allowed")
        for child in inner.expressions:
            self.resolver.visit(child, self.scope, "from")
        offset = inner.args.get("offset")
        extra = [exp.to_identifier("ordinality") if offset is True else offset] if offset else []
        columns = None
        if isinstance(inner, exp.Unnest) and self.dialect == "postgres":
            columns = self.scalar(node, "unnest", extra)
        elif isinstance(inner, exp.Values) and self.dialect == "postgres":
            columns = named(f"column{at + 1}" for at in range(len(inner.expressions[0].expressions)))
        self.add(node, columns, extra=extra)

    def function(self, node: exp.Expr, call: exp.Expr) -> None:
        """A function in FROM; most name their columns after themselves or after their alias."""
        if isinstance(call, exp.JSONTable):
            self.resolver.visit(call.this, self.scope, "from")
            found = [column.name for column in call.find_all(exp.JSONColumnDef) if column.name]
            self.add(node, named(found))
            return
        self.resolver.visit(call, self.scope, "from")
        name = fold(call.name)
        outputs = OUTPUTS.get(name, {}).get(self.dialect)
        if outputs is not None:
            self.add(node, named(outputs), name=exp.to_identifier(name))
        elif self.dialect == "postgres" and node.args.get("rows_from") is None:
            self.add(node, self.scalar(node, name, []), name=exp.to_identifier(name))
        else:
            self.add(node, None, name=exp.to_identifier(name))

    def scalar(self, node: exp.Expr, name: str, extra: list[exp.Expr]) -> Columns:
        """PostgreSQL names the one column of a function after its alias, or after the function."""
        alias = node.args.get("alias")
        own = stored(alias.this, self.dialect) if alias is not None and alias.this else name
        more = [stored(column, self.dialect) for column in extra]
        return named([own, *more, "ordinality"] if node.args.get("ordinality") else [own, *more])

    def add(
        self,
        node: exp.Expr,
        columns: Columns | None,
        *,
        name: exp.Expr | None = None,
        extra: list[exp.Expr] | None = None,
    ) -> None:
        """Append a source that is no table of the schema; columns that its alias lists replace the first ones."""
        alias = node.args.get("alias")
        identifier = alias.this if alias is not None and alias.this else name
        if alias is not None and alias.columns:
            new = [
                stored(column.this if isinstance(column, exp.ColumnDef) else column, self.dialect)
                for column in alias.columns
            ]
            old = list(dict.fromkeys((columns or {}).values()))
            tail = [stored(column, self.dialect) for column in extra or ()]
            columns = named([*new, *old[len(new) :], *tail, *(["ordinality"] if node.args.get("ordinality") else [])])
        self.append(Source(identifier if isinstance(identifier, exp.Identifier) else None, columns))

    def append(self, source: Source) -> None:
        """One more source.

        Raises:
            Refusal: There is one of that name already; the engines do not agree on which of them a name then means.
        """
        if source.alias is not None:
            name = fold(source.alias.name)
            if any(other.alias is not None and fold(other.alias.name) == name for other in self.scope.sources):
                raise Refusal(f"two tables are called {shown(source.alias.name)}: give one of them an alias")
        self.scope.sources.append(source)

    # Joins and pivots

    def join(self, join: exp.Join) -> None:
        """The right side of a join, and its condition, which is resolved later."""
        left = len(self.scope.sources)
        self.source(join.this)
        method, kind = join.args.get("method") or "", join.args.get("kind") or ""
        # NATURAL joins by all common names, hidden ones included
        if method == "NATURAL":
            self.scope.narrowed = True
        if kind in ("SEMI", "ANTI"):  # a name that means the right side may mean something further out
            self.scope.narrow_chain()
        if method or join.args.get("using") or kind not in ("", "INNER", "CROSS", "OUTER"):
            self.scope.plain = False
        for column in join.args.get("using") or ():
            self.using(column, left)
        condition = join.args.get("on")
        if condition is not None:
            self.conditions.append((condition, len(self.scope.sources)))

    def using(self, column: exp.Expr, left: int) -> None:
        """A column of USING: it must be visible on both sides; `left` is the number of sources on the left.

        Raises:
            Refusal: It is not.
        """
        name = column.name
        column.meta[BOUND] = True
        if left > 1:  # of several tables on the left a hidden column of that name would make it ambiguous
            self.scope.narrowed = True
        for sources in (self.scope.sources[:left], self.scope.sources[left:]):
            if any(
                source.columns is not None and look_up(source.columns, _identifier(column), self.dialect)
                for source in sources
            ):
                continue
            if not any(source.columns is None for source in sources):
                raise Refusal(f"the column {shown(name)} in USING is not in the schema")
            self.scope.narrowed = True
        self.scope.merged.add(fold(name))

    def pivoted(self, node: exp.Expr, before: int) -> None:
        """After PIVOT only the database knows the columns; what goes in is narrowed."""
        self.scope.narrowed = True
        for pivot in node.args["pivots"]:
            self.resolver.nested(pivot, self.scope, self.scope.ctes)
            alias = pivot.args.get("alias")
            for source in self.scope.sources[before:]:
                source.columns = None
                if alias is not None and alias.this:
                    source.alias = alias.this


def _identifier(column: exp.Expr) -> exp.Expr:
    return column.this if isinstance(column, exp.Column) else column
