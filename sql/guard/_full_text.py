"""SQLite's full-text search: what MATCH and its functions may read.

A search of a whole table (`docs MATCH 'word'`) looks into all of its columns, and so does a filter in the searched text
(`title MATCH 'body: word'`, which FTS4 obeys). bm25, snippet and highlight read all columns, too. They are let through
where the schema says that there is no hidden column.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import BOUND, fold

if TYPE_CHECKING:
    from ._scope import Scope, Source

__all__ = ["FULL_TEXT_FUNCTIONS", "bind_full_text", "check_match"]

_PLAIN = re.compile(r'[\w\s"*]*')
FULL_TEXT_FUNCTIONS = frozenset(("bm25", "highlight", "snippet"))


def check_match(node: exp.Match, scope: Scope, *, hidden: bool) -> list[exp.Expr]:
    """What is left to resolve of `a MATCH b`.

    Args:
        node: The operator.
        scope: Where it stands.
        hidden: Whether any table may have hidden columns: a derived table does not say of which one it is made.

    Raises:
        Refusal: It may search a hidden column.
    """
    name = node.this
    if not isinstance(name, exp.Column) or isinstance(name.this, exp.Star):
        raise Refusal("MATCH is allowed after a column or a table only")
    table = None if name.args.get("table") or _is_column(name, scope) else _table(name, scope)
    if table is not None:
        _require_complete(table, name.name)
        name.meta[BOUND] = True
        return [node.expression]
    if hidden and not _is_plain(node.expression):
        raise Refusal("MATCH is allowed with a text of plain words only, where columns are hidden")
    return [name, node.expression]


def bind_full_text(arguments: list[exp.Expr], scope: Scope) -> bool:
    """Bind the table that bm25, snippet or highlight is called for; False if the first argument is none.

    Raises:
        Refusal: The table may have hidden columns.
    """
    name = arguments[0] if arguments else None
    if not isinstance(name, exp.Column) or name.args.get("table") or isinstance(name.this, exp.Star):
        return False
    table = None if _is_column(name, scope) else _table(name, scope)
    if table is None:
        return False
    _require_complete(table, name.name)
    name.meta[BOUND] = True
    return True


def _require_complete(source: Source, name: str) -> None:
    if source.may_hide_columns or source.table is None:
        raise Refusal(f"searching all columns of {shown(name)} is allowed only where all of them may be seen")


def _is_plain(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string) and _PLAIN.fullmatch(node.name) is not None


def _is_column(node: exp.Column, scope: Scope) -> bool:
    name = fold(node.name)
    return any(source.columns is not None and name in source.columns for source in scope.sources)


def _table(node: exp.Column, scope: Scope) -> Source | None:
    """The source that is searched: MATCH takes the table's own name, also where it has an alias."""
    name = fold(node.name)
    for source in (source for around in scope.chain() for source in around.sources):
        stored = source.node.name if source.node is not None else ""
        if fold(stored) == name or (source.alias is not None and fold(source.alias.name) == name):
            return source
    return None
