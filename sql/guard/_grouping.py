"""PostgreSQL: GROUP BY a primary key, where a fence stands around the table.

`SELECT d.title ... GROUP BY d.id` is right where id is the primary key of a stored table d, since it decides the title.
Of a derived table PostgreSQL does not know that, so the columns that are read beside the key are added to GROUP BY: the
groups stay the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlglot import exp

from ._scope import column, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ._scope import Scope, Source

__all__ = ["group_by_whole_rows"]

_NODES_PER_COLUMN = 3
_CLAUSES = ("expressions", "having", "order", "qualify", "windows")
_SPECIAL = ("all", "cube", "grouping_sets", "rollup", "totals")
_UNEQUAL = frozenset(("box", "circle", "json", "line", "lseg", "path", "point", "polygon", "xml"))
"""Types by which PostgreSQL cannot group."""


def group_by_whole_rows(select: exp.Select, scope: Scope, spend: Callable[[int], None]) -> None:
    """Add what a grouped primary key decides to GROUP BY, for each table that is going to be fenced.

    Args:
        select: Its names are resolved.
        scope: What they mean.
        spend: Told how many nodes are written, before they are; refuses what is too much.

    Raises:
        Refusal: By `spend`.
    """
    group = select.args.get("group")
    if group is None or not scope.fenced or any(group.args.get(key) for key in _SPECIAL):
        return
    terms = [term for term in _terms(group, select) if isinstance(term, exp.Column)]
    for source in scope.sources:
        if not source.partial or source.table is None or source.alias is None or not source.table.primary_key:
            continue
        grouped = {fold(term.name) for term in terms if _is_of(term, source, scope)}
        if grouped >= {fold(name) for name in source.table.primary_key}:
            used = _used(select, source, scope)
            added = [name for name in _comparable(source) if fold(name) in used and fold(name) not in grouped]
            spend(_NODES_PER_COLUMN * len(added))
            for name in added:
                group.append("expressions", column(name, source.alias))


def _terms(group: exp.Expr, select: exp.Select) -> Iterator[exp.Expr]:
    """The terms of GROUP BY, with a number replaced by the output column that it stands for."""
    outputs = select.expressions
    for term in group.expressions:
        place = int(term.name) if isinstance(term, exp.Literal) and term.name.isdigit() else 0
        yield outputs[place - 1].unalias() if 0 < place <= len(outputs) else term.unnest()


def _comparable(source: Source) -> Iterator[str]:
    alias = source.node.args.get("alias") if source.node is not None else None
    if source.table is not None and not (alias is not None and alias.columns):  # renamed columns are left alone
        for each in source.table.columns:
            if each.type.lower().removesuffix("[]") not in _UNEQUAL:
                yield each.name


def _used(select: exp.Select, source: Source, scope: Scope) -> set[str]:
    """Folded names of the columns of `source` that are read where rows are grouped already."""
    if any(source in sources for _, sources in scope.stars):
        return {fold(name) for name in source.visible}
    used: set[str] = set()
    for key in _CLAUSES:
        value = select.args.get(key)
        for root in value if isinstance(value, list) else [value]:
            if isinstance(root, exp.Expr):
                used.update(fold(node.name) for node in root.find_all(exp.Column) if _is_of(node, source, scope))
    return used


def _is_of(node: exp.Column, source: Source, scope: Scope) -> bool:
    """Whether a column is one of `source`. One too many is no harm: its value is the same throughout a group."""
    if node.args.get("table"):
        return source.alias is not None and fold(node.text("table")) == fold(source.alias.name)
    name = fold(node.name)
    owners = [each for each in scope.sources if each.columns is not None and name in each.columns]
    return len(owners) == 1 and owners[0] is source
