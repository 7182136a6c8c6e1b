"""What all databases that are one file have in common: a pool of engines, and what the file itself tells."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.errors import DatabaseError, QueryError, QueryLimitError, QueryTimeoutError

from ._file import check_file, fingerprint, resolve
from ._pool import Pool
from .base import Driver, Request

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ..limits import Limits
    from ._engine import FileEngine
    from .base import Cancel

__all__ = ["FileDriver"]

_PROBE_SECONDS = 2.0


class FileDriver(Driver):
    """One file.

    Args:
        target: Its path or SQLAlchemy URL.
        workers: Queries at the same time.
        isolated: Run them in child processes.

    Attributes:
        engine: What runs queries.
        log: What follows the file's name in that of its write-ahead log.

    Raises:
        UsageError: The target is no file.
        DatabaseError: There is no readable, non-empty file.
    """

    engine: ClassVar[type[FileEngine]]
    log: ClassVar[str]
    path: Path

    def __init__(self, target: str | Path, workers: int, isolated: bool) -> None:
        self.path = resolve(target, self.dialect)
        check_file(self.path)
        self.name, self.where, self.identity = self.path.stem, str(self.path), str(self.path)
        self._pool = Pool(self.engine, str(self.path), workers, isolated, self.explain)

    @staticmethod
    @abstractmethod
    def explain(message: str, path: str) -> DatabaseError:
        """What it means that the engine cannot use the file."""

    def run(self, request: Request, cancel: Cancel | None = None) -> Generator[list[Any], None, None]:
        """As `Driver.run`."""
        limits = request.limits
        message = {"sql": request.sql, "seconds": limits.seconds, "rows": limits.rows, "bytes": limits.bytes}
        if request.batch:
            message |= {"batch": request.batch, "rows": 1 << 62, "bytes": 1 << 62}
        yield from self._pool.run(message, limits.memory, cancel)

    def _probe(self, view: str, limits: Limits) -> str:
        """Why a view, named as in FROM, cannot be read; "" if it can."""
        limits = replace(limits, seconds=min(_PROBE_SECONDS, limits.seconds), rows=0)
        try:
            for _answer in self.run(Request(f"SELECT * FROM {view} LIMIT 0", limits)):  # noqa: S608
                pass
        except (QueryError, QueryLimitError, QueryTimeoutError) as error:
            return error.what
        return ""

    def fingerprint(self) -> str:
        """As `Driver.fingerprint`; no query, no file is opened."""
        return fingerprint(self.path, self.dialect, self.log)

    def close(self) -> None:
        """End the worker processes."""
        self._pool.close()
