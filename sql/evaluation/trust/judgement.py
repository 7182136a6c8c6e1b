"""What came of one question: the answer's outcome and confidence, and whether its rows are right."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from ctxprune.errors import InputError

from ...trust.outcome import OUTCOMES

__all__ = ["Judgement"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One question of a run, as its log keeps it.

    Attributes:
        index, db_id, category: Which question.
        answerable: Whether the database can answer it.
        outcome: "answered", "tentative" or "unanswered", as `ctxprune.sql.trust.outcome` has it.
        confidence: The answer's own, 0..1.
        sql: The query shown; "" without one.
        right: Its rows are those of a reference.
        lenient: So they are where further columns beside the reference's do no harm.
        oracle: Some candidate of this question is right, chosen or not.
        withheld: There is no answer, although the candidate that the selection prefers is right.
        candidates: Number of different candidate queries that ran.
        scored: Whether `right` means anything: the question has a reference that runs.
        ms: Milliseconds from question to answer.
        error: Why there is no query, or why the reference failed; "" otherwise.
        model_error: Why a model call failed; "" where none did.
        group: Which conversation; "" outside of one.
        kind: How a follow-up was completed (`ctxprune.sql.rewrite`); "" outside of a conversation.
    """

    index: int
    db_id: str
    category: str
    answerable: bool
    outcome: str
    confidence: float
    sql: str
    right: bool = False
    lenient: bool = False
    oracle: bool = False
    withheld: bool = False
    candidates: int = 0
    scored: bool = True
    ms: float = 0.0
    error: str = ""
    model_error: str = ""
    group: str = ""
    kind: str = ""

    def record(self) -> dict[str, Any]:
        """For the log: everything."""
        return asdict(self)

    @classmethod
    def load(cls, record: Any, *, where: str = "") -> Judgement:
        """A judgement out of a log's line.

        Raises:
            InputError: It is none.
        """
        names = {field.name for field in fields(cls)}
        if isinstance(record, dict) and names <= record.keys():
            made = cls(**{name: record[name] for name in names})
            if type(made.index) is int and isinstance(made.right, bool) and made.outcome in OUTCOMES:
                return made
        raise InputError("not the judgement of a question", where=where)
