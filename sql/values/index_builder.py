"""Builds the index of a database: options, reports of the columns, and the manifest."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema.schema import ColumnRef
from .column_ranges import measure_ranges
from .column_reader import ReadTask, read_columns
from .minhash import Signer
from .reuse import PreviousIndex
from .run_buffer import RunBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..database.database import Database
    from ..schema.schema import Schema
    from .index_arrays import MergeSource
    from .privacy import Privacy

    Progress = Callable[[int, int, str], None]

__all__ = ["BuildOptions", "ColumnReport", "build_index", "column_rows", "column_starts", "fit_conditions"]


@dataclass(frozen=True, slots=True)
class ColumnReport:
    """What became of one column.

    Attributes:
        table, column: Its name.
        values: Distinct values in the index; 0 where it was skipped.
        too_long: Values left out because they are longer than 200 characters; those that begin with the same 201
            characters count as one, and more than 100,000 as so many.
        numeric: Share of the values that are numbers, dates or times.
        fuzzy: Whether misspellings of its values are found.
        skipped: Why it is not in the index; "" where it is.
        masked: Why its values must not be shown, "asked for" or what they look like; "" where they may be.
        personal: What kind of personal data its values look like, where it is not masked all the same; "" otherwise.
        truths: What it stores for yes and for no, where it holds nothing else; () otherwise.
    """

    table: str
    column: str
    values: int = 0
    too_long: int = 0
    numeric: float = 0.0
    fuzzy: bool = False
    skipped: str = ""
    masked: str = ""
    personal: str = ""
    truths: tuple[str, ...] = ()

    @property
    def ref(self) -> ColumnRef:
        """The column."""
        return ColumnRef(self.table, self.column)


@dataclass(frozen=True)
class BuildOptions:
    """How an index is built.

    Attributes:
        progress: Called as progress(columns done, columns in all, name of the next column).
        privacy: Columns that are excluded or masked.
        workers: Processes that make the arrays.
        folder: Work folder of the build; None to keep everything in memory.
        previous: The existing index, whose values are reused; None for a first build.
    """

    progress: Progress
    privacy: Privacy
    workers: int = 1
    folder: Path | None = None
    previous: PreviousIndex | None = None


def build_index(
    database: Database, schema: Schema, wanted: dict[str, Any], options: BuildOptions
) -> tuple[dict[str, Any], list[MergeSource]]:
    """Build an index: its manifest, and the sources of its arrays, which the caller merges.

    Raises:
        DatabaseError: The database cannot be read.
        OSError: A run cannot be written.
        IndexBuildError: There are more than 2**31 values.
    """
    start = time.perf_counter()
    signer = Signer.from_datasketch()
    previous = options.previous or PreviousIndex.empty()
    task = ReadTask(database, schema, options.privacy, options.progress)
    with RunBuffer(signer, options.folder, workers=options.workers) as buffer:
        task.reports += buffer.resume(previous)
        read_columns(task, buffer, previous)
        sources = [*previous.sources(), *buffer.sources()]
    hidden = {ColumnRef(one["table"], one["column"]) for one in task.reports if one.get("masked")}
    manifest = {
        "database": database.name,
        **wanted,
        "ranges": measure_ranges(database, schema, options.privacy.exclude | options.privacy.mask | hidden),
        "columns": [asdict(ColumnReport(**report)) for report in task.reports],
        "permutations": signer.permutations.tolist(),
        "values": buffer.rows,
        "seconds": round(time.perf_counter() - start, 3),
    }
    return manifest, sources


def fit_conditions(database: Database, schema: Schema, privacy: Privacy) -> dict[str, Any]:
    """Entries of a manifest that must be the same for a saved index to fit the data as they are now."""
    return {
        "data_fingerprint": database.data_fingerprint(),
        "schema_fingerprint": schema.fingerprint,
        "sample": database.sample or None,
        **privacy.record(),
    }


def column_starts(manifest: Mapping[str, Any]) -> NDArray[np.int64]:
    """The first row of each column of a manifest, then the number of rows."""
    return np.cumsum([0, *(column.get("values", 0) for column in manifest["columns"])])


def column_rows(columns: Sequence[ColumnReport]) -> dict[ColumnRef, tuple[int, int, bool | None]]:
    """First row, last row + 1 and `fuzzy` of each column, as `PreviousIndex` takes them."""
    found, first = {}, 0
    for column in columns:
        found[column.ref] = first, first + column.values, None if column.masked else column.fuzzy
        first += column.values
    return found
