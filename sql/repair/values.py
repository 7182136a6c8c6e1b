"""Text literals replaced by the nearest stored value when a query returned nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

from .base import Repairer
from .tree import make_identifier, parse, select_views, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..schema.hits import ValueHit
    from .base import Failure
    from .tree import SelectView

__all__ = ["StoredValues"]


@dataclass(frozen=True)
class StoredValues(Repairer):
    """Replaces text literals by stored values that the question mentions, when the result is hollow.

    Only comparisons (=, <>, IN, LIKE) of a column count. A value of the same column is taken first; without one, a
    value that equals the literal after case folding moves the comparison to its own column, if that is in FROM.

    Attributes:
        likeness: 0..100: how similar literal and stored value must be (rapidfuzz's ratio after folding).
    """

    likeness: float = 82.0

    def repair(self, failure: Failure) -> str:
        """The statement with stored values; "" where the query failed for another reason or nothing is near."""
        if failure.error or failure.result is None or not failure.hits:
            return ""
        dialect = failure.schema.dialect
        tree = parse(failure.sql, dialect)
        if tree is None:
            return ""
        changed = False
        for view in select_views(tree, failure.schema):
            for column, literal in _comparisons(view):
                changed = self._mend(view, column, literal, failure.hits) or changed
        return write(tree, dialect) if changed else ""

    def _mend(self, view: SelectView, column: exp.Column, literal: exp.Literal, hits: Sequence[ValueHit]) -> bool:
        from rapidfuzz import fuzz

        table = _table_of(view, column)
        text = literal.this.strip("%").casefold()
        same = [hit for hit in hits if table == hit.ref.table.casefold() and _is(column, hit)]
        # The text is stored just so: the reason for the empty result is elsewhere.
        if any(hit.value == literal.this for hit in same):
            return False
        near = max(same, key=lambda hit: (fuzz.ratio(hit.value.casefold(), text), hit.score), default=None)
        if near is not None and fuzz.ratio(near.value.casefold(), text) >= self.likeness:
            literal.replace(exp.Literal.string(near.value))
            return True
        # No value of that column is near, but perhaps the same text is stored in another.
        return _move(view, column, literal, hits)


def _move(view: SelectView, column: exp.Column, literal: exp.Literal, hits: Sequence[ValueHit]) -> bool:
    for hit in hits:
        alias = next((a for a, t in view.tables.items() if t.name.casefold() == hit.ref.table.casefold()), "")
        if alias and hit.value.casefold() == literal.this.strip("%").casefold():
            column.set("table", make_identifier(alias))
            column.set("this", make_identifier(hit.ref.column))
            literal.replace(exp.Literal.string(hit.value))
            return True
    return False


def _comparisons(view: SelectView) -> Iterator[tuple[exp.Column, exp.Literal]]:
    for column in view.columns:
        parent = column.parent
        if not isinstance(parent, (exp.EQ, exp.NEQ, exp.In, exp.Like, exp.ILike)):
            continue
        others = parent.expressions if isinstance(parent, exp.In) else [parent.this, parent.expression]
        yield from ((column, item) for item in others if isinstance(item, exp.Literal) and item.is_string)


def _table_of(view: SelectView, column: exp.Column) -> str:
    alias = column.table.casefold() or next(iter(view.holders(column.name)), "")
    return view.tables[alias].name.casefold() if alias in view.tables else ""


def _is(column: exp.Column, hit: ValueHit) -> bool:
    return column.name.casefold() == hit.ref.column.casefold()
