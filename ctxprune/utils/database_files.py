"""Whether a file is a database, by its first bytes."""

from __future__ import annotations

from pathlib import Path

from ctxprune.errors import InputError

__all__ = ["check_database_file", "is_database"]

_SQLITE, _DUCKDB = b"SQLite format 3\x00", b"DUCK"
_HEAD = 16  # bytes


def is_database(head: bytes) -> bool:
    """Whether a file that begins so (16 bytes or more) is one of SQLite or DuckDB."""
    return head.startswith(_SQLITE) or head[8:12] == _DUCKDB


def check_database_file(path: Path) -> None:
    """Refuse a file that is no database; an empty one is a SQLite database without tables.

    Raises:
        InputError: It is none, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise InputError(f"the database cannot be read ({error.strerror})", where=str(path)) from error
    if head and not is_database(head):
        ending = path.suffix.lower().lstrip(".")
        what = f"a {ending} file is no database" if ending in ("csv", "json", "parquet", "sql", "tsv", "xlsx") else ""
        raise InputError(
            what or "this is no database of SQLite or DuckDB",
            where=str(path),
            hint="load it into a SQLite or DuckDB file first",
        )
