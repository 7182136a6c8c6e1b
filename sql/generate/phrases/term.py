"""One reading of a noun phrase, and what the question around it is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .plan import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlglot import exp

    from ..sketch.view import ColumnFacts

__all__ = ["Term", "Topic", "best_terms", "is_moment", "unit_of"]

_UNIT = re.compile(r"\bin (?:no\. of |number of )?(second|minute|hour|day)s?\b")


@dataclass(frozen=True)
class Term:
    """One reading of a phrase.

    Attributes:
        score: 0..1, higher is likelier.
        expressions: What is selected; () for a thing, which is shown by its name or key.
        table: The table of a thing, or the one the column is of.
        kind: "column", "thing" or "measure".
    """

    score: float
    expressions: tuple[exp.Expression, ...] = ()
    table: str = ""
    kind: str = "column"

    @property
    def key(self) -> tuple[str, ...]:
        """What tells two readings apart."""
        return self.kind, self.table if self.kind == "thing" else "", *(text_of(one) for one in self.expressions)

    def scaled(self, factor: float) -> Term:
        """The same reading with another score."""
        return replace(self, score=self.score * factor)


@dataclass(frozen=True)
class Topic:
    """What the question is about.

    Attributes:
        owner: Number of the table whose rows are asked for; None where not known.
        focus: How clearly the question mentions each table, 0..1.
        formulas: By the stems of a name, what the evidence says that it stands for.
        condition_table: The table of the first condition; "" without one.
        unit: In what times are to be told: "day", "hour", "minute" or "second".
    """

    owner: int | None = None
    focus: Mapping[int, float] = field(default_factory=dict)
    formulas: Mapping[tuple[str, ...], Term] = field(default_factory=dict)
    unit: str = "day"
    condition_table: str = ""


def is_moment(facts: ColumnFacts) -> bool:
    """Whether a column holds dates or times, by its type, or by its name where the type is no number."""
    return facts.kind == "date" or (
        facts.kind == "text" and bool({"date", "datetime", "timestamp"} & set(facts.name.stems))
    )


def unit_of(text: str) -> str:
    """In what times are to be told: "in seconds"."""
    match = _UNIT.search(text)
    return match[1] if match else "day"


def best_terms(found: Iterable[Term], most: int) -> list[Term]:
    """The best readings, each once."""
    held: dict[tuple[str, ...], Term] = {}
    for term in sorted(found, key=lambda term: -term.score):
        held.setdefault(term.key, term)
    return list(held.values())[:most]
