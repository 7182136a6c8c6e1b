"""Data frames of pandas and polars, tables of Arrow: what is kept is a slice of the same frame."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from ._cells import cell_text
from .form import Form

__all__ = ["ArrowTable", "PandasFrame", "PolarsFrame", "arrow_values", "frame_form"]


def frame_form(data: Any) -> Form | None:
    """`data` as a form if it is a frame; its package is imported already, then, and never imported here."""
    for package, names, form in _FRAMES:
        module = sys.modules.get(package)
        # Classes of pandas, polars or pyarrow, by name: none of these is imported for this.
        if module is not None and isinstance(data, tuple(getattr(module, name) for name in names)):
            found: Form = form(data)
            return found
    return None


class PandasFrame(Form):
    """A `pandas.DataFrame`; levels of its columns are levels of the header. An index that says something is a key."""

    def __init__(self, data: Any) -> None:
        self._data = data
        index = [] if _is_plain(data.index) else [data.index.get_level_values(n) for n in range(data.index.nlevels)]
        names = [[cell_text(name) for name in _tuple(label)] for label in data.columns]
        depth = data.columns.nlevels
        corner = [[""] * (depth - 1) + [cell_text(level.name)] for level in index]
        self.keys = tuple(range(len(index)))
        self.width = len(index) + len(names)
        self.levels = tuple(zip(*corner, *names, strict=True)) if self.width else ()
        cells = [*index, *(data.iloc[:, column] for column in range(len(names)))]
        self.rows = _rows([column.tolist() for column in cells], len(data))

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """A slice with the same index, types and `attrs`."""
        chosen = [column - len(self.keys) for column in columns if column >= len(self.keys)]
        return self._data.iloc[rows, chosen]


class PolarsFrame(Form):
    """A `polars.DataFrame`."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.width = data.width
        self.levels = (tuple(data.columns),) if data.width else ()
        self.rows = _rows([column.to_list() for column in data.get_columns()], data.height)

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """A slice with the same types."""
        part = self._data.select([self._data.columns[column] for column in columns])
        return part[rows] if rows else part.head(0)


class ArrowTable(Form):
    """A `pyarrow.Table` or `pyarrow.RecordBatch`."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.width = data.num_columns
        self.levels = (tuple(data.schema.names),) if self.width else ()
        self.rows = _rows([arrow_values(data.column(index)) for index in range(self.width)], data.num_rows)

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """The columns selected, without a copy; the rows too where they stand together, else taken."""
        part = self._data.select(columns)
        if not rows or rows[-1] - rows[0] == len(rows) - 1:
            return part.slice(rows[0] if rows else 0, len(rows))
        return take_rows(part, rows)


_FRAMES: tuple[tuple[str, tuple[str, ...], Any], ...] = (
    ("pandas", ("DataFrame",), PandasFrame),
    ("polars", ("DataFrame",), PolarsFrame),
    ("pyarrow", ("Table", "RecordBatch"), ArrowTable),
)


def _rows(columns: list[Iterable[Any]], size: int) -> tuple[tuple[str, ...], ...]:
    if not columns:
        return ((),) * size
    return tuple(zip(*(map(cell_text, column) for column in columns), strict=True))


def _is_plain(index: Any) -> bool:
    """Whether an index of pandas only counts rows, or did so before some were left out."""
    return index.nlevels == 1 and index.name is None and index.dtype.kind in "iu"


def _tuple(label: Any) -> tuple[Any, ...]:
    return label if isinstance(label, tuple) else (label,)


def take_rows(data: Any, rows: Any) -> Any:
    """These rows, by any sequence of indices, of a table or batch of Arrow; by slices where types cannot be taken."""
    pyarrow = sys.modules["pyarrow"]
    try:
        return data.take(pyarrow.array(rows, pyarrow.int64()))
    except NotImplementedError:  # views of strings, for instance
        slices = [data.slice(row, 1) for row in rows]
    if isinstance(data, pyarrow.Table):
        return pyarrow.concat_tables(slices)
    return pyarrow.Table.from_batches(slices).combine_chunks().to_batches()[0]


def arrow_values(column: Any) -> Iterable[Any]:
    """Python's values; Arrow's texts for times that Python cannot hold."""
    kind = column.type
    try:
        if str(kind).startswith(("timestamp[ns", "duration[ns")):  # to_pylist would import pandas for them
            column = column.cast(_microseconds(kind))
        values: Iterable[Any] = column.to_pylist()
    except (ValueError, OverflowError, LookupError):  # finer than microseconds, year 0, a time zone nobody knows
        values = column.cast("string").to_pylist()
    return values


def _microseconds(kind: Any) -> Any:
    pyarrow = sys.modules["pyarrow"]
    return pyarrow.timestamp("us", kind.tz) if pyarrow.types.is_timestamp(kind) else pyarrow.duration("us")
