"""Few-shot examples in a prompt: similar questions with their queries."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.tokens import BundledCounter
from ctxprune.utils.validation import check_number

from ...question import same_question
from .base import example_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.llm.base import Message
    from ctxprune.tokens import TokenCounter

    from ..base import Request
    from ..examples import Example, ExampleSource
    from .base import Prompt

__all__ = ["WithExamples"]


@dataclass(frozen=True)
class WithExamples:
    """Any prompt, with the most similar answered questions in it.

    Few-shot selection by masked questions, as in PET-SQL (Li et al., 2024, arXiv:2403.09732); the examples stand behind
    the schema, so that the beginning of the prompt stays the same from question to question.

    Attributes:
        prompt: Writes the request.
        source: Finds the examples.
        n: Found ones come up to so many examples in all, 1 or more; those that a request has already all stay.
        tokens: Of all examples together at most, 1 or more; an example that would exceed it is left out.
        counter: Counts them.

    Raises:
        UsageError: A number is out of its range.
    """

    prompt: Prompt
    source: ExampleSource
    n: int = 2
    tokens: int = 400
    counter: TokenCounter = field(default_factory=BundledCounter)

    def __post_init__(self) -> None:
        check_number("n", self.n, minimum=1)
        check_number("tokens", self.tokens, minimum=1)

    @property
    def name(self) -> str:
        """The prompt's name and the number of examples."""
        return f"{self.prompt.name}+{self.n}"

    @property
    def stop(self) -> tuple[str, ...]:
        """The prompt's."""
        return self.prompt.stop

    def messages(self, request: Request) -> Sequence[Message]:
        """The prompt's, of the request with its examples; those that it already has come first, none comes twice."""
        if len(request.examples) < self.n:
            found = self.source.similar(request.question, request.schema, self.n, hits=request.hits)
            # Examples from the team's knowledge are there already and come first.
            known = {same_question(example.question) for example in request.examples}
            new = (example for example in found if same_question(example.question) not in known)
            request = replace(request, examples=(*request.examples, *new)[: self.n])
        return self.prompt.messages(replace(request, examples=self._fitting(request.examples, request.schema.name)))

    def _fitting(self, examples: Sequence[Example], own: str) -> tuple[Example, ...]:
        kept: tuple[Example, ...] = ()
        for example in examples:
            more = (*kept, example)
            # A long example is skipped, not the ones after it.
            if self.counter.count("\n".join(example_lines(more, own))) <= self.tokens:
                kept = more
        return kept
