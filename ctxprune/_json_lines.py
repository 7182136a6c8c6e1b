"""Files of JSON lines."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING, Any

from ctxprune._sealed import parse_json
from ctxprune.errors import InputError

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
        InputError: The file is absent or damaged.
    """
    opener = gzip.open if file.suffix == ".gz" else open
    place = 0
    try:
        with opener(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                place += 1
                if line.strip():
                    yield place, parse_json(line)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the file cannot be read ({error})", where=file.name) from error
    except UnicodeDecodeError as error:
        raise InputError(f"this is not UTF-8 text, after line {place}", where=file.name) from error
    except ValueError as error:
        raise InputError(f"line {place} is not JSON", where=file.name, hint="give a file of JSON lines") from error
