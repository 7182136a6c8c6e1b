"""SQLite files: read only by several layers (`_sqlite_engine`), in child processes that can be ended."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import DatabaseError

from ._file import check_file
from ._file_driver import FileDriver
from ._sqlite_engine import Engine
from .samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..limits import Limits
    from ._engine import FileEngine
    from .base import Reflection

__all__ = ["SqliteDriver"]

T = TypeVar("T")
_TABLES = frozenset((".csv", ".tsv", ".txt", ".json", ".jsonl", ".parquet", ".xlsx", ".ods"))


class SqliteDriver(FileDriver):
    """One SQLite file; arguments and errors as of `FileDriver`."""

    dialect: ClassVar[str] = "sqlite"
    engine: ClassVar[type[FileEngine]] = Engine
    log: ClassVar[str] = "-wal"
    samples = Samples()

    def reflect(self, read: Callable[[Reflection], T], limits: Limits) -> T:
        """As `Driver.reflect`; again where a writer came in between."""
        from ._sqlite_reflect import reflection

        def probe(view: str) -> str:
            return self._probe(self.samples.name(view), limits)

        for _attempt in range(3):
            before = self._opening(limits)
            with reflection(str(self.path), before["immutable"], probe, self.explain) as reader:
                found = read(reader)
            if not before["immutable"] or before == self._opening(limits):
                return found
        raise DatabaseError("the file changed while its schema was read, three times in a row", where=self.where)

    def _opening(self, limits: Limits) -> dict[str, Any]:
        """How the file has to be opened now; a worker looks, since reading it here could break another's locks."""
        check_file(self.path)
        with closing(self._pool.run({"seconds": limits.seconds}, limits.memory)) as answers:
            return dict(next(answers)[1])

    @staticmethod
    def explain(message: str, path: str) -> DatabaseError:
        """As `FileDriver.explain`."""
        low = message.lower()
        if "readonly database" in low:
            return DatabaseError(
                f"a program died while writing; the file must be recovered first ({message})",
                where=path,
                hint="open it once with write access, for instance: sqlite3 FILE 'SELECT 1 FROM sqlite_master'",
            )
        if "unable to open" in low and os.path.exists(path + "-wal") and not os.path.exists(path + "-shm"):
            return DatabaseError(
                f"the write-ahead log holds changes that cannot be read without writing ({message})",
                where=path,
                hint="open it once with write access, for instance: sqlite3 FILE 'PRAGMA wal_checkpoint'",
            )
        hints = {
            "locked": "another program is writing; try again",
            "not a database": "it is no SQLite file, or it is encrypted",
            "malformed": "the file is damaged; restore a copy or try sqlite3 FILE .recover",
        }
        if "not a database" in low and Path(path).suffix.lower() in _TABLES:
            hint = "import it, for instance: sqlite3 NEW.sqlite '.import --csv FILE TABLE' (for CSV)"
            return DatabaseError("this is a file with a table, not a database", where=path, hint=hint)
        return DatabaseError(message, where=path, hint=next((hints[word] for word in hints if word in low), ""))
