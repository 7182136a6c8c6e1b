"""PostgreSQL: GROUP BY a primary key, where the table is narrowed to its visible columns.

`SELECT d.title ... GROUP BY d.id` is right where id is the primary key of a stored table d, since it decides the title.
Of a derived table PostgreSQL does not know that, so the columns that are read beside the key are added to GROUP BY: the
groups stay the same.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from sqlglot import exp

from ._scope import column, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ._scope import Scope, Source

__all__ = ["group_by_whole_rows"]

_NODES_PER_COLUMN = 3
_CLAUSES = ("expressions", "having", "order", "qualify", "windows")
_SPECIAL = ("all", "cube", "grouping_sets", "rollup", "totals")
_UNEQUAL = frozenset(("box", "circle", "json", "line", "lseg", "path", "point", "polygon", "xml"))
"""Types by which PostgreSQL cannot group."""


def group_by_whole_rows(select: exp.Select, scope: Scope, spend: Callable[[int], None]) -> None:
    """Add what a grouped primary key decides to GROUP BY, for each table that is going to be narrowed.

    Args:
        select: Its names are resolved.
        scope: What they mean.
        spend: Told how many nodes are written, before they are; refuses what is too much.

    Raises:
        Refusal: By `spend`.
    """
    group = select.args.get("group")
    if group is None or not scope.narrowed or any(group.args.get(key) for key in _SPECIAL):
        return
    owners = _Owners(scope)
    grouped = owners.names(term for term in _terms(group, select) if isinstance(term, exp.Column))
    narrowed = [
        source for source in scope.sources if source.may_hide_columns and _has_key(source, grouped[_name_of(source)])
    ]
    if not narrowed:
        return
    used = owners.names(node for root in _roots(select) for node in root.find_all(exp.Column))
    for source in narrowed:
        name = _name_of(source)
        starred = any(source is own for _, sources in scope.stars for own in sources)
        added = [
            each
            for each in _comparable(source)
            if fold(each) not in grouped[name] and (starred or fold(each) in used[name])
        ]
        spend(_NODES_PER_COLUMN * len(added))
        for each in added:
            group.append("expressions", column(each, source.alias))


def _name_of(source: Source) -> str:
    """The folded name of a source, of which a query has no two; "" without one."""
    return fold(source.alias.name) if source.alias is not None else ""


class _Owners:
    """Which source of a query a column belongs to."""

    def __init__(self, scope: Scope) -> None:
        counts = Counter(name for source in scope.sources for name in {*map(fold, source.columns or ())})
        self._of_name = {
            name: _name_of(source) for source in scope.sources for name in source.columns or () if counts[name] == 1
        }

    def names(self, columns: Iterable[exp.Column]) -> defaultdict[str, set[str]]:
        """Folded names of columns by the name of their source. One too many is no harm: it is the same in a group."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for node in columns:
            name = fold(node.name)
            found[fold(node.text("table")) if node.args.get("table") else self._of_name.get(name, "")].add(name)
        return found


def _has_key(source: Source, grouped: set[str]) -> bool:
    key = source.table.primary_key if source.table is not None and source.alias is not None else ()
    return bool(key) and grouped >= {fold(name) for name in key}


def _roots(select: exp.Select) -> Iterator[exp.Expr]:
    """What is computed where rows are grouped already."""
    for key in _CLAUSES:
        value = select.args.get(key)
        yield from (root for root in (value if isinstance(value, list) else [value]) if isinstance(root, exp.Expr))


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
