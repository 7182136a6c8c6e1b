"""Text comparisons relaxed to LIKE when a query returned nothing, for text that is stored in another form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .base import Repairer
from .tree import parse, select_views, write

if TYPE_CHECKING:
    from .base import Failure
    from .tree import SelectView

__all__ = ["RelaxText"]

_TEXTS = ("CHAR", "CLOB", "TEXT", "STRING")


@dataclass(frozen=True)
class RelaxText(Repairer):
    """Compares every `column = 'text'` by LIKE, as whole words, when the result is hollow: case, blanks around it and
    further words no longer count. "Anna" finds "anna " and "Anna Berg", but not "Joanna".

    Only columns that are declared as text, and texts with a letter in them; no comparison below NOT or EXCEPT, where a
    looser one gives fewer rows.

    Attributes:
        shortest: Characters of the text, 1 or more; shorter ones are in too many values.
    """

    shortest: int = 3

    def repair(self, failure: Failure) -> str:
        """The looser statement; "" where the query failed for another reason or nothing can be loosened."""
        if failure.error or failure.result is None:
            return ""
        dialect = failure.schema.dialect
        tree = parse(failure.sql, dialect)
        if tree is None:
            return ""
        changed = False
        for view in select_views(tree, failure.schema):
            for column in view.columns:
                changed = self._loosen(view, column, dialect) or changed
        return write(tree, dialect) if changed else ""

    def _loosen(self, view: SelectView, column: exp.Column, dialect: str) -> bool:
        equal = column.parent
        # Below NOT a looser comparison removes rows instead of adding them.
        if not isinstance(equal, exp.EQ) or equal.find_ancestor(exp.Not, exp.Except) or not _is_text(view, column):
            return False
        literal = equal.expression if equal.this is column else equal.this
        if not isinstance(literal, exp.Literal) or not literal.is_string:
            return False
        text = literal.this.strip()
        # Signs of LIKE would need an escape, which dialects write differently.
        if len(text) < self.shortest or not any(map(str.isalpha, text)) or set(text) & set("%_\\"):
            return False
        like = exp.ILike if dialect in {"postgres", "duckdb"} else exp.Like
        # As whole words: LIKE '%anna%' would find Joanna.
        forms = (text, f"{text} %", f"% {text}", f"% {text} %")
        likes = [like(this=column.copy(), expression=exp.Literal.string(form)) for form in forms]
        equal.replace(exp.paren(exp.or_(*likes, copy=False), copy=False))
        return True


def _is_text(view: SelectView, column: exp.Column) -> bool:
    alias = column.table.casefold() or next(iter(view.holders(column.name)), "")
    table = view.tables.get(alias)
    if table is None or column.name not in table:
        return False
    declared = table.column(column.name).type.upper()
    return any(word in declared for word in _TEXTS)
