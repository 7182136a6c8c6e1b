"""Tables in files, read a part at a time: Parquet, Arrow IPC, CSV."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

from .csv_file import CsvFile
from .table_file import Part, Section, TableFile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from .options import TableOptions

pa = require("pyarrow", "tables")
ipc = require("pyarrow.ipc", "tables")
parquet = require("pyarrow.parquet", "tables")

__all__ = ["IpcFile", "ParquetFile", "open_table"]

_CELLS = 1 << 20  # of a part, about
_ROWS = 1 << 16  # of a part, at most


class _ArrowFile(TableFile):
    """A file of which the columns are arrays of Arrow."""

    schema: Any

    def table(self, rows: Any) -> Any:
        """See `TableFile.table`."""
        return self.schema.empty_table() if rows is None else rows

    def _sliced(self, batches: Iterable[Any]) -> Iterator[Part]:
        most = max(1, min(_ROWS, _CELLS // max(len(self.names), 1)))
        try:
            for batch in batches:
                for start in range(0, batch.num_rows, most):
                    rows = batch.slice(start, most)
                    yield Part(rows.columns, rows)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"the rows cannot be read ({error})", where=str(self.path)) from error


class ParquetFile(_ArrowFile):
    """Read by row groups, through a small buffer a column."""

    endings = (".parquet", ".pq")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = parquet.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False)
        self.schema = self._file.schema_arrow
        self.names = tuple(self.schema.names)

    @property
    def groups(self) -> int:
        """Number of row groups."""
        return int(self._file.num_row_groups)

    def parts(self) -> Iterator[Part]:
        """See `TableFile.parts`."""
        return (part for section in self.sections() for part in section.parts())

    def sections(self) -> Iterator[Section]:
        """The row groups: no part goes over the end of one, so that parts are the same whichever are passed over."""
        for group in range(self.groups):
            yield Section(group, self._file.metadata.row_group(group).num_rows, partial(self._group_parts, group))

    def _group_parts(self, group: int) -> Iterator[Part]:
        most = max(1, min(_ROWS, _CELLS // max(len(self.names), 1)))
        return self._sliced(self._file.iter_batches(batch_size=most, row_groups=[group]))

    def limits(self, group: int, column: int) -> tuple[float, float] | None:
        """The least and the greatest number (date, as `Probe` counts it) of a column in a row group, by the footer;
        None where it does not say, or the column is one of texts."""
        from .probe import column_numbers, is_text

        kind = self.schema.field(column).type
        # A column of records is several columns of the footer, which then counts otherwise than the schema.
        if is_text(kind) or self._file.metadata.num_columns != len(self.names):
            return None
        known = self._file.metadata.row_group(group).column(column).statistics
        if known is None or not known.has_min_max:
            return None
        try:
            values = column_numbers(pa.array([known.min, known.max]).cast(kind))
        except (TypeError, ValueError, pa.ArrowException):
            return None
        low, high = (float(value) for value in values)
        return (low, high) if low <= high else None

    def write(self, table: Any, file: Any) -> None:
        """With the source's schema and metadata, as far as columns are kept."""
        parquet.write_table(table, file)


class IpcFile(_ArrowFile):
    """Mapped into memory, so that nothing is copied that is not remembered."""

    endings = (".arrow", ".feather", ".ipc")

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = ipc.open_file(pa.memory_map(str(path)))
        self.schema = self._file.schema
        self.names = tuple(self.schema.names)

    def parts(self) -> Iterator[Part]:
        """See `TableFile.parts`."""
        return self._sliced(self._file.get_batch(number) for number in range(self._file.num_record_batches))

    def write(self, table: Any, file: Any) -> None:
        """With the source's schema and metadata, as far as columns are kept."""
        with ipc.new_file(file, table.schema) as writer:
            writer.write_table(table)


def open_table(path: Path, options: TableOptions) -> TableFile:
    """The file as what its first bytes say: Parquet, Arrow IPC; else CSV.

    Raises:
        InputError: It cannot be read, or is not what its name says.
    """
    try:
        with path.open("rb") as file:
            start = file.read(6)
        if start[:4] == b"PAR1":
            return ParquetFile(path)
        if start == b"ARROW1":
            return IpcFile(path)
        for kind, name in ((ParquetFile, "Parquet"), (IpcFile, "Arrow IPC")):
            if path.suffix.lower() in kind.endings:
                raise InputError(f"this is no {name}", where=str(path), hint="let the name end in what the file is")
        return CsvFile(path, options)
    except (OSError, pa.ArrowException) as error:
        raise InputError(f"the file cannot be read ({error})", where=str(path)) from error
