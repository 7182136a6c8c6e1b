"""What a scorer is, and the checks on what it gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = [
    "BatchRelevanceScorer",
    "BatchScorer",
    "RelevanceScorer",
    "Scorer",
    "check_scorer",
    "score_batch",
]


@runtime_checkable
class Scorer(Protocol):
    """Reads a question and the units of a context.

    A scorer may also have `async ascore(query, context)`, which the async forms then await, and `score_batch`
    (`BatchScorer`), which gets a whole batch at once.
    """

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,), finite, higher = keep; each scorer documents its range. (0,) if there is no unit."""
        ...


@runtime_checkable
class BatchScorer(Scorer, Protocol):
    """A scorer that gains from seeing several questions together."""

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """For each pair of query and context what `score` gives for it."""
        ...


@runtime_checkable
class RelevanceScorer(Scorer, Protocol):
    """A scorer that also says how relevant each document of a context is, from the same pass."""

    def score_documents(self, query: str, context: Context[Any]) -> tuple[Scores, Scores]:
        """Scores of the units, as `score` gives them, and of the documents.

        Args:
            query: The question.
            context: One with `sources`, int (n_units,): the document of each unit, rising from 0.

        Returns:
            float32 (n_units,) and float32 (n_documents,), n_documents being the last source plus one; finite, higher =
            more relevant. A document without units may get any score that is no higher than the others'.
        """
        ...


@runtime_checkable
class BatchRelevanceScorer(RelevanceScorer, Protocol):
    """A scorer that gains from seeing several questions and their documents together."""

    def score_documents_batch(
        self, queries: Sequence[str], contexts: Sequence[Context[Any]]
    ) -> list[tuple[Scores, Scores]]:
        """For each pair of query and context what `score_documents` gives for it."""
        ...


def check_scorer(value: object, name: str = "scorer") -> None:
    """Make sure that an argument, called `name`, is a scorer.

    Raises:
        UsageError: It is none, or a class in place of an object.
    """
    if not isinstance(value, Scorer) or isinstance(value, type):
        raise UsageError(f"{name} is {value!r}", hint="give a scorer")


def score_batch(scorer: Scorer, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
    """Checked scores for each pair of query and context, through the scorer's own batch form if it has one.

    Raises:
        UsageError: Different numbers of queries and contexts, or scores that `as_scores` refuses.
    """
    if len(queries) != len(contexts):
        raise UsageError(f"{len(queries)} queries do not match {len(contexts)} contexts", hint="give one for each")
    if isinstance(scorer, BatchScorer):
        batch = list(scorer.score_batch(queries, contexts))
        if len(batch) != len(queries):
            raise UsageError(f"{len(batch)} results for a batch of {len(queries)}", where=type(scorer).__name__)
    else:
        batch = [scorer.score(query, context) for query, context in zip(queries, contexts, strict=True)]
    return [
        as_scores(scores, len(context.units), source=type(scorer).__name__)
        for scores, context in zip(batch, contexts, strict=True)
    ]
