"""Names that do not exist: the nearest table or column of the schema, with a join where it lies in another table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .base import Repairer
from .joins import add_join, repair_conditions
from .tree import make_identifier, parse, select_views, write

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..schema.schema import Schema, Table
    from .base import Failure
    from .tree import SelectView

__all__ = ["NearestNames"]


@dataclass(frozen=True)
class NearestNames(Repairer):
    """Replaces unknown names.

    A JOIN condition with an unknown column becomes the foreign key between its tables, where there is one. Any other
    column that its table lacks is looked for, in this order: in the other tables of FROM under the same name; in
    tables that one or two foreign keys connect to FROM, which are then joined; in FROM under the most similar name; in
    the connected tables under the most similar one.

    Attributes:
        likeness: 0..100: how similar two names must be (rapidfuzz's ratio of folded names without separators).
    """

    likeness: float = 72.0

    def repair(self, failure: Failure) -> str:
        """The statement with every unknown name replaced; "" where all names are known or none is near enough."""
        if not failure.error:
            return ""
        schema = failure.schema
        tree = parse(failure.sql, schema.dialect)
        if tree is None:
            return ""
        changed = self._tables(tree, schema)
        for view in select_views(tree, schema):
            changed = repair_conditions(view, schema) or changed
            for column in view.lost():
                changed = self._column(view, column, schema) or changed
        return write(tree, schema.dialect) if changed else ""

    def _tables(self, tree: exp.Expression, schema: Schema) -> bool:
        ctes = {cte.alias.casefold() for cte in tree.find_all(exp.CTE)}
        changed = False
        for table in list(tree.find_all(exp.Table)):
            if table.name in schema or table.name.casefold() in ctes or not table.name:
                continue
            near = self._nearest(table.name, {other.name: other.name for other in schema.tables})
            if near:
                # Without an alias columns are qualified by the old name, which must follow.
                if not table.alias:
                    _requalify(tree, table.name, near)
                table.set("this", make_identifier(near))
                changed = True
        return changed

    def _column(self, view: SelectView, column: exp.Column, schema: Schema) -> bool:
        name = column.name
        holders = view.holders(name)
        # The column exists in FROM: only its qualifier was wrong. A table that has not given this name yet is
        # preferred.
        if holders:
            taken = {other.table.casefold() for other in view.columns if other.name.casefold() == name.casefold()}
            return _point(column, min(holders, key=lambda alias: alias in taken), name)
        # An exact name in a table nearby is likelier meant than a similar one in FROM.
        if self._join(view, column, schema, lambda table: table.column(name).name if name in table else ""):
            return True
        local = {f"{alias}\n{c.name}": c.name for alias, table in view.tables.items() for c in table.columns}
        own = column.table.casefold() + "\n"
        near = self._nearest(name, {key: value for key, value in local.items() if key.startswith(own)})
        near = near or self._nearest(name, local)
        if near:
            alias, _, found = near.partition("\n")
            return _point(column, alias, found)
        return self._join(view, column, schema, lambda table: self._nearest(name, _names(table)))

    def _join(self, view: SelectView, column: exp.Column, schema: Schema, find: Callable[[Table], str]) -> bool:
        """Joins the first connected table in which `find` sees the column."""
        if not view.tables or view.opaque:
            return False
        asked = column.table.casefold()
        there = [table for table in schema.tables if table.name.casefold() not in _present(view)]
        there.sort(key=lambda table: table.name.casefold() != asked)
        found = [(table, name) for table in there if (name := find(table))]
        # Direct neighbours of all candidates before tables two keys away.
        for longest in (1, 2):
            for table, name in found:
                if add_join(view, table, schema, longest=longest):
                    return _point(column, table.name, name)
        return False

    def _nearest(self, name: str, choices: Mapping[str, str]) -> str:
        from rapidfuzz import fuzz, process

        if not choices:
            return ""
        folded = {key: _fold(value) for key, value in choices.items()}
        best = process.extractOne(_fold(name), folded, scorer=fuzz.ratio, score_cutoff=self.likeness)
        return str(best[2]) if best else ""


def _names(table: Table) -> dict[str, str]:
    return {column.name: column.name for column in table.columns}


def _fold(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _present(view: SelectView) -> set[str]:
    return {table.name.casefold() for table in view.tables.values()}


def _point(column: exp.Column, alias: str, name: str) -> bool:
    """Makes `column` mean `alias.name`."""
    column.set("table", make_identifier(alias))
    column.set("this", make_identifier(name))
    return True


def _requalify(tree: exp.Expression, old: str, new: str) -> None:
    for column in tree.find_all(exp.Column):
        if column.table.casefold() == old.casefold():
            column.set("table", make_identifier(new))
