"""SQLite files: read only by several layers (`_sqlite_engine`), in child processes that can be ended."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError

from ._sqlite_file import check_file, fingerprint, resolve
from ._sqlite_pool import Pool
from .base import Driver, Request
from .samples import Samples

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from ..limits import Limits
    from .base import Cancel, Reflection

__all__ = ["SqliteDriver"]

T = TypeVar("T")
_PROBE_SECONDS = 2.0


class SqliteDriver(Driver):
    """One SQLite file.

    Args:
        target: Its path or SQLAlchemy URL.
        workers: Queries at the same time.
        isolated: Run them in child processes.

    Raises:
        UsageError: The target is no file.
        DatabaseError: There is no readable, non-empty file.
    """

    dialect: ClassVar[str] = "sqlite"
    path: Path

    def __init__(self, target: str | Path, workers: int, isolated: bool) -> None:
        self.path = resolve(target)
        check_file(self.path)
        self.name, self.where, self.identity = self.path.stem, str(self.path), str(self.path)
        self.samples = Samples()
        self._pool = Pool(str(self.path), workers, isolated)

    def run(self, request: Request, cancel: Cancel | None = None) -> Generator[list[Any], None, None]:
        """As `Driver.run`."""
        limits = request.limits
        told = {"sql": request.sql, "seconds": limits.seconds, "rows": limits.rows, "bytes": limits.bytes}
        if request.batch:
            told |= {"batch": request.batch, "rows": 1 << 62, "bytes": 1 << 62}
        yield from self._pool.run(told, limits.memory, cancel)

    def reflect(self, read: Callable[[Reflection], T], limits: Limits) -> T:
        """As `Driver.reflect`; again where a writer came in between."""
        from ._sqlite_reflect import reflection

        for _attempt in range(3):
            before = self._opening(limits)
            with reflection(str(self.path), before["immutable"], lambda name: self._probe(name, limits)) as reader:
                found = read(reader)
            if not before["immutable"] or before == self._opening(limits):
                return found
        raise DatabaseError("the file changed while its schema was read, three times in a row", where=self.where)

    def _probe(self, view: str, limits: Limits) -> str:
        """Why a view cannot be read; "" if it can."""
        limits = replace(limits, seconds=min(_PROBE_SECONDS, limits.seconds), rows=0)
        try:
            for _answer in self.run(Request(f"SELECT * FROM {self.samples.name(view)} LIMIT 0", limits)):  # noqa: S608
                pass
        except (QueryError, QueryLimitError, QueryTimeoutError) as error:
            return error.what
        return ""

    def _opening(self, limits: Limits) -> dict[str, Any]:
        """How the file has to be opened now; a worker looks, since reading it here could break another's locks."""
        check_file(self.path)
        with closing(self._pool.run({"seconds": limits.seconds}, limits.memory)) as answers:
            return dict(next(answers)[1])

    def fingerprint(self) -> str:
        """As `Driver.fingerprint`; no query, no file is opened."""
        return fingerprint(self.path)

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()
