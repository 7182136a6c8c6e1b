"""Ambiguous columns: a name that several tables of FROM have is pinned to one of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import Repairer
from .tree import make_identifier, parse, select_views, write

if TYPE_CHECKING:
    from .base import Failure
    from .tree import SelectView

__all__ = ["QualifyAmbiguous"]


@dataclass(frozen=True)
class QualifyAmbiguous(Repairer):
    """Qualifies every bare column that several tables of its FROM have: with a table whose primary key it is, else
    with the first one."""

    def repair(self, failure: Failure) -> str:
        """The qualified statement; "" where the message does not speak of ambiguity."""
        if "ambiguous" not in failure.error.lower():
            return ""
        tree = parse(failure.sql, failure.schema.dialect)
        if tree is None:
            return ""
        changed = False
        for view in select_views(tree, failure.schema):
            for column in view.columns:
                holders = [] if column.table else view.holders(column.name)
                if len(holders) > 1:
                    alias = _best(view, holders, column.name)
                    column.set("table", make_identifier(alias))
                    changed = True
        return write(tree, failure.schema.dialect) if changed else ""


def _best(view: SelectView, holders: list[str], name: str) -> str:
    return next((alias for alias in holders if view.tables[alias].column(name).primary_key), holders[0])
