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
from .named import truths
from .privacy import masked_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..database import Database
    from ..schema import Schema
    from .build import Arrays, Batch
    from .privacy import Privacy

__all__ = ["EXCLUDED", "collect"]

EXCLUDED = "excluded"
_BATCH = 5000
_SECONDS = 600.0


def collect(
    database: Database,
    schema: Schema,
    privacy: Privacy,
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
            report: dict[str, Any] = {"table": ref.table, "column": ref.column, "masked": privacy.masks(ref)}
            reports.append(report)
            if ref in privacy.exclude:
                report["skipped"] = EXCLUDED
            elif table.is_view:
                report["skipped"] = "view"
            else:
                found, facts = _read_column(database, ref, number, signer, privacy)
                batches += found
                report.update(facts)
    progress(total, total, "")
    return reports, merge(batches, signer)


def _read_column(
    database: Database, ref: ColumnRef, number: int, signer: Signer, privacy: Privacy
) -> tuple[list[Batch], dict[str, Any]]:
    try:
        stream = _stream(database, ref)
        first = next(stream, [])
        profile = measure(first)
        if profile.skipped:
            return [], {"skipped": profile.skipped}
        masked, parts = privacy.masks(ref, first), chain([first], stream)
        if masked:
            batches = [masked_batch(number, values) for values in parts]
        else:
            batches = [map_batch(number, values, signer, fuzzy=profile.fuzzy) for values in parts]
    except (QueryError, QueryLimitError, QueryTimeoutError) as error:
        return [], {"skipped": f"unreadable: {error.what}"}
    return batches, {
        "values": sum(len(batch.lengths) for batch in batches),
        "too_long": sum(batch.too_long for batch in batches),
        "numeric": round(profile.numeric, 4),
        "masked": masked,
        "truths": () if masked else truths(first),
    }


def _stream(database: Database, ref: ColumnRef) -> Iterator[list[str]]:
    limits = replace(database.limits, seconds=max(_SECONDS, database.limits.seconds))
    yield from database.distinct_values(ref, batch=_BATCH, limits=limits)
