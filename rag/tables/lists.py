"""Tables that Python holds as lists: rows of cells, records, results of queries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass, replace
from typing import Any

from ctxprune.errors import UsageError

from ..headers import count_header_rows
from ._cells import cell_text
from .form import Form

__all__ = ["RecordList", "ResultTable", "RowList", "is_result"]


class RowList(Form):
    """A list of rows, each a list of cells; the header stands in the first one or ones."""

    def __init__(self, data: Sequence[Sequence[Any]], header_rows: int | None) -> None:
        self._data = data
        self.width = max(map(len, data), default=0)
        texts = [_padded(tuple(map(cell_text, row)), self.width) for row in data]
        depth = count_header_rows(texts) if header_rows is None else header_rows
        self.levels, self.rows = tuple(texts[:depth]), tuple(texts[depth:])

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """The header and these rows: a list or a tuple of the same, as they came; cells are the same objects."""
        depth = len(self.levels)
        chosen = [self._data[index] for index in (*range(min(depth, len(self._data))), *(row + depth for row in rows))]
        taken = [_like(row, [row[column] for column in columns if column < len(row)]) for row in chosen]
        return _like(self._data, taken)


class RecordList(Form):
    """A list of dicts; the columns are their keys in the order in which they first come."""

    def __init__(self, data: Sequence[Mapping[Any, Any]]) -> None:
        self._data = data
        self._names = list(dict.fromkeys(key for record in data for key in record))
        self.width = len(self._names)
        self.levels = (tuple(map(cell_text, self._names)),)
        self.rows = tuple(
            tuple(cell_text(record[name]) if name in record else "" for name in self._names) for record in data
        )

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """These records with these keys, as far as they have them; values are the same objects."""
        names = {self._names[column] for column in columns}
        return _like(
            self._data, [{key: self._data[row][key] for key in self._data[row] if key in names} for row in rows]
        )


class ResultTable(Form):
    """A result of a query: any dataclass with `columns`, a sequence of names, and `rows`, a sequence of sequences."""

    def __init__(self, data: Any) -> None:
        self._data = data
        self.width = len(data.columns)
        self.levels = (tuple(map(cell_text, data.columns)),)
        if any(len(row) != self.width for row in data.rows):
            raise UsageError(f"a row has not {self.width} cells, one for each column", where=type(data).__name__)
        self.rows = tuple(tuple(map(cell_text, row)) for row in data.rows)

    def take(self, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """The result with other columns and rows, and all else as it was."""
        names = _like(self._data.columns, [self._data.columns[column] for column in columns])
        chosen = [self._data.rows[row] for row in rows]
        taken = [_like(row, [row[column] for column in columns]) for row in chosen]
        return replace(self._data, columns=names, rows=_like(self._data.rows, taken))


def is_result(data: Any) -> bool:
    """Whether it is a dataclass that holds columns and rows."""
    if not is_dataclass(data) or isinstance(data, type):
        return False
    # A result of any database library: what it is called is not known, what it has is.
    return all(isinstance(getattr(data, name, None), (list, tuple)) for name in ("columns", "rows"))


def _padded(cells: tuple[str, ...], width: int) -> tuple[str, ...]:
    return (*cells, *[""] * (width - len(cells)))


def _like(source: Any, items: list[Any]) -> Any:
    return tuple(items) if isinstance(source, tuple) else items
