"""Cutting any value look-up down to the columns that may be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from .base import as_value_lookup, fold_ref

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..schema.schema import ColumnRef
    from .base import ValueLookup

__all__ = ["can_leave_out", "check_leaves_out", "fold_ref", "restrict"]


def restrict(values: ValueLookup, columns: Collection[ColumnRef]) -> ValueLookup:
    """A look-up of these columns alone, of any object that `as_value_lookup` takes."""
    return as_value_lookup(values).within(columns)


def can_leave_out(values: ValueLookup) -> bool:
    """Whether `restrict` gives answers that depend on no value of another column."""
    return as_value_lookup(values).leaves_out


def check_leaves_out(values: ValueLookup, what: str) -> None:
    """Refuse a look-up whose answers may depend on columns that are to be left out.

    Args:
        values: The look-up.
        what: The columns, for the message: "private columns".

    Raises:
        UsageError: It is such a one.
    """
    lookup = as_value_lookup(values)
    if not lookup.leaves_out:
        raise UsageError(
            f"{lookup.label} cannot leave out {what}",
            where="values",
            hint="give it, and what it wraps, a method within(columns), see ctxprune.sql.values.ValueLookup",
        )
