"""What all databases on a server have in common: connections, one read-only transaction a query, limits, deadlines."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from contextlib import contextmanager
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar

from ctxprune.errors import DatabaseError, QueryTimeoutError
from ctxprune.utils.cancellation import check_cancelled

from ..limits import Limits
from ._engine import cost
from ._sessions import Sessions
from ._watch import Watch
from .base import Driver
from .server_url import ServerURL

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from .base import Cancel, Request
    from .session import Session

__all__ = ["WRONG_PASSWORD", "ServerDriver"]

WRONG_PASSWORD = "check the user and the password of the URL"  # noqa: S105 - a hint
_CONNECT_SECONDS = 10
_END_SECONDS = 1.0
_STATE = Limits(seconds=30.0, rows=1_000_000)


class ServerDriver(Driver):
    """One database on a server.

    Every query is a read-only transaction of its own, always rolled back, over one of at most `workers` connections,
    which are reused. The deadline holds even where the server hangs. A connection that was lost while it was idle is
    replaced; one lost during a query is an error, since the query may be why.

    Args:
        target: A SQLAlchemy URL.
        workers: Queries at the same time.

    Attributes:
        url: The URL taken apart.
        options: What may follow "?" in the URL.
        state_sql: A query whose rows change whenever the stored data do.
        failures: Root classes of the errors of the driver's package.

    Raises:
        UsageError: The URL is malformed.
        MissingExtraError: The driver's package is not installed.
    """

    options: ClassVar[frozenset[str]]
    state_sql: ClassVar[str]
    failures: tuple[type[Exception], ...]

    def __init__(self, target: str | Path, workers: int, _isolated: bool) -> None:
        self.url = ServerURL.parse(str(target), self.options)
        self.name, self.where = self.url.name, str(self.url)
        self.identity = self.where
        self._sessions = Sessions(workers)

    @abstractmethod
    def connect(self, seconds: int) -> Session:
        """A new connection, given up after so many seconds, at least 2."""

    @abstractmethod
    def explain(self, error: Exception) -> DatabaseError:
        """What an error of the driver's package means, as the subclass of DatabaseError that says so."""

    def run(self, request: Request, cancel: Cancel | None = None) -> Generator[list[Any], None, None]:
        """As `Driver.run`."""
        check_cancelled()
        watch = Watch(request.limits.seconds, cancel)
        with self._sessions.turn(bool(request.batch)):
            session = self._begun(request, watch)
            try:
                if request.batch:
                    yield from self._batches(session, request, watch)
                    truncated = False
                else:
                    rows, truncated = self._rows(session, request, watch)
                    yield ["rows", rows]
                columns = list(session.columns)
            finally:
                if session.resting and not watch.fired and self._ended(session):
                    self._sessions.give_back(session)
                else:
                    self._sessions.drop(session)
            yield ["done", {"columns": columns, "truncated": truncated, "ms": watch.spent * 1000}]

    def _begun(self, request: Request, watch: Watch) -> Session:
        """A session inside a transaction. Connections that were lost are passed over: no query began on them."""
        while True:
            session = self._sessions.idle()
            fresh = session is None
            if session is None:
                session = self._connected(request.limits.seconds)
            try:
                with self._report_errors(session, watch), watch.over(session):
                    session.begin(request.limits, bool(request.batch))
                return session
            except DatabaseError:
                retry = session.lost and not fresh and not watch.fired
                self._sessions.drop(session)
                if not retry:
                    raise

    def _connected(self, seconds: float) -> Session:
        try:
            session = self.connect(min(_CONNECT_SECONDS, max(2, ceil(seconds))))
        except self.failures as error:
            raise self.explain(error) from error
        self._sessions.add(session)
        return session

    def _rows(self, session: Session, request: Request, watch: Watch) -> tuple[list[tuple[Any, ...]], bool]:
        rows: list[tuple[Any, ...]] = []
        left, most = request.limits.bytes, request.limits.rows
        with self._report_errors(session, watch), watch.over(session):
            session.start(request.sql)
            for row in session.fetch(most + 1):
                left -= sum(map(cost, row))
                if left < 0 and len(rows) < most:
                    return rows, True
                rows.append(row)
        return rows[:most], len(rows) > most

    def _batches(self, session: Session, request: Request, watch: Watch) -> Generator[list[Any], None, None]:
        with self._report_errors(session, watch), watch.over(session):
            session.start(request.sql)
        full = True
        while full:
            with self._report_errors(session, watch), watch.over(session):
                rows = list(session.fetch(request.batch))
            if rows:
                yield ["rows", rows]
            full = len(rows) == request.batch

    def _ended(self, session: Session) -> bool:
        watch = Watch(_END_SECONDS, None)
        try:
            with watch.over(session):
                session.end()
        except self.failures:
            return False
        return not watch.fired

    @contextmanager
    def _report_errors(self, session: Session, watch: Watch) -> Iterator[None]:
        """Errors of the driver's package as ours."""
        try:
            yield
        except self.failures as error:
            if watch.fired:
                raise QueryTimeoutError(
                    "the query ran past its deadline", where=self.where, hint="simplify it or raise Limits.seconds"
                ) from error
            if not self._sessions.holds(session):
                raise DatabaseError("the database was closed during the query", where=self.where) from error
            raise self.explain(error) from error

    def fingerprint(self) -> str:
        """As `Driver.fingerprint`; one query over the server's own counts, however large the tables."""
        return hashlib.sha256(repr(self.rows(self.state_sql, _STATE)).encode()).hexdigest()[:16]

    def close(self) -> None:
        """Close the connections."""
        self._sessions.close()
