"""What a kind of database has to offer, so that `Database` can do the rest.

A driver states only what is its own: how a query is run within limits, how the schema is read, which SQL looks at
stored data, and what tells that they have changed.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    from ...schema.schema import Schema, Table
    from ..limits import Limits
    from .samples import Samples

__all__ = ["Cancel", "Driver", "Reflection", "Request"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    """One query.

    Attributes:
        sql: One statement that returns rows; hostile until shown otherwise.
        limits: What it may use.
        batch: 0 for all rows at once. Otherwise rows come in lists of so many, the reader's own time between two of
            them does not count, and only `seconds` and `memory` of the limits hold.
    """

    sql: str
    limits: Limits
    batch: int = 0


class Cancel:
    """Lets another thread end a running query."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stop: Callable[[], object] | None = None
        self.cancelled = False

    def cancel(self) -> None:
        """End the query now, or as soon as it starts; a second call does nothing."""
        with self._lock:
            stop = None if self.cancelled else self._stop
            self.cancelled = True
            if stop is not None:
                stop()

    def watch(self, stop: Callable[[], object] | None) -> None:
        """Call `stop` on cancellation; None ends the watch."""
        with self._lock:
            self._stop = stop
            if self.cancelled and stop is not None:
                stop()


class Reflection(Protocol):
    """Reads a schema over one connection."""

    @property
    def tables(self) -> Mapping[str, bool]:
        """Names as in `Table.name`, in database order; True where it is a view."""
        ...

    @property
    def unreadable(self) -> Mapping[str, str]:
        """Why a table or view could not be read, by name; filled by `table` and `schema`."""
        ...

    def table(self, name: str) -> Table | None:
        """The table or view of exactly that name; None where it cannot be read."""
        ...

    def schema(self, name: str) -> Schema:
        """Everything that can be read; keys to what cannot are left out."""
        ...


class Driver(ABC):
    """One database of one kind. Safe to share between threads.

    Attributes:
        dialect: sqlglot's name of the SQL dialect.
        name: How prompts call the database unless told.
        where: What errors call it; never holds a password.
        identity: Another text for every other database; files that are kept for it are named after its digest. Never
            holds a password.
        path: The file, for a database that is one; None for a server.
        samples: The SQL that looks at stored data.
    """

    dialect: ClassVar[str]
    samples: Samples
    name: str
    where: str
    identity: str
    path: Path | None = None

    @abstractmethod
    def run(self, request: Request, cancel: Cancel | None = None) -> Generator[list[Any], None, None]:
        """Answers of one query as they come.

        Yields:
            ["rows", [row, ...]] with cells as in `ResultSet.rows`; ["reset"], which voids the rows so far (never with a
            batch); at last ["done", {"columns": [name, ...], "truncated": bool, "ms": float}].

        Raises:
            QueryError, QueryTimeoutError, QueryLimitError, DatabaseError: As `Database.execute`.
            asyncio.CancelledError: The question was cancelled before this query began.
        """

    def rows(self, sql: str, limits: Limits) -> list[tuple[Any, ...]]:
        """All rows of a query of the driver's own; errors as of `run`."""
        found: list[tuple[Any, ...]] = []
        for answer in self.run(Request(sql, limits)):
            if answer[0] == "rows":
                found += answer[1]
            elif answer[0] == "reset":
                found.clear()
        return found

    @abstractmethod
    def reflect(self, read: Callable[[Reflection], T], limits: Limits) -> T:
        """What `read` makes of one unchanging state of the schema.

        Raises:
            DatabaseError: The database cannot be read.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """16 hex digits that change whenever the stored data do.

        Raises:
            DatabaseError: The database cannot be read.
        """

    @abstractmethod
    def close(self) -> None:
        """Free what is held; running queries fail, a later one starts anew."""
