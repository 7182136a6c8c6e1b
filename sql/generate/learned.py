"""The learned generator: it answers a question that the team's knowledge holds with the stored query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ctxprune.errors import UsageError
from ctxprune.utils.foreign import check_method

from ..question import same_question
from .base import GENERATORS, Candidate, Generator
from .examples import Example

if TYPE_CHECKING:
    from .base import Request

__all__ = ["KnowledgeSource", "LearnedGenerator", "as_knowledge_source"]


class KnowledgeSource(ABC):
    """Knows the answers to questions; a `BoundKnowledge`.

    `as_knowledge_source` accepts any other object with the method `find_answers`.
    """

    @abstractmethod
    def find_answers(self, question: str) -> Sequence[Example]:
        """The stored pairs with the same question that may be used."""


@dataclass(frozen=True)
class _AdaptedSource(KnowledgeSource):
    """An object of the user with the method `find_answers`."""

    source: Any

    def find_answers(self, question: str) -> Sequence[Example]:
        answers = self.source.find_answers(question)
        if not isinstance(answers, Sequence) or not all(isinstance(answer, Example) for answer in answers):
            kind = type(self.source).__name__
            raise UsageError(f"{kind}.find_answers must return a sequence of Example objects", where="find_answers")
        return answers


def as_knowledge_source(source: object) -> KnowledgeSource:
    """`source` itself where it is a `KnowledgeSource`, else an adapter of an object with the method `find_answers`.

    Raises:
        UsageError: It has no such method.
    """
    if isinstance(source, KnowledgeSource):
        return source
    check_method(source, "find_answers", "a knowledge source")
    return _AdaptedSource(source)


@GENERATORS.register("learned.v1")
@dataclass(frozen=True)
class LearnedGenerator(Generator):
    """Returns the query of each stored pair with the same question, compared without case, punctuation and inflection;
    no candidate for any other question.

    Attributes:
        knowledge: Where pairs are looked up beside the request's examples; None for those alone.

    Raises:
        UsageError: `knowledge` is not a knowledge source.
    """

    knowledge: KnowledgeSource | None = None
    paths: tuple[str, ...] = ("full",)
    name: str = "learned.v1"

    def __post_init__(self) -> None:
        if self.knowledge is not None:
            object.__setattr__(self, "knowledge", as_knowledge_source(self.knowledge))

    def generate(self, request: Request) -> Sequence[Candidate]:
        """At most one candidate a query, score 1."""
        asked = same_question(request.question)
        stored = self.knowledge.find_answers(request.question) if self.knowledge is not None else ()
        same = [example for example in request.examples if asked and same_question(example.question) == asked]
        queries = {example.sql: example.question for example in (*stored, *same)}
        return [
            Candidate(sql, self.name, request.path, 1.0, notes=(f"learned: {question}",))
            for sql, question in list(queries.items())[: request.n]
        ]
