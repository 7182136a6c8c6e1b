"""Files of JSON lines."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

from ctxprune.errors import InputError
from ctxprune.storage.compressed import read_lines
from ctxprune.storage.sealed import parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["numbered_rows", "read_rows"]


def read_rows(file: Path) -> Iterator[Any]:
    """The JSON documents of a file of lines, gzipped or not.

    Raises:
        InputError: The file is absent or damaged.
    """
    for _, row in numbered_rows(file):
        yield row


def numbered_rows(file: Path) -> Iterator[tuple[int, Any]]:
    """The same, each with the number of its line, from 1 up; lines without anything are passed over.

    Raises:
        InputError: The file is absent or damaged, or expands to more than 200 times its compressed size.
    """
    place = 0
    try:
        for line in read_lines(file):
            place += 1
            if line.strip():
                yield place, parse_json(line)
    except InputError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the file cannot be read ({error})", where=file.name) from error
    except ValueError as error:
        raise InputError(f"line {place} is not JSON", where=file.name, hint="give a file of JSON lines") from error
