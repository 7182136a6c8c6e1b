"""A table in a file of CSV, read a block at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

from ._records import find_delimiter, records
from .delimited import Delimited
from .options import TableOptions
from .table_file import Part, TableFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

pa = require("pyarrow", "tables")
csv = require("pyarrow.csv", "tables")

__all__ = ["CsvFile"]

_HEAD = 1 << 16  # bytes by which the header is found, or four times as many, and so on, until they hold
_LINES = 8  # lines
_BLOCK = 1 << 23  # bytes that are read at once
_LONGEST = 1 << 26  # bytes of a record: quotes that are not closed by then are characters like others
_QUOTE = ord('"')


class CsvFile(TableFile):
    """Cells are looked into as texts; what is remembered of a row is where its record stands, in bytes."""

    endings = (".csv", ".tsv", ".txt")

    def __init__(self, path: Path, options: TableOptions) -> None:
        self.path = path
        head, self._ending = self._head()
        text = self._decoded(head)
        self._delimiter = options.delimiter or find_delimiter(text.removeprefix("\ufeff"))
        form = Delimited(text, TableOptions(delimiter=self._delimiter, header_rows=options.header_rows))
        self._depth = len(form.levels)
        self.names = form.levels[-1] if form.levels else ("",) * form.width
        self._above = text[: form.row_span(0)[0]] if form.rows else text

    def _head(self) -> tuple[bytes, bytes]:
        """The first lines, whole, among them those of the header; and how lines end."""
        size = _HEAD
        with self.path.open("rb") as file:
            while True:
                file.seek(0)
                head = file.read(size)
                ending = b"\n" if b"\n" in head or b"\r" not in head else b"\r"
                if len(head) < size:
                    return head, ending
                if head.count(ending) > _LINES:
                    return head[: head.rfind(ending) + 1], ending
                if size >= _LONGEST:
                    raise InputError("the first lines are too long for a table", where=str(self.path))
                size *= 4

    def parts(self) -> Iterator[Part]:
        """See `TableFile.parts`."""
        offset, rest = len(self._above.encode()), b""
        with self.path.open("rb") as file:
            file.seek(offset)
            while True:
                read = file.read(_BLOCK)
                block = rest + read
                places = _record_places(block, self._ending, last=not read)
                used = int(places[-1, 1]) if len(places) else 0
                if used:
                    columns, places = self._cut(block[:used], places)
                    rows = pa.record_batch({"start": places[:, 0] + offset, "end": places[:, 1] + offset})
                    yield Part(columns, rows)
                if not read:
                    return
                offset, rest = offset + used, block[used:]

    def table(self, rows: Any) -> str:
        """The lines above the rows, and their records as they are written."""
        if rows is None:
            return self._above
        found = [self._above]
        with self.path.open("rb") as file:
            for start, end in zip(rows["start"].to_pylist(), rows["end"].to_pylist(), strict=True):
                file.seek(start)
                record = self._decoded(file.read(end - start))
                found.append(record if record.endswith(("\n", "\r")) else f"{record}\n")
        return "".join(found)

    def reading(self, options: TableOptions) -> TableOptions:
        """See `TableFile.reading`."""
        return replace(options, format="csv", delimiter=self._delimiter, header_rows=self._depth)

    def write(self, table: Any, file: Any) -> None:
        """As UTF-8."""
        file.write(table.encode())

    def _cut(self, block: bytes, places: NDArray[np.int64]) -> tuple[list[Any], NDArray[np.int64]]:
        """The columns, and the places of the records that are no empty lines; places anew where Arrow sees other ones,
        since rows are ragged or quotes are no pairs."""
        data = np.frombuffer(block, dtype=np.uint8)
        filled = places[~np.isin(data[places[:, 0]], (10, 13))]
        names = [str(number) for number in range(len(self.names))]
        read = csv.ReadOptions(column_names=names, block_size=len(block) + 1, use_threads=False)
        parse = csv.ParseOptions(delimiter=self._delimiter, newlines_in_values=True)
        convert = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        try:
            table = csv.read_csv(pa.BufferReader(block), read, parse, convert)
        except pa.ArrowInvalid:
            return self._cut_slowly(block)
        if table.num_rows != len(filled):
            return self._cut_slowly(block)
        return [table.column(name).combine_chunks() for name in names], filled

    def _cut_slowly(self, block: bytes) -> tuple[list[Any], NDArray[np.int64]]:
        text, width = self._decoded(block), len(self.names)
        rows, places, at, before = [], [], 0, 0
        for record in records(text, self._delimiter):
            start = at + len(text[before : record.start].encode())
            before, at = record.stop, start + len(text[record.start : record.stop].encode())
            places.append((start, at))
            rows.append((*record.values[:width], *[""] * (width - len(record.cells))))
        columns = [pa.array(column, pa.string()) for column in zip(*rows, strict=True)]
        return columns, np.asarray(places, dtype=np.int64).reshape(-1, 2)

    def _decoded(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"this is not UTF-8 text (a byte is 0x{data[error.start]:02x})",
                where=str(self.path),
                hint="convert it, for instance with iconv -f LATIN1 -t UTF-8",
            ) from error


def _record_places(block: bytes, ending: bytes, *, last: bool) -> NDArray[np.int64]:
    """int64 (n_records, 2): bytes [start, end) of each record that is whole, line end included, empty lines too."""
    data = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(data == ending[0])
    if b'"' in block:
        outside = np.searchsorted(np.flatnonzero(data == _QUOTE), ends) % 2 == 0
        ends = ends[outside] if outside.any() or (len(block) < _LONGEST and not last) else ends
    ends = ends + 1
    if last and len(block) and (not len(ends) or ends[-1] < len(block)):
        ends = np.append(ends, len(block))
    return np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1) if len(ends) else np.zeros((0, 2), np.int64)
