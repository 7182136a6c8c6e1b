"""Makes an index of a database: what it is made from, and what its manifest says."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..schema.schema import ColumnRef
from .collect import Task, collect
from .column_ranges import measure_ranges
from .minhash import Signer
from .older import Older
from .parts import Parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..database.database import Database
    from ..schema.schema import Schema
    from .build import Source
    from .privacy import Privacy

    Progress = Callable[[int, int, str], None]

__all__ = ["ColumnReport", "Making", "column_rows", "column_starts", "make", "wanted_of"]


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
class Making:
    """How an index is made."""

    progress: Progress
    privacy: Privacy
    workers: int = 1
    folder: Path | None = None
    older: Older | None = None


def make(
    database: Database, schema: Schema, wanted: dict[str, Any], making: Making
) -> tuple[dict[str, Any], list[Source]]:
    """The manifest of a new index and what it is merged from.

    Raises:
        DatabaseError: The database cannot be read.
        OSError: A run cannot be written.
        IndexBuildError: There are more than 2**31 values.
    """
    start = time.perf_counter()
    signer = Signer.from_datasketch()
    older = making.older or Older.nothing()
    task = Task(database, schema, making.privacy, making.progress)
    with Parts(signer, making.folder, workers=making.workers) as parts:
        task.reports += parts.resume(older)
        collect(task, parts, older)
        sources = [*older.sources(), *parts.sources()]
    hidden = {ColumnRef(one["table"], one["column"]) for one in task.reports if one.get("masked")}
    manifest = {
        "database": database.name,
        **wanted,
        "ranges": measure_ranges(database, schema, making.privacy.exclude | making.privacy.mask | hidden),
        "columns": [asdict(ColumnReport(**report)) for report in task.reports],
        "permutations": signer.permutations.tolist(),
        "values": parts.rows,
        "seconds": round(time.perf_counter() - start, 3),
    }
    return manifest, sources


def wanted_of(database: Database, schema: Schema, privacy: Privacy) -> dict[str, Any]:
    """What decides whether a saved index fits."""
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
    """First row, last row + 1 and `fuzzy` of each column, as `Older` takes them."""
    found, first = {}, 0
    for column in columns:
        found[column.ref] = first, first + column.values, None if column.masked else column.fuzzy
        first += column.values
    return found
