"""Classifies the names in a statement: shown to the generator, pruned before it wrote, misplaced, or invented."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from ..schema.joins import JoinGraph
from ..schema.schema import ColumnRef
from .tree import parse, select_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ..schema.schema import Schema
    from .tree import SelectView

__all__ = ["NameIssue", "check_names", "restore_columns"]

_PLACES = 3  # of a bare name that many tables hold: more would undo the pruning
_LIKENESS = 60.0  # 0..100, of a name that is worth telling (rapidfuzz's ratio)


@dataclass(frozen=True, slots=True)
class NameIssue:
    """A name that the generator was not shown, or that does not exist where it stands.

    A name outside the caller's schema is "invented", whether the database has it or not: neither the trace nor a model
    is told of what the caller may not see.

    Attributes:
        kind: "pruned" (the caller may see it, the prompt did not show it), "misplaced" (it was shown, as a column of
            another table than those in FROM) or "invented".
        name: As it was written, qualifier included.
        breaks: The statement cannot run with it. Only a pruned name that stands in its own table does not break.
        columns: The columns that it can mean; () for tables and invented names.
        table: The table that it names; "" for columns and invented names.
        near: Similar names that exist, nearest first, as "table" or "table.column".
    """

    kind: str
    name: str
    breaks: bool
    columns: tuple[ColumnRef, ...] = ()
    table: str = ""
    near: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One sentence without a full stop, for a prompt or a trace."""
        if self.kind == "invented":
            similar = f"; similar: {', '.join(self.near)}" if self.near else ""
            return f"there is no {self.name}{similar}"
        if self.kind == "misplaced":
            return f"{self.name} is {_listed(self.columns)}, of a table that the query does not join"
        return f"{self.name} was left out of the schema; it is {_listed(self.columns) or self.table}"


def check_names(sql: str, schema: Schema, shown: Schema | None = None) -> tuple[NameIssue, ...]:
    """The issues of every name in `sql`, tables first, each once; () where it cannot be read.

    Args:
        sql: The statement.
        schema: All that the caller may see.
        shown: The part of it that the generator saw; None for all of it.
    """
    tree = parse(sql, schema.dialect)
    if tree is None:
        return ()
    shown = schema if shown is None else shown
    found = dict.fromkeys(_tables(tree, schema, shown))
    for view in select_views(tree, schema):
        lost = {id(column) for column in view.lost()}
        for column in view.columns:
            if id(column) in lost and _is_text(column, schema):
                continue
            if id(column) in lost:
                found[_lost(column, view, schema, shown)] = None
            elif (ref := _meant(column, view)) is not None and not _holds(shown, ref):
                found[NameIssue("pruned", column.sql(dialect=schema.dialect), False, (ref,))] = None
    return tuple(found)


def restore_columns(shown: Schema, issues: Iterable[NameIssue], schema: Schema) -> Schema:
    """`shown` with the pruned names of `issues`, the keys that join them to it, and what lies between."""
    pruned = [issue for issue in issues if issue.kind == "pruned"]
    columns = [ref for issue in pruned for ref in issue.columns]
    back = dict.fromkeys([*(issue.table for issue in pruned if issue.table), *(ref.table for ref in columns)])
    if not back:
        return shown
    graph = JoinGraph(schema)
    tables = [table.name for table in shown.tables] + list(back)
    # A restored table must be joinable to those that were shown.
    tables += graph.bridges(tables, longest=2)
    old = {table.name.casefold() for table in shown.tables}
    keys = [key for key in graph.between(tables) if not {key.table.casefold(), key.ref_table.casefold()} <= old]
    columns += [ColumnRef(name, column) for name in back for column in schema.table(name).primary_key]
    return schema.subset([*shown.refs(), *columns, *(ref for key in keys for ref in graph.ends(key))], tables)


def _tables(tree: exp.Expression, schema: Schema, shown: Schema) -> Iterator[NameIssue]:
    named = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.name or table.name.casefold() in named:
            continue
        if table.name not in schema:
            near = _near(table.name, (other.name for other in schema.tables))
            yield NameIssue("invented", table.name, True, near=near)
        elif table.name not in shown:
            yield NameIssue("pruned", table.name, False, table=schema.table(table.name).name)


def _lost(column: exp.Column, view: SelectView, schema: Schema, shown: Schema) -> NameIssue:
    """The issue of a column that no table in FROM has."""
    written = column.sql(dialect=schema.dialect)
    places = [ColumnRef(t.name, t.column(column.name).name) for t in schema.tables if column.name in t]
    if not places:
        mine = {f"{table.name}.{c.name}": c.name for table in view.tables.values() for c in table.columns}
        every = {f"{ref.table}.{ref.column}": ref.column for ref in schema.refs()}
        return NameIssue("invented", written, True, near=_near(column.name, mine) or _near(column.name, every))
    # Shown columns first: a generator that saw one of them has put it in the wrong table.
    known = [ref for ref in places if _holds(shown, ref)]
    if known:
        return NameIssue("misplaced", written, True, tuple(known[:_PLACES]))
    asked = column.table.casefold()
    # The table that was written is likeliest meant, then one that the prompt shows.
    places.sort(key=lambda ref: (ref.table.casefold() != asked, ref.table not in shown))
    return NameIssue("pruned", written, True, tuple(places[:_PLACES]))


def _is_text(column: exp.Column, schema: Schema) -> bool:
    """SQLite reads a name in quotation marks that no column has as a text."""
    return schema.dialect == "sqlite" and not column.table and bool(column.this.args.get("quoted"))


def _meant(column: exp.Column, view: SelectView) -> ColumnRef | None:
    """The stored column that a name means in its SELECT or around it; None for one of a sub-query."""
    for level in (view, *view.outer):
        alias = column.table.casefold() or next(iter(level.holders(column.name)), "")
        table = level.tables.get(alias)
        if table is not None and column.name in table:
            return ColumnRef(table.name, table.column(column.name).name)
    return None


def _holds(schema: Schema, ref: ColumnRef) -> bool:
    return ref.table in schema and ref.column in schema.table(ref.table)


def _near(name: str, choices: Iterable[str] | dict[str, str]) -> tuple[str, ...]:
    from rapidfuzz import fuzz, process

    named = choices if isinstance(choices, dict) else {choice: choice for choice in choices}
    folded = {key: _fold(value) for key, value in named.items()}
    best = process.extract(_fold(name), folded, scorer=fuzz.ratio, score_cutoff=_LIKENESS, limit=_PLACES)
    return tuple(str(found[2]) for found in best)


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _listed(refs: Sequence[ColumnRef]) -> str:
    return " or ".join(f"{ref.table}.{ref.column}" for ref in refs)
