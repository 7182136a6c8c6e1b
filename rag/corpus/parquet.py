"""A corpus in a Parquet file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.errors import InputError
from ctxprune.utils.extras import require

from .source import CorpusFile, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .records import PassageReader

pa = require("pyarrow", "tables")
parquet = require("pyarrow.parquet", "tables")

__all__ = ["ParquetCorpus"]

_ROWS = 1000  # that are copied at a time
_GROUP = 10_000  # rows of a row group of the target, at least
_BUFFER = 1 << 20  # bytes
_CODECS = {"UNCOMPRESSED": "NONE"}  # names that the writer has for those of the metadata


class ParquetCorpus(CorpusFile):
    """One passage a row; all columns stay. A row whose text is NULL is broken."""

    endings: ClassVar[tuple[str, ...]] = (".parquet", ".pq")

    def __init__(self, path: Path, reader: PassageReader) -> None:
        super().__init__(path, reader)
        try:
            # Read page by page: a row group may be the whole file.
            self._file = parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
        except (OSError, pa.ArrowException) as error:
            raise InputError(f"the file cannot be read as Parquet ({error})", where=str(path)) from error
        schema = self._file.schema_arrow
        # Two columns of one name cannot be told apart.
        kinds = [field.type for field in schema if field.name == reader.text]
        if len(kinds) != 1 or not _holds_texts(kinds[0]):
            names = ", ".join(map(repr, schema.names)) or "none"
            raise InputError(f"there is no column of texts {reader.text!r}", where=str(path), hint=f"columns: {names}")
        wanted = dict.fromkeys((str(reader.text), str(reader.id)))  # names, see `CorpusFile`
        self._columns = [name for name in wanted if schema.names.count(name) == 1]

    def parts(self, position: list[int], size: int) -> Iterator[Part]:
        """See `CorpusFile`; a position is a row."""
        done = 0
        (start,) = position or (0,)
        for batch in self._batches(size, self._columns):
            # Row groups before the position are decoded again, in one column: no matter beside judging the texts.
            done += batch.num_rows
            if done <= start:
                continue
            batch = batch.slice(max(0, batch.num_rows - (done - start)))  # noqa: PLW2901
            texts = [text if isinstance(text, str) else None for text in _values(batch.column(self.reader.text))]
            if None in texts and not self.reader.skips:
                row = done - batch.num_rows + texts.index(None)
                raise InputError(
                    "this is no passage: the text is NULL, or not UTF-8",
                    where=f"{self.path}, row {row}",
                    hint='PassageReader(broken="skip") or --broken skip passes over such rows',
                )
            ids = _values(batch.column(self.reader.id)) if self.reader.id in self._columns else [None] * len(texts)
            yield Part(texts, ids, [done])

    def copy(self, kept: NDArray[Any], target: Path, on_dropped: Callable[[int, Any], None] | None) -> None:
        """See `CorpusFile`; the schema stays with its metadata, the row groups are new ones."""
        done = 0
        waiting: list[Any] = []
        with (
            target.open("wb") as file,
            parquet.ParquetWriter(file, self._file.schema_arrow, compression=self._codecs()) as writer,
        ):
            for batch in self._batches(_ROWS, None):
                mask = kept[done : done + batch.num_rows]
                if len(mask) < batch.num_rows:
                    break
                waiting.append(batch.filter(pa.array(mask)))
                if sum(part.num_rows for part in waiting) >= _GROUP:
                    writer.write_table(pa.Table.from_batches(waiting))
                    waiting = []
                if on_dropped is not None:
                    self._report(batch, mask, done, on_dropped)
                done += batch.num_rows
            if waiting:
                writer.write_table(pa.Table.from_batches(waiting))
        if done != len(kept):
            raise InputError("the file changed while it was read", where=str(self.path), hint="run it again")

    def _codecs(self) -> dict[str, str]:
        """By column how the first row group is compressed, and the target is as well."""
        if not self._file.metadata.num_row_groups:
            return {}
        group = self._file.metadata.row_group(0)
        columns = [group.column(number) for number in range(group.num_columns)]
        return {column.path_in_schema: _CODECS.get(column.compression, column.compression) for column in columns}

    def _report(self, batch: Any, mask: NDArray[Any], first: int, on_dropped: Callable[[int, Any], None]) -> None:
        places = (~mask).nonzero()[0].tolist()
        gone = pa.array(places, pa.int64())
        ids = _values(batch.column(self.reader.id).take(gone)) if self.reader.id in self._columns else None
        for number, place in enumerate(places):
            on_dropped(first + place, None if ids is None else ids[number])

    def _batches(self, size: int, columns: list[str] | None) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(batch_size=size, columns=columns)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise InputError(f"the rows cannot be read ({error})", where=str(self.path)) from error


def _values(column: Any) -> list[Any]:
    """The values of a column; what Python has no form for as text or number of its own, and never as an error."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # a text that is not UTF-8, a time after the year 9999
        return [_value(one) for one in column]


def _value(scalar: Any) -> Any:
    try:
        return scalar.as_py()
    except (ValueError, OverflowError):
        if isinstance(scalar, pa.DictionaryScalar):
            return _value(scalar.value)
        # Bytes are no text, and so a broken passage; as an id they are told in hexadecimal.
        return scalar.as_buffer().to_pybytes() if hasattr(scalar, "as_buffer") else getattr(scalar, "value", None)


def _holds_texts(kind: Any) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    # Views are no such: pyarrow 26 has no way to filter them.
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
