"""When the rows of an answer are right: one of several references (sql-eval), or Spider's rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ctxprune.errors import DatabaseError

from ..equality import contains_columns, equal_results
from ..run import EVALUATION_LIMITS, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...database.database import Database
    from ..equality import Row

__all__ = ["AnyReference", "Match", "RowRule", "SpiderRows"]

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Match:
    """How a result compares with the references.

    Attributes:
        right: It has the rows of one.
        lenient: It has them, perhaps with further columns.
    """

    right: bool = False
    lenient: bool = False


class RowRule(Protocol):
    """When an answer is right."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def judge(self, database: Database, golds: Sequence[str], queries: Sequence[str]) -> list[Match]:
        """One match for each query; a query that fails is wrong.

        Raises:
            DatabaseError: No reference runs, or its result is too large to compare.
        """


@dataclass(frozen=True)
class AnyReference:
    """The rule of sql-eval: rows equal those of any reference as a multiset.

    Columns may stand in any order, numbers are compared to 4 decimals, and two empty results are equal.
    """

    name: str = "any-reference"

    def judge(self, database: Database, golds: Sequence[str], queries: Sequence[str]) -> list[Match]:
        """See `RowRule`; references that fail are left out as long as one runs."""
        references = _references(database, golds)
        return [_match(references, _rows(database, query)) for query in queries]


@dataclass(frozen=True)
class SpiderRows:
    """Spider's execution accuracy against the first reference; `lenient` is the same."""

    name: str = "spider"

    def judge(self, database: Database, golds: Sequence[str], queries: Sequence[str]) -> list[Match]:
        """See `RowRule`."""
        verdicts = [score(database, golds[0], query) for query in queries]
        return [Match(right, right) for right in verdicts]


def _references(database: Database, golds: Sequence[str]) -> list[list[Row]]:
    found, failures = [], []
    for gold in golds:
        try:
            result = database.execute(gold, limits=EVALUATION_LIMITS)
        except DatabaseError as error:
            failures.append(error)
            continue
        if result.truncated:
            raise DatabaseError("the reference's result is too large to compare", where=database.name)
        found.append(_rounded(result.rows))
    if not found:
        raise failures[0] if failures else DatabaseError("the question has no reference", where=database.name)
    return found


def _rows(database: Database, query: str) -> list[Row] | None:
    try:
        result = database.execute(query, limits=EVALUATION_LIMITS)
    except DatabaseError:
        return None
    return None if result.truncated else _rounded(result.rows)


def _rounded(rows: Sequence[Row]) -> list[Row]:
    return [tuple(map(_cell, row)) for row in rows]


def _cell(value: object) -> object:
    """Numbers to 4 decimals, whole ones as int: the comparison sorts cells by type as well as by value."""
    if not isinstance(value, float):
        return value
    number = round(value, _DIGITS)
    return int(number) if number.is_integer() else number


def _match(references: Sequence[Sequence[Row]], rows: Sequence[Row] | None) -> Match:
    if rows is None:
        return Match()
    right = any(equal_results(gold, rows, ordered=False) for gold in references)
    return Match(right, right or any(contains_columns(gold, rows) for gold in references))
