"""Runs statements through the guard and, where it lets them through, on both databases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ctxprune.sql.guard import Guard

from .tables import schema

if TYPE_CHECKING:
    from .engines import Answer, Pair
    from .grammar import Statement, Writer
    from .mutator import Mutator

__all__ = ["Fuzzer", "Leak", "Tally"]


class Leak(NamedTuple):
    """An allowed statement that tells the two databases apart."""

    sql: str
    written: str
    bait: tuple[str, ...]
    answers: tuple[Answer, Answer]


@dataclass
class Tally:
    """What became of the statements.

    Attributes:
        generated: How many there were.
        allowed: Of them the guard let through.
        executed: Of those gave rows on both databases.
        limited: Of those reached a limit of the engine on one of them, and say nothing.
        leaks: Those whose rows or errors differ.
        reasons: Most frequent reasons of refusals and errors, for tuning the grammar.
    """

    generated: int = 0
    allowed: int = 0
    executed: int = 0
    limited: int = 0
    leaks: list[Leak] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


class Fuzzer:
    """Checks statements of one dialect against what the caller may see.

    Args:
        dialect: sqlite, duckdb, postgres or mysql.
        pair: Two databases that differ in the rest.
    """

    def __init__(self, dialect: str, pair: Pair) -> None:
        self.guard = Guard(dialect, schema(dialect))
        self._pair = pair

    def run(self, writer: Writer | Mutator, count: int, start: int = 0) -> Tally:
        """Statements `start` to `start + count - 1` of `writer`."""
        tally = Tally()
        for number in range(start, start + count):
            self.check(writer.statement(number), tally)
        return tally

    def check(self, statement: Statement, tally: Tally) -> None:
        """Add what becomes of one statement."""
        tally.generated += 1
        verdict = self.guard.check(statement.sql)
        if not verdict.allowed:
            tally.reasons[f"refused: {verdict.reason[:60]}"] += 1
            return
        tally.allowed += 1
        first, second = map(self._told, self._pair.ask(verdict.sql))
        if "limit" in (first[0], second[0]):
            tally.limited += 1
        elif first != second:
            tally.leaks.append(Leak(statement.sql, verdict.sql, statement.bait, (first, second)))
        elif first[0] == "rows":
            tally.executed += 1
        else:
            tally.reasons[f"error: {str(first[1])[:70]}"] += 1

    def _told(self, answer: Answer) -> Answer:
        """What the caller is told: of an error, what the guard leaves of it."""
        kind, said = answer
        return (kind, self.guard.redact(str(said))) if kind == "error" else answer
