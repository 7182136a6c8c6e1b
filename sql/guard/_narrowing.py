"""Rewriting a SELECT so that it reads the visible columns only: stars written out, tables narrowed to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import BOUND, column

if TYPE_CHECKING:
    from collections.abc import Callable

    from ._scope import Scope, Source

__all__ = ["close"]

_NODES_PER_COLUMN = 3  # the column, its name and its qualifier
_OUTSIDE = ("joins", "laterals", "pivots")


def close(scope: Scope, spend: Callable[[int], None]) -> None:
    """Apply what was noted while the names of `scope` were resolved.

    Args:
        scope: One SELECT, its names resolved.
        spend: Told how many nodes are to be written, before they are; refuses what is too much.

    A table is narrowed by a derived table: `t` becomes `(SELECT a, b FROM t) AS t`. Behind it not even the database can
    bind a name, a star, a whole row or a natural join to a column that the caller may not see. A complete table needs
    none.

    Raises:
        Refusal: A star over, or the narrowing of, a table without visible columns.
    """
    if any(source.alias is None for _, sources in scope.stars for source in sources):
        scope.narrowed = True
    if scope.narrowed:
        for source in scope.sources:
            if source.may_hide_columns:
                spend(_NODES_PER_COLUMN * len(source.visible))
                _narrow(source)
    for star, sources in scope.stars:
        behind = scope.narrowed and all(any(source is own for own in scope.sources) for source in sources)
        if not behind and any(source.node is not None for source in sources):
            spend(sum(_NODES_PER_COLUMN * len(source.visible) for source in sources))
            _write_out(star, sources)


def _write_out(star: exp.Expr, sources: list[Source]) -> None:
    select = star.parent
    if not isinstance(select, exp.Select):
        raise Refusal("a star is not allowed here")
    items: list[exp.Expr] = []
    for item in select.expressions:
        if item is star:
            items.extend(new for source in sources for new in _columns(source))
        else:
            items.append(item)
    select.set("expressions", items)


def _columns(source: Source) -> list[exp.Expr]:
    alias = source.alias
    if alias is None:
        raise Refusal("a star over a derived table without a name is not allowed here")
    if source.node is None:
        star = exp.Column(this=exp.Star(), table=alias.copy())
        star.meta[BOUND] = True
        return [star]
    _require_visible(source)
    return [column(name, alias) for name in source.visible]


def _narrow(source: Source) -> None:
    node = source.node
    if node is None or source.alias is None:
        return
    _require_visible(source)
    alias = node.args.get("alias")
    outer = exp.Subquery(
        this=exp.Select(expressions=[column(name) for name in source.visible]),
        alias=exp.TableAlias(
            this=source.alias.copy(), columns=[name.copy() for name in alias.columns] if alias else None
        ),
    )
    for key in _OUTSIDE:
        value = node.args.get(key)
        if value:
            node.set(key, None)
            outer.set(key, value)
    node.replace(outer)
    node.set("alias", None)
    outer.this.set("from_", exp.From(this=node))


def _require_visible(source: Source) -> None:
    if not source.visible:
        name = source.node.name if source.node is not None else ""
        raise Refusal(f"no column of the table {shown(name)} is in the schema")
