"""A corpus in a file of JSON lines, gzipped or not."""

from __future__ import annotations

import zlib
from typing import IO, TYPE_CHECKING, Any, ClassVar

from ctxprune.errors import InputError
from ctxprune.storage.compressed import open_bytes, open_target
from ctxprune.storage.sealed import parse_json

from .source import CorpusFile, Part

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["JsonLinesCorpus"]

_LONGEST = 64_000_000  # bytes of a line
_DEEPEST = 50  # levels of an id
_MARK = b"\xef\xbb\xbf"  # byte order mark of editors on Windows


class JsonLinesCorpus(CorpusFile):
    """One JSON object, or one JSON string, a line; lines of white space are passed over."""

    endings: ClassVar[tuple[str, ...]] = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")

    def parts(self, position: list[int], size: int) -> Iterator[Part]:
        """See `CorpusFile`; a position is a byte and a line."""
        start, number = position or (0, 0)
        texts: list[str | None] = []
        ids: list[Any] = []
        for end, line_number, line in self._lines(start, number):
            text, name = self._read(line, line_number)
            texts.append(text)
            ids.append(name)
            if len(texts) == size:
                yield Part(texts, ids, [end, line_number])
                texts, ids = [], []
        if texts:
            yield Part(texts, ids, [end, line_number])

    def copy(self, kept: NDArray[Any], target: Path, on_dropped: Callable[[int, Any], None] | None) -> None:
        """See `CorpusFile`; lines stay byte for byte, the last one gets its end."""
        index = -1
        with open_target(target) as file:
            for index, (_, _, line) in enumerate(self._lines(0, 0)):
                if index >= len(kept):
                    break
                if kept[index]:
                    file.write(line if line.endswith(b"\n") else line + b"\n")
                elif on_dropped is not None:
                    on_dropped(index, self._id(line))
        if index + 1 != len(kept):
            raise InputError("the file changed while it was read", where=str(self.path), hint="run it again")

    def _lines(self, start: int, number: int) -> Iterator[tuple[int, int, bytes]]:
        """Of each line with something in it where it ends, its number from 1 up, and its bytes."""
        try:
            with open_bytes(self.path) as file:
                # A gzipped file has no place to jump to: it is unpacked again, which is quick beside judging its texts.
                _skip(file, start)
                end = start
                while line := file.readline(_LONGEST + 1):
                    end, number = end + len(line), number + 1
                    if len(line) > _LONGEST:
                        raise InputError(f"line {number} has over {_LONGEST} bytes", where=str(self.path))
                    line = line.removeprefix(_MARK) if number == 1 else line
                    if line.strip():
                        yield end, number, line
        except InputError:
            raise
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"the file cannot be read ({error})", where=str(self.path)) from error

    def _read(self, line: bytes, number: int) -> tuple[str | None, Any]:
        try:
            record = parse_json(line)
            text, why = self.reader.text_of(record), ""
            if text is not None and _is_deep(self.reader.id_of(record)):
                text, why = None, f"its id is nested over {_DEEPEST} levels deep"
        except ValueError as error:
            record, text, why = None, None, f"it is no JSON ({error})"
        if text is None and not self.reader.skips:
            raise InputError(
                f"this is no passage: {why or self.reader.describe(record)}",
                where=f"{self.path}, line {number}",
                hint='mend it, or pass over such lines (PassageReader(broken="skip"), --broken skip)',
            )
        return text, None if text is None else self.reader.id_of(record)

    def _id(self, line: bytes) -> Any:
        try:
            name = self.reader.id_of(parse_json(line))
        except ValueError:
            return None
        return None if _is_deep(name) else name


def _is_deep(value: Any) -> bool:
    """Whether JSON is nested so deep that what walks through it (repr, json) may fail."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for part in level
            if isinstance(part, list | dict)
            for inner in (part.values() if isinstance(part, dict) else part)
        ]
        if not level:
            return False
    return True


def _skip(file: IO[bytes], count: int) -> None:
    if count and file.seekable():
        file.seek(count)
        return
    while count and (piece := file.read(min(count, 1 << 20))):
        count -= len(piece)
