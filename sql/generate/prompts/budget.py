"""A prompt within a token budget."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ctxprune.errors import GenerationError
from ctxprune.tokens import BundledCounter
from ctxprune.utils.validation import check_number

from .base import prompt_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ctxprune.llm.base import Message
    from ctxprune.tokens import TokenCounter

    from ...schema.schema import Schema
    from ..base import Request
    from .base import Prompt

__all__ = ["Budgeted"]


@dataclass(frozen=True)
class Budgeted:
    """Any prompt within a token budget: the least important parts are removed until the rest fits.

    In this order: examples, the least similar first; comments and example values of columns; matched values but the
    three first; where a linker scored them, columns, the least likely first; the last matched values. Question and
    evidence are never cut. Put it inside `WithExamples`, so that examples can be left out.

    Attributes:
        prompt: Writes the request.
        tokens: Of the whole conversation at most, 1 or more.
        counter: Counts them; give the model's own tokenizer where the limit is hard.

    Raises:
        UsageError: The number is out of its range.
    """

    prompt: Prompt
    tokens: int
    counter: TokenCounter = field(default_factory=BundledCounter)

    def __post_init__(self) -> None:
        check_number("tokens", self.tokens, minimum=1)

    @property
    def name(self) -> str:
        """The prompt's."""
        return self.prompt.name

    @property
    def stop(self) -> tuple[str, ...]:
        """The prompt's."""
        return self.prompt.stop

    def messages(self, request: Request) -> Sequence[Message]:
        """The prompt's, of as much of the request as fits.

        Raises:
            GenerationError: Not even the least of it fits.
        """
        needed = 0
        for smaller in _smaller(request):
            written = self.prompt.messages(smaller)
            needed = self.counter.count(prompt_text(written))
            if needed <= self.tokens:
                return written
        hint = "raise the budget, or cut the schema with a linker"
        raise GenerationError(
            f"the prompt needs {needed} tokens and may have {self.tokens}", where=self.name, hint=hint
        )


def _smaller(request: Request) -> Iterator[Request]:
    """The request, then smaller and smaller ones."""
    yield request
    # The steps are ordered by what they cost in answers: examples help least, columns most.
    for kept in reversed(range(len(request.examples))):
        request = replace(request, examples=request.examples[:kept])
        yield request
    request = replace(request, schema=_bare(request.schema))
    yield request
    request = replace(request, hits=request.hits[:3])
    yield request
    whole = request.schema
    scores = request.linked.scores if request.linked is not None else {}
    ranked = sorted(whole.refs(), key=lambda ref: -scores.get(ref, 0.0)) if scores else []
    kept = len(ranked)
    while kept > 1:
        # A quarter at a time: each step writes and counts a whole prompt.
        kept = kept * 3 // 4
        request = replace(request, schema=whole.subset(ranked[:kept]))
        yield request
    yield replace(request, hits=())


def _bare(schema: Schema) -> Schema:
    """`schema` with names, types and keys only."""
    tables = []
    for table in schema.tables:
        columns = (replace(column, comment="", description="", examples=()) for column in table.columns)
        tables.append(replace(table, columns=tuple(columns), comment="", description=""))
    return replace(schema, tables=tuple(tables))
