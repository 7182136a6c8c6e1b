"""What SQL may run: one allow-list over the parsed statement; all else is refused with a short reason.

What comes back is text generated from the tree that was checked, then read and checked once more. Only that text may
run: comments, hints and spellings on which a parser and a database could disagree are gone from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ctxprune.errors import GuardError, UsageError

if TYPE_CHECKING:
    from ..schema.schema import Schema
    from ._scope import Catalog

__all__ = ["DIALECTS", "Guard", "Verdict", "check"]

_SUGGESTION = re.compile(r"\s*(?:\((?:Perhaps you meant|There is a column)|Candidate \w+:|Did you mean\b).*", re.DOTALL)
DIALECTS = ("duckdb", "mysql", "postgres", "sqlite")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's answer.

    Attributes:
        allowed: Whether the statement may run.
        reason: One short sentence without a full stop; "" when allowed.
        sql: Generated text, the only text that may run; "" when refused.
    """

    allowed: bool
    reason: str
    sql: str


@dataclass(frozen=True)
class Guard:
    """Checks statements of one dialect, for one caller.

    Args:
        dialect: "sqlite", "postgres", "mysql" or "duckdb".
        schema: What the caller may see. Every table and column that the query reads must be in it, and a star stands
            for its columns only. None: any table and column, system catalogues excepted.

    Raises:
        UsageError: The dialect is unknown.
    """

    dialect: str = "sqlite"
    schema: Schema | None = None

    def __post_init__(self) -> None:
        if self.dialect not in DIALECTS:
            raise UsageError(f"no dialect is named {self.dialect!r}", hint=f"known: {', '.join(DIALECTS)}")

    @cached_property
    def _catalog(self) -> Catalog | None:
        from ._scope import Catalog

        return None if self.schema is None else Catalog(self.schema, self.dialect)

    def check(self, sql: str) -> Verdict:
        """Whether `sql` may run, and as what text. Never raises for bad SQL.

        Raises:
            GuardError: The compiled sqlglot is installed, with which nothing can be checked.
        """
        from ._check import Refusal, approve

        try:
            return Verdict(True, "", approve(sql, dialect=self.dialect, catalog=self._catalog))
        except Refusal as refusal:
            return Verdict(False, str(refusal), "")

    def require(self, sql: str) -> str:
        """The text that may run.

        Raises:
            GuardError: The statement is refused; `what` is the reason.
        """
        verdict = self.check(sql)
        if not verdict.allowed:
            raise GuardError(verdict.reason, where=self.dialect, hint="one SELECT on the tables you may see")
        return verdict.sql

    def redact(self, message: str) -> str:
        """A database's error without the names that it suggests, where a column or a table may be hidden.

        PostgreSQL and DuckDB answer a name that they do not find with similar ones, whoever may see those.
        """
        schema = self.schema
        if schema is None or (schema.complete and all(table.complete for table in schema.tables)):
            return message
        return _SUGGESTION.sub("", message)


def check(sql: str, *, dialect: str = "sqlite", schema: Schema | None = None) -> Verdict:
    """Whether `sql` may run; see `Guard`.

    Raises:
        UsageError: The dialect is unknown.
    """
    return Guard(dialect, schema).check(sql)
