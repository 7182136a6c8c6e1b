"""The learned generator: a question whose answer the team has taught comes with that answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..question import same_question
from .base import GENERATORS, Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .base import Request
    from .examples import Example

__all__ = ["LearnedGenerator", "Taught"]


class Taught(Protocol):
    """Knows the answers of questions; a `BoundKnowledge`."""

    def taught(self, question: str) -> Sequence[Example]:
        """Those pairs that may be used and ask the same."""
        ...


@GENERATORS.register("learned.v1")
@dataclass(frozen=True)
class LearnedGenerator:
    """Offers the query of each pair that asks the same question, words compared without case, punctuation and
    inflection; nothing for any other question.

    Attributes:
        knowledge: Where pairs are looked up beside the request's examples; None for those alone.
    """

    knowledge: Taught | None = None
    paths: tuple[str, ...] = ("full",)
    name: str = "learned.v1"

    def generate(self, request: Request) -> Sequence[Candidate]:
        """At most one candidate a query, score 1."""
        asked = same_question(request.question)
        taught = self.knowledge.taught(request.question) if self.knowledge is not None else ()
        same = [example for example in request.examples if asked and same_question(example.question) == asked]
        queries = {example.sql: example.question for example in (*taught, *same)}
        return [
            Candidate(sql, self.name, request.path, 1.0, notes=(f"learned: {question}",))
            for sql, question in list(queries.items())[: request.n]
        ]
