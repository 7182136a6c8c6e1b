"""Cutting any value look-up down to the columns that may be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..schema.schema import ColumnRef
    from .base import RangeHit, ValueHit, ValueLookup

__all__ = ["Filtered", "can_leave_out", "check_leaves_out", "fold_ref", "restrict"]


@dataclass(frozen=True)
class Filtered:
    """A look-up that cannot leave columns out itself: hits on other columns are dropped afterwards.

    Which hits remain may then depend on values of the dropped columns, so this serves callers who may see these.

    Attributes:
        values: Where values are looked up.
        columns: Those whose hits stay, folded.
    """

    values: ValueLookup
    columns: frozenset[tuple[str, str]]

    def lookup(self, question: str, evidence: str = "") -> list[ValueHit]:
        """The hits on the columns."""
        return [hit for hit in self.values.lookup(question, evidence) if fold_ref(hit.ref) in self.columns]

    def ranges(self, question: str, evidence: str = "") -> list[RangeHit]:
        """The ranges of the columns, where the look-up has them."""
        ranges = getattr(self.values, "ranges", None)
        found = () if ranges is None else ranges(question, evidence)
        return [hit for hit in found if fold_ref(hit.ref) in self.columns]


def restrict(values: ValueLookup, columns: Collection[ColumnRef]) -> ValueLookup:
    """A look-up of these columns alone: what `values.within` gives, or `Filtered` where it has no such method."""
    within = getattr(values, "within", None)
    if within is None:
        return Filtered(values, frozenset(map(fold_ref, columns)))
    restricted: ValueLookup = within(columns)
    return restricted


def can_leave_out(values: ValueLookup) -> bool:
    """Whether `restrict` gives answers that depend on no value of another column: `values` has `within`, and so has
    what it wraps, of which a wrapper tells by `leaves_out`.
    """
    return hasattr(values, "within") and bool(getattr(values, "leaves_out", True))


def check_leaves_out(values: ValueLookup, what: str) -> None:
    """Refuse a look-up whose answers may depend on columns that are to be left out.

    Args:
        values: The look-up.
        what: The columns, for the message: "private columns".

    Raises:
        UsageError: It is such a one.
    """
    if not can_leave_out(values):
        raise UsageError(
            f"{type(values).__name__} cannot leave out {what}",
            where="values",
            hint="give it, and what it wraps, a method within(columns), see ctxprune.sql.values.ValueLookup",
        )


def fold_ref(ref: ColumnRef) -> tuple[str, str]:
    """The names of a column, folded so that spellings in other cases are equal."""
    return ref.table.casefold(), ref.column.casefold()
