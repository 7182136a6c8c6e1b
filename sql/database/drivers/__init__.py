"""Kinds of databases, one file each: `driver_for` opens the one that a path or URL means."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from ._file import first_bytes

if TYPE_CHECKING:
    from .base import Driver

__all__ = ["driver_for"]

_KINDS = {
    "duckdb": ("duckdb", "DuckdbDriver"),
    "mariadb": ("mysql", "MySqlDriver"),
    "mysql": ("mysql", "MySqlDriver"),
    "postgres": ("postgres", "PostgresDriver"),
    "postgresql": ("postgres", "PostgresDriver"),
    "sqlite": ("sqlite", "SqliteDriver"),
}
"""By SQLAlchemy's name: module and class, opened as `Driver(target, workers, isolated)`."""

_SUFFIXES = {".ddb": "duckdb", ".duckdb": "duckdb", ".sqlite": "sqlite", ".sqlite3": "sqlite"}


def driver_for(target: str | Path, *, workers: int, isolated: bool) -> Driver:
    """The driver for a path of a file or a SQLAlchemy URL.

    Raises:
        UsageError: The URL is malformed or names a kind of database that is not supported.
        MissingExtraError: The driver's package is not installed.
        DatabaseError: There is no such file.
    """
    kind = _kind(target, isolated)
    if kind not in _KINDS:
        raise UsageError(
            f"the dialect {kind!r} is not supported",
            hint=f"supported: {', '.join(sorted(set(_KINDS)))}, as KIND://USER:PASSWORD@HOST/NAME, or a file",
        )
    module, name = _KINDS[kind]
    # imported by name, so that only the driver in use is loaded
    opened: Driver = getattr(import_module(f".{module}", __name__), name)(target, workers, isolated)
    return opened


def _kind(target: str | Path, isolated: bool) -> str:
    if not isinstance(target, str) or "://" not in target:
        return _kind_of_file(target, isolated)
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(target).get_backend_name()
    except (ArgumentError, ValueError):  # their text may hold a part of the password
        raise UsageError("the database URL is malformed", hint="write KIND://USER:PASSWORD@HOST/NAME") from None


def _kind_of_file(target: str | Path, isolated: bool) -> str:
    """What the suffix says, else the first bytes; SQLite's driver tells what is wrong with something else."""
    if not isinstance(target, (str, Path)) or not str(target):
        return "sqlite"
    known = _SUFFIXES.get(Path(target).suffix.lower())
    return known or ("duckdb" if first_bytes(target, isolated)[8:12] == b"DUCK" else "sqlite")
