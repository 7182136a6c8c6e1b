"""PostgreSQL without a schema: g.f, where g is a function in FROM.

What such a function gives are single values, not rows: `SELECT g.pg_sleep FROM unnest(ARRAY[9.0]) g` calls pg_sleep,
since g.f is f(g) wherever g has no column f. With a schema the columns of all sources are known; without one, those of
functions are looked up here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlglot import exp

from ._refusal import Refusal, shown
from ._scope import fold, stored
from ._sources import OUTPUTS

__all__ = ["check_function_fields"]


@dataclass
class _Frame:
    """One SELECT: the columns of its functions by alias, names as PostgreSQL stores them; None for any other source."""

    parent: _Frame | None
    sources: dict[str, frozenset[str] | None] = field(default_factory=dict)

    def add(self, name: str, node: exp.Expr) -> None:
        """One more source; of two with one name (an alias around a join hides those inside) only what both offer."""
        new, old = _columns(node, name), self.sources.get(name)
        self.sources[name] = new if old is None else old if new is None else old & new


def check_function_fields(tree: exp.Expr) -> None:
    """Look at every column that is qualified by a function in FROM.

    Raises:
        Refusal: The function has no such column.
    """
    columns: list[tuple[exp.Column, _Frame]] = []
    todo = [(tree, _Frame(None))]
    while todo:
        node, frame = todo.pop()
        if isinstance(node, exp.Select):
            frame = _Frame(frame)
        elif isinstance(node, exp.Column):
            columns.append((node, frame))
        elif isinstance(node, (exp.Table, exp.Subquery, exp.Lateral, exp.Unnest, exp.Values)):
            frame.add(_name(node), node)
        todo.extend((child, frame) for child in node.iter_expressions() if isinstance(child, exp.Expr))
    for column, frame in columns:
        table = column.args.get("table")
        known = None if table is None else _look_up(stored(table, "postgres"), frame)
        if known is not None and not isinstance(column.this, exp.Star) and stored(column.this, "postgres") not in known:
            raise Refusal(f"the function {shown(column.text('table'))} has no column {shown(column.name)}")


def _look_up(name: str, frame: _Frame) -> frozenset[str] | None:
    at: _Frame | None = frame
    while at is not None:
        if name in at.sources:
            return at.sources[name]
        at = at.parent
    return None


def _name(node: exp.Expr) -> str:
    alias = node.args.get("alias")
    if isinstance(alias, exp.TableAlias) and alias.this:
        return stored(alias.this, "postgres")
    own = isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier)
    return stored(node.this, "postgres") if own else fold(_function_name(node))


def _function_name(node: exp.Expr) -> str:
    call = node.this if isinstance(node, (exp.Lateral, exp.Table)) else node
    return "unnest" if isinstance(call, exp.Unnest) else call.name if isinstance(call, exp.Anonymous) else ""


def _columns(node: exp.Expr, name: str) -> frozenset[str] | None:
    """Names of what a function in FROM offers; None for tables, queries and JSON_TABLE, whose rows are rows.

    A name too many would be a hole: `unnest(...) AS pg_sleep(a)` has a column a and none that is called pg_sleep.
    """
    inner = node.this if isinstance(node, exp.Lateral) else node
    if isinstance(inner, exp.Table):
        if isinstance(inner.this, (exp.Identifier, exp.JSONTable)):
            return None
    elif not isinstance(inner, (exp.Unnest, exp.Anonymous)):
        return None
    alias, offset = node.args.get("alias"), inner.args.get("offset")
    listed = alias.columns if alias is not None else []
    new = [stored(item.this if isinstance(item, exp.ColumnDef) else item, "postgres") for item in listed]
    old = OUTPUTS.get(fold(_function_name(node)), {}).get("postgres", (name,))
    if isinstance(offset, exp.Identifier):
        return frozenset((*new, stored(offset, "postgres")))
    numbered = offset is True or any(each.args.get("ordinality") for each in (node, inner))
    return frozenset((*new, *old[len(new) :], *(("ordinality",) if numbered else ())))
