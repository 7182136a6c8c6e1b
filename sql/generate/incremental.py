"""The incremental generator: a chat model builds the query condition by condition, and mends each step on its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError
from ctxprune.utils.validation import check_whole

from ..database.statements import expects_rows
from .base import GENERATORS
from .decompose import DecomposeGenerator
from .extract import extract_sql
from .prompts.conditions import ConditionsPrompt

if TYPE_CHECKING:
    from ..guard.execution import Outcome
    from .base import Request
    from .decompose import CallSequence
    from .prompts.decompose import SubQuestion

__all__ = ["IncrementalGenerator"]


@GENERATORS.register("incremental.v1")
@dataclass(frozen=True)
class IncrementalGenerator(DecomposeGenerator):
    """Splits the question into targets and conditions, and adds one condition a step to the query of the step before.

    After MAG-SQL (Xie et al., "MAG-SQL: Multi-Agent Generative Approach with Soft Schema Linking and Iterative Sub-SQL
    Refinement for Text-to-SQL", 2024): where a sub-query fails, or gives nothing although it should (see
    `expects_rows`), the model writes it again from what the database said, before the next step builds on it. What is
    no better than before is dropped, and a step builds on the last sub-query that works. The last query is the
    candidate; a pipeline repairs it as it does all candidates.

    With p parts it costs at most 1 + p + (p - 1) · `refinements` calls for the first candidate; p is `prompt.most` at
    most. Without a runner nothing is refined. Other attributes as those of `DecomposeGenerator`.

    Attributes:
        prompt: Writes the prompts; a `ConditionsPrompt`.
        refinements: Further queries for one sub-query at most, 0 or more.

    Raises:
        UsageError: As `DecomposeGenerator`; or `prompt` is of another kind.
    """

    prompt: ConditionsPrompt = field(default_factory=ConditionsPrompt)
    refinements: int = 2

    name = "incremental.v1"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("refinements", self.refinements, minimum=0)
        if not isinstance(self.prompt, ConditionsPrompt):
            raise UsageError(f"{type(self.prompt).__name__} is not a ConditionsPrompt", where="prompt")

    def _checked(self, calls: CallSequence, question: str, outcome: Outcome) -> SubQuestion:
        """The part with the best query that the model writes for it."""
        part, tried = self._ran(question, outcome), {_spaced(outcome.asked)}
        for turn in range(1, self.refinements + 1):
            if self.runner is None or not _needs_refining(outcome, calls.request):
                break
            (answer,) = calls.ask(self.prompt.refine(calls.request, part))[:1]
            sql = extract_sql(answer.text).sql
            if not sql or _spaced(sql) in tried:
                break  # at temperature 0 the same question would bring the same answer
            tried.add(_spaced(sql))
            again = self.runner.run(sql)
            # A second failure is taken, so that the next turn sees its error; a second empty result tells nothing new.
            if again.rank > outcome.rank or again.rank == outcome.rank == 1:
                break
            outcome, part = again, self._ran(question, again, turn)
        return part


def _needs_refining(outcome: Outcome, request: Request) -> bool:
    """Whether a sub-query fails, or gives nothing where that speaks against it."""
    return outcome.rank == 2 or (outcome.rank == 1 and expects_rows(outcome.asked, request.schema.dialect))


def _spaced(sql: str) -> str:
    return " ".join(sql.split())
