"""Reads the columns of a database into batches for the index: what is read, what is skipped, and why."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

from ctxprune.errors import QueryError, QueryLimitError, QueryTimeoutError

from ..schema import ColumnRef
from .build import map_batch, merge
from .eligibility import measure
from .minhash import Signer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..database import Database
    from ..schema import Schema
    from .build import Arrays, Batch

__all__ = ["collect"]

_BATCH = 5000
_SECONDS = 600.0


def collect(
    database: Database,
    schema: Schema,
    exclude: frozenset[ColumnRef],
    progress: Callable[[int, int, str], None],
) -> tuple[list[dict[str, Any]], Arrays]:
    """A report per column, in schema order, and the arrays of all that are indexed.

    A column that cannot be read is skipped with the database's message; a database that cannot be read raises.

    Raises:
        DatabaseError: The file cannot be read.
        IndexBuildError: There are more than 2**31 values.
    """
    signer = Signer.from_datasketch()
    reports: list[dict[str, Any]] = []
    batches: list[Batch] = []
    total = schema.n_columns
    for table in schema.tables:
        for column in table.columns:
            ref = ColumnRef(table.name, column.name)
            number = len(reports)
            progress(number, total, f"{ref.table}.{ref.column}")
            report: dict[str, Any] = {"table": ref.table, "column": ref.column}
            reports.append(report)
            if ref in exclude:
                report["skipped"] = "excluded"
            elif table.is_view:
                report["skipped"] = "view"
            else:
                found, facts = _read_column(database, ref, number, signer)
                batches += found
                report.update(facts)
    progress(total, total, "")
    return reports, merge(batches, signer)


def _read_column(database: Database, ref: ColumnRef, number: int, signer: Signer) -> tuple[list[Batch], dict[str, Any]]:
    try:
        stream = _stream(database, ref)
        first = next(stream, [])
        profile = measure(first)
        if profile.skipped:
            return [], {"skipped": profile.skipped}
        batches = [map_batch(number, values, signer, fuzzy=profile.fuzzy) for values in chain([first], stream)]
    except (QueryError, QueryLimitError, QueryTimeoutError) as error:
        return [], {"skipped": f"unreadable: {error.what}"}
    return batches, {
        "values": sum(len(batch.lengths) for batch in batches),
        "too_long": sum(batch.too_long for batch in batches),
        "numeric": round(profile.numeric, 4),
    }


def _stream(database: Database, ref: ColumnRef) -> Iterator[list[str]]:
    limits = replace(database.limits, seconds=max(_SECONDS, database.limits.seconds))
    yield from database.distinct_values(ref, batch=_BATCH, limits=limits)
