"""A few stored values of every column: how it writes yes and no, its statuses, the form of its days."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ctxprune.utils.validation import check_number

from ..schema.schema import ColumnRef
from .restrict import fold_ref

if TYPE_CHECKING:
    from collections.abc import Collection

    from ..database.database import Database
    from ..schema.schema import Schema

__all__ = ["SAMPLED", "column_samples"]

SAMPLED = 14  # more than a column of statuses usually has
_SECONDS = 2.0


def column_samples(
    database: Database,
    schema: Schema,
    *,
    private: Collection[ColumnRef] = (),
    n: int = SAMPLED,
    seconds: float = _SECONDS,
) -> dict[ColumnRef, tuple[object, ...]]:
    """Up to `n` distinct stored values of each column, from the first rows of its table; none for a private column.

    Args:
        database: Where they are stored.
        schema: The columns to read. Those that cannot be read, or not in time, are left out.
        private: Columns whose values must not be shown.
        n: Values per column, 1 or more.
        seconds: For all columns together, above 0.

    Raises:
        UsageError: `n` or `seconds` is out of range.
        DatabaseError: The file cannot be read, is locked or damaged.
    """
    check_number("n", n, minimum=1)
    hidden = set(map(fold_ref, private))
    shown = schema.subset([ref for ref in schema.refs() if fold_ref(ref) not in hidden])
    limits = replace(database.limits, seconds=min(seconds, database.limits.seconds))
    filled = database.with_examples(shown, n=n, limits=limits)
    return {
        ColumnRef(table.name, column.name): column.examples
        for table in filled.tables
        for column in table.columns
        if column.examples
    }
