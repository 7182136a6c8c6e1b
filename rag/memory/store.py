"""Memories as JSON files: sealed with a checksum, and replaced as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ctxprune.errors import FormatError, InputError
from ctxprune.storage.drafts import draft_of
from ctxprune.storage.sealed import seal, unseal

__all__ = ["FORMAT", "VERSION", "check_format", "read_memory_file", "write_memory_file"]

FORMAT, VERSION = "ctxprune.structured_memory", 2
_LARGEST = 1 << 28  # bytes: a memory is bounded by its budget, so that a larger file is none


def write_memory_file(path: str | Path, document: dict[str, Any]) -> None:
    """Write a memory's document as one step: a reader, and whoever goes on after a kill, sees the old or the new one.

    Raises:
        InputError: It cannot be written.
    """
    target = Path(path)
    try:
        with draft_of(target) as draft:
            draft.write_text(seal(document), encoding="ascii")
    except OSError as error:
        raise InputError(f"the memory cannot be written ({error.strerror})", where=str(target)) from error


def read_memory_file(path: str | Path) -> Any:
    """The document of a file that `write_memory_file` wrote.

    Raises:
        InputError: It cannot be read.
        FormatError: It is damaged, or too large for a memory.
    """
    source = Path(path)
    try:
        if source.stat().st_size > _LARGEST:
            raise FormatError(f"the file has more than {_LARGEST} bytes", where=str(source))
        content = source.read_bytes()
    except OSError as error:
        raise InputError(f"the memory cannot be read ({error.strerror})", where=str(source)) from error
    try:
        return unseal(content)
    except ValueError as error:
        raise FormatError(f"the memory is damaged ({error})", where=str(source)) from error


def check_format(document: Any) -> None:
    """Refuse what is no memory of this version.

    Raises:
        FormatError: The format or version is another one.
    """
    found = (document.get("format"), document.get("version")) if isinstance(document, dict) else None
    if found != (FORMAT, VERSION):
        raise FormatError(f"no structured memory: {str(found)[:100]}", hint=f"this version reads {FORMAT} {VERSION}")
