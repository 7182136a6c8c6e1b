"""What the caches in SQLite files share: their layout, and errors that say what is wrong with the file."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import FormatError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["WAIT", "CacheFile"]

WAIT = 30.0  # seconds that a writer waits for another process's lock


@dataclass(frozen=True)
class CacheFile:
    """One kind of cache.

    Attributes:
        what: In messages: "generation cache".
        format: Name of the layout.
        version: Of the layout.
        table: The statement that makes its table.
        older: Versions that are taken over as they are, and then are of `version`.
    """

    what: str
    format: str
    version: int
    table: str
    older: tuple[int, ...] = ()

    @contextmanager
    def errors(self, path: Path) -> Iterator[None]:
        """Turns what SQLite raises in the block into errors of ours.

        Raises:
            InputError: The file cannot be opened, read or written.
            FormatError: It is no SQLite file, or damaged.
        """
        try:
            yield
        except (OverflowError, UnicodeDecodeError, sqlite3.DataError) as error:
            raise FormatError(f"the {self.what} is damaged: {error}", where=str(path)) from error
        except sqlite3.OperationalError as error:
            raise InputError(f"the {self.what} cannot be used: {error}", where=str(path)) from error
        except sqlite3.DatabaseError as error:
            raise FormatError(f"no {self.what}: {error}", where=str(path)) from error

    def prepare(self, connection: sqlite3.Connection, path: Path) -> None:
        """Make the tables of a new file, else check what it is; in a transaction that is left open.

        Raises:
            FormatError: The file is something else, or of another version.
        """
        connection.execute("BEGIN IMMEDIATE")
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables:
            connection.execute("CREATE TABLE meta (format TEXT NOT NULL, version INTEGER NOT NULL)")
            connection.execute("INSERT INTO meta VALUES (?, ?)", (self.format, self.version))
            connection.execute(self.table)
            return
        if "meta" not in tables:
            raise FormatError("the file is another SQLite database", where=str(path))
        found = connection.execute("SELECT format, version FROM meta").fetchone()
        if found in [(self.format, version) for version in self.older]:
            connection.execute("UPDATE meta SET version = ?", (self.version,))
        elif found != (self.format, self.version):
            hint = f"this version reads {self.format} {self.version}: name another file, or delete this one"
            raise FormatError(f"unknown cache format {found}", where=str(path), hint=hint)
