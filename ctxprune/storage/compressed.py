"""Compressed files whose contents have a bound: a few kilobytes of a file may stand for gigabytes.

Deflate packs up to 1,030 to 1. Text, JSON and arrays of numbers that mean something stay far below `MOST_TIMES`.
"""

from __future__ import annotations

import gzip
import io
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from ctxprune.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["MOST_TIMES", "inflate", "is_gzip", "most_bytes", "open_bytes", "open_target", "read_lines"]

MOST_TIMES = 200
"""Bytes that one compressed byte may stand for; `_ALWAYS` bytes may be in any file."""
_ALWAYS = 16_000_000  # bytes that any file may hold, since short ones of few words pack better
_LINE = 64_000_000  # characters of one line


def is_gzip(name: str) -> bool:
    """Whether a file of this name is gzipped: it ends in .gz, in capitals or not."""
    return name.lower().endswith(".gz")


@contextmanager
def open_target(file: Path, name: str | None = None) -> Iterator[IO[bytes]]:
    """Write a file, gzipped where its name (or `name`) says so; the same bytes make the same file.

    Raises:
        OSError: It cannot be written.
    """
    with file.open("wb") as target:
        if is_gzip(name or file.name):
            # Without a time and a name in its header the same contents give the same bytes.
            with gzip.GzipFile("", "wb", fileobj=target, mtime=0) as packed:
                yield packed  # type: ignore[misc]
        else:
            yield target


def open_bytes(file: Path) -> IO[bytes]:
    """A file as its name says, gzipped (.gz) or not, to be read from its beginning.

    Raises:
        InputError: While it is read: it expands to more than 200 times its compressed size.
        OSError, EOFError, zlib.error: It cannot be opened; while it is read: it is damaged.
    """
    if not is_gzip(file.name):
        return file.open("rb")
    most = most_bytes(file.stat().st_size)
    return io.BufferedReader(_Bounded(gzip.open(file, "rb"), most, file.name))


def read_lines(file: Path) -> Iterator[str]:
    """The lines of a text in UTF-8, gzipped or not, with their ends and without a byte order mark.

    Raises:
        InputError: A line is longer than 64 million characters, or is not UTF-8 (its number is said); and as
            `open_bytes`.
    """
    number = 0
    # a strict decoder reads ahead, and would fail before the lines that stand before the bad one
    with io.TextIOWrapper(open_bytes(file), encoding="utf-8", errors="surrogateescape") as lines:
        # one character more than allowed tells a line that is too long from one that just fits
        while line := lines.readline(_LINE + 1):
            number += 1
            if number == 1:
                line = line.removeprefix("\ufeff")  # the byte order mark of editors on Windows
            if not _is_unicode(line):
                raise InputError(f"line {number} is not UTF-8 text", where=file.name, hint="save the file as UTF-8")
            if len(line) > _LINE:
                raise InputError(
                    f"a line is longer than {_LINE} characters", where=file.name, hint="give a file of short lines"
                )
            yield line


def _is_unicode(line: str) -> bool:
    """Whether no byte of the line was escaped when it was read."""
    if line.isascii():
        return True
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def inflate(data: bytes) -> bytes:
    """What `zlib.compress` was given.

    Raises:
        ValueError: It is cut off, or expands to more than 200 times its compressed size.
        zlib.error: It is something else.
    """
    reader = zlib.decompressobj()
    most = most_bytes(len(data))
    # decompress stops at `most` bytes, so that a small file cannot fill the memory
    found = reader.decompress(data, most)
    if not reader.eof and len(found) == most:
        raise ValueError(f"it expands to more than {MOST_TIMES} times its compressed size")
    if not reader.eof:
        raise ValueError("compressed data without an end")
    return found


def most_bytes(size: int) -> int:
    """How many bytes a compressed file of `size` bytes may hold: 16 MB, or 200 times as many if that is more."""
    return max(_ALWAYS, MOST_TIMES * size)


class _Bounded(io.RawIOBase):
    """What a stream gives, up to a number of bytes."""

    def __init__(self, stream: gzip.GzipFile, most: int, name: str) -> None:
        self._stream, self._left, self._name = stream, most, name

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: Any) -> int:
        """See `io.RawIOBase`.

        Raises:
            InputError: There is more than may be.
        """
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            hint = "unpack it first, if it is what it should be"
            what = f"the file expands to more than {MOST_TIMES} times its compressed size"
            raise InputError(what, where=self._name, hint=hint)
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """See `io.RawIOBase`."""
        self._stream.close()
        super().close()
