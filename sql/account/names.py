"""Which stored columns the names of a query mean, through aliases, sub-queries and common table expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ..schema.schema import ColumnRef

if TYPE_CHECKING:
    from ..schema.schema import Schema

__all__ = ["Names"]

_HOLDERS = (exp.Select, exp.Order, exp.Having)
_DEEPEST = 20  # nested derived tables through which a name is followed


class Names:
    """Looks the columns of one parsed query up; unlike `linking.gold` it takes a query that is wrong, and is quick."""

    def __init__(self, tree: exp.Expr, schema: Schema) -> None:
        self._schema = schema
        self._ctes = {cte.alias.casefold(): cte.this for cte in tree.find_all(exp.CTE)}
        self._sources: dict[int, dict[str, exp.Expr]] = {}
        # One walk from the root down: asking every node for its ancestors would take the square of a long AND.
        self._holders: dict[int, exp.Expr] = {}
        for node in tree.walk():
            above = node.parent
            if isinstance(above, _HOLDERS):
                self._holders[id(node)] = above
            elif above is not None and id(above) in self._holders:
                self._holders[id(node)] = self._holders[id(above)]
            if isinstance(node, exp.Select):
                self._sources[id(node)] = _sources(node)
        self.tables = tuple(
            dict.fromkeys(name for one in tree.find_all(exp.Table) if (name := self.table_name(one)) is not None)
        )

    def table_name(self, table: exp.Expr) -> str | None:
        """The stored table that a node of FROM names; None for a common table expression or an unknown name."""
        if not isinstance(table, exp.Table) or not table.name:
            return None
        for name in (table.name, f"{table.db}.{table.name}"):
            if name in self._schema and (table.db or name.casefold() not in self._ctes):
                return self._schema.table(name).name
        return None

    def holder(self, node: exp.Expr) -> exp.Expr | None:
        """The nearest SELECT, ORDER BY or HAVING around a node."""
        return self._holders.get(id(node))

    def select(self, node: exp.Expr) -> exp.Select | None:
        """The nearest SELECT around a node."""
        found = self.holder(node)
        while found is not None and not isinstance(found, exp.Select):
            found = self.holder(found)
        return found

    def column(self, column: exp.Column, depth: int = 0) -> tuple[ColumnRef, ...]:
        """The stored columns that one name means: several for a computed column of a derived table, () for none."""
        select = self.select(column)
        if isinstance(column.this, exp.Star) or depth > _DEEPEST:
            return ()
        # Outwards, for the columns of an outer query in a correlated one.
        while select is not None:
            found = self._in_select(column, select, depth)
            if found:
                return found
            select = self.select(select)
        return self._of_alias(column, depth)

    def _in_select(self, column: exp.Column, select: exp.Select, depth: int) -> tuple[ColumnRef, ...]:
        sources = self._sources.get(id(select), {})
        if column.table:
            source = sources.get(column.table.casefold())
            return self._in_source(column.name, source, depth) if source is not None else ()
        for source in sources.values():
            found = self._in_source(column.name, source, depth)
            if found:
                return found
        return ()

    def _in_source(self, name: str, source: exp.Expr, depth: int) -> tuple[ColumnRef, ...]:
        stored = self.table_name(source)
        if stored is not None:
            table = self._schema.table(stored)
            return (ColumnRef(stored, table.column(name).name),) if name in table else ()
        inner = self._ctes.get(source.name.casefold()) if isinstance(source, exp.Table) else source.this
        return self._of_output(name, inner, depth + 1)

    def _of_output(self, name: str, query: exp.Expr | None, depth: int) -> tuple[ColumnRef, ...]:
        """The stored columns behind a column that a derived table gives out."""
        select = query.find(exp.Select) if query is not None else None
        if select is None or depth > _DEEPEST:
            return ()
        for item in select.expressions:
            if item.alias_or_name.casefold() == name.casefold():
                return self._of_item(item, depth)
        return ()

    def _of_alias(self, column: exp.Column, depth: int) -> tuple[ColumnRef, ...]:
        """The columns behind an alias of the same SELECT, as ORDER BY and HAVING may name it."""
        select = self.select(column)
        if column.table or select is None:
            return ()
        for item in select.expressions:
            if isinstance(item, exp.Alias) and item.alias.casefold() == column.name.casefold():
                return self._of_item(item, depth + 1) if column.find_ancestor(exp.Alias) is not item else ()
        return ()

    def _of_item(self, item: exp.Expr, depth: int) -> tuple[ColumnRef, ...]:
        if depth > _DEEPEST:
            return ()
        return tuple(dict.fromkeys(ref for c in item.find_all(exp.Column) for ref in self.column(c, depth + 1)))


def _sources(select: exp.Select) -> dict[str, exp.Expr]:
    """What FROM and JOIN name, by folded alias."""
    holders = [select.args.get("from_") or select.args.get("from"), *(select.args.get("joins") or [])]
    sources = [holder.this for holder in holders if holder is not None]
    return {source.alias_or_name.casefold(): source for source in sources if source is not None}
