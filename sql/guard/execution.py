"""Running a text only as the guard gave it back."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import GuardError, QueryError, QueryLimitError, QueryTimeoutError
from ctxprune.utils.cancellation import check_cancelled

from ..database.equality import is_hollow

if TYPE_CHECKING:
    from ..database.database import Limits, ResultSet

__all__ = ["Checker", "GuardedRunner", "Outcome", "Runner"]

_QUOTED = re.compile(r"(['\"]).*\1", re.DOTALL)


class Runner(Protocol):
    """Runs SQL; a `Database`."""

    def execute(self, sql: str, *, limits: Limits | None = None) -> ResultSet:
        """Rows, or an error under `DatabaseError`."""
        ...


class Checker(Protocol):
    """Gives back the text that may run; a `Guard`."""

    def require(self, sql: str) -> str:
        """The text, or a GuardError."""
        ...

    def redact(self, message: str) -> str:
        """A database's error without names that the caller may not see."""
        ...


@dataclass(frozen=True)
class Outcome:
    """How one text ended.

    Attributes:
        asked: The text as it came.
        sql: The text that ran; "" when the guard refused it.
        result: None when it failed.
        error: The guard's or the database's own words; "" when it ran.
    """

    asked: str
    sql: str
    result: ResultSet | None = None
    error: str = ""

    @property
    def rank(self) -> int:
        """0 for rows, 1 for a hollow result, 2 for a failure."""
        return 2 if self.result is None else int(is_hollow(self.result))


@dataclass(frozen=True)
class GuardedRunner:
    """The only way from a candidate to the database.

    Attributes:
        database: Runs the text.
        guard: Decides what text that is.
        limits: Of each execution; None for the database's own.
        private: Whether cells may be secret: what the database quotes in an error, which may be one ("bad JSON path:
            'x'"), is struck out.
    """

    database: Runner
    guard: Checker
    limits: Limits | None = None
    private: bool = False

    def run(self, sql: str) -> Outcome:
        """Guard and run one text.

        Raises:
            DatabaseError: The database itself cannot be used (missing, locked, damaged); a query that it rejects, or
                that hits a limit, is an outcome with an error instead.
        """
        check_cancelled()
        try:
            text = self.guard.require(sql)
        except GuardError as error:
            return Outcome(sql, "", error=error.what)
        try:
            return Outcome(sql, text, self._execute(text))
        except (QueryError, QueryTimeoutError, QueryLimitError) as error:
            return Outcome(sql, text, error=error.what)

    def fetch(self, sql: str) -> tuple[str, ResultSet]:
        """The text that ran in place of `sql`, and its rows.

        Raises:
            GuardError: The guard refuses it.
            QueryError, QueryTimeoutError, QueryLimitError: As `Database.execute`; a message tells nothing that the
                caller may not see.
            DatabaseError: The database itself cannot be used.
        """
        check_cancelled()
        text = self.guard.require(sql)
        return text, self._execute(text)

    def _execute(self, text: str) -> ResultSet:
        try:
            return self.database.execute(text, limits=self.limits)
        except (QueryError, QueryTimeoutError, QueryLimitError) as error:
            what = self.guard.redact(error.what)
            what = _QUOTED.sub(r"\1…\1", what) if self.private else what
            raise type(error)(what, where=error.where, hint=error.hint) from error
