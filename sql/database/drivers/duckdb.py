"""DuckDB files: read only by several layers (`_duckdb_engine`), in child processes that can be ended."""

from __future__ import annotations

import re
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import DatabaseError, MissingExtraError

from ..limits import Limits
from ._duckdb_engine import Engine
from ._duckdb_samples import DuckdbSamples
from ._file import check_file
from ._file_driver import FileDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ._engine import FileEngine
    from .base import Reflection

__all__ = ["DuckdbDriver"]

T = TypeVar("T")
_CATALOGUE = Limits(seconds=60.0, rows=10_000_000)
_HINTS = {
    "could not set lock": "another program has it open for writing: close it there, or give a copy of the file",
    "different configuration": "this process has it open with other settings: close that connection, or open it there "
    "with read_only=True and use isolated=True here",
    "not a valid duckdb database": "it is no DuckDB file, or it is damaged",
    "version number": "install the release of duckdb that wrote it, or write it again with EXPORT and IMPORT DATABASE",
    "serialize": "install the release of duckdb that wrote it, or write it again with EXPORT and IMPORT DATABASE",
    "checksum": "the file is damaged; restore a copy",
    "read enough": "the file is cut off; restore a copy",
    "wal": "the write-ahead log beside it cannot be read; open the database once with write access",
}


class DuckdbDriver(FileDriver):
    """One DuckDB file.

    Raises:
        MissingExtraError: duckdb is not installed.
        UsageError, DatabaseError: As `FileDriver`.
    """

    dialect: ClassVar[str] = "duckdb"
    engine: ClassVar[type[FileEngine]] = Engine
    log: ClassVar[str] = ".wal"
    samples = DuckdbSamples()

    def __init__(self, target: str | Path, workers: int, isolated: bool) -> None:
        if find_spec("duckdb") is None:
            raise MissingExtraError("duckdb", "duckdb")
        super().__init__(target, workers, isolated)

    def reflect(self, read: Callable[[Reflection], T], limits: Limits) -> T:
        """As `Driver.reflect`; again where a writer came in between."""
        from ._duckdb_reflect import DuckdbReflection

        for _attempt in range(3):
            check_file(self.path)
            before = self.fingerprint()
            found = read(DuckdbReflection(self._ask, lambda view: self._probe(view, limits)))
            if before == self.fingerprint():
                return found
        raise DatabaseError("the file changed while its schema was read, three times in a row", where=self.where)

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        return self.rows(sql, _CATALOGUE)

    @staticmethod
    def explain(message: str, path: str) -> DatabaseError:
        """As `FileDriver.explain`."""
        low = re.sub(r'"[^"]*"|\'[^\']*\'', "", message.lower())  # a path may hold any word
        hint = next((_HINTS[word] for word in _HINTS if word in low), "")
        return DatabaseError(message, where=path, hint=hint)
