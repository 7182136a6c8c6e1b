"""What a reader of conditions returns: clauses of the question with the tests that they may mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from sqlglot import exp

__all__ = ["Clause", "Conditions", "Option"]


@dataclass(frozen=True, slots=True)
class Option:
    """One test that a clause may mean.

    Attributes:
        score: 0..1, higher is likelier; comparable between the options of one clause.
        test: A condition for WHERE. Columns are qualified by the real names of their tables, without aliases; tables
            inside a sub-query of the test have aliases of their own ("X1").
        tables: The tables outside of any sub-query that the test needs, in schema spelling.
        kind: "date", "time", "comparison", "id", "value", "boolean", "null", "absence", "existence" or "pattern".
        note: What a person should know about it; "" for nothing.
    """

    score: float
    test: exp.Expression
    tables: tuple[str, ...]
    kind: str
    note: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.score <= 1.0:
            raise UsageError(f"score is {self.score!r}, it must be between 0 and 1", where="score")


@dataclass(frozen=True, slots=True)
class Clause:
    """Characters [start, end) of the question that state a condition, and what it may mean, the likeliest first."""

    start: int
    end: int
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class Conditions:
    """All conditions of a question.

    Attributes:
        clauses: In the question's order; their spans are disjoint.
        problems: Sentences for people about conditions that cannot hold or cannot be written, such as a 31 February.
    """

    clauses: tuple[Clause, ...]
    problems: tuple[str, ...] = ()
