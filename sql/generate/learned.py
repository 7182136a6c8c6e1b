"""The learned generator: a question whose answer the team has taught comes with that answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..knowledge.entries import same_question
from .base import GENERATORS, Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Request

__all__ = ["LearnedGenerator"]


@GENERATORS.register("learned.v1")
@dataclass(frozen=True)
class LearnedGenerator:
    """Offers the query of each example of the request that asks the same question, words compared without case,
    punctuation and inflection; nothing for any other question."""

    paths: tuple[str, ...] = ("full",)
    name: str = "learned.v1"

    def generate(self, request: Request) -> Sequence[Candidate]:
        """At most one candidate an example, score 1."""
        asked = same_question(request.question)
        same = [example for example in request.examples if asked and same_question(example.question) == asked]
        note = "learned: {}"
        return [
            Candidate(example.sql, self.name, request.path, 1.0, notes=(note.format(example.question),))
            for example in same[: request.n]
        ]
