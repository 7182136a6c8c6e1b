"""How a question ended, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from ..account.reading import Reading
    from ..linking.doubts import Doubt

__all__ = ["ANSWERED", "GUESS_BELOW", "OUTCOMES", "TENTATIVE", "UNANSWERED", "Assessment", "Outcome"]

Outcome = Literal["answered", "tentative", "unanswered"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ANSWERED, TENTATIVE, UNANSWERED = OUTCOMES
#: Confidence below which an answer is a guess: it is right less often than one in five times.
GUESS_BELOW = 0.2


@dataclass(frozen=True)
class Assessment:
    """What is known about the chosen candidate.

    Attributes:
        outcome: "answered" (nothing important of the question is left over, and the confidence reaches the bar),
            "tentative" (rows, with doubts), or "unanswered" (no rows are shown).
        confidence: 0..1, probability that the rows answer the question.
        reading: Which words of the question which part of the query stands for; None where that could not be told.
        unused: Words of the question that no part of the query explains, as the question writes them.
        doubts: Why the answer may be wrong, in the order of weight; () where nothing speaks against it.
        other_sql: The most likely query with another result; "" where there is none.
        other_notes: The same in words, where its generator gave them.
        question_back: A question for the person who asked, where two readings stand; "" otherwise.
        reason: Why it is unanswered; "" otherwise.
    """

    outcome: Outcome
    confidence: float
    reading: Reading | None = None
    unused: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    other_sql: str = ""
    other_notes: tuple[str, ...] = ()
    question_back: str = ""
    reason: str = ""
