"""How relevant a whole document is: by the scorer itself where it knows, else by the scores of its sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ctxprune.context.scores import as_scores
from ctxprune.errors import UsageError
from ctxprune.scorers.base import BatchRelevanceScorer, RelevanceScorer, score_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.base import Scorer

__all__ = ["DocumentRule", "TopMean", "document_scores", "score_documents", "score_documents_batch"]

DocumentRule: TypeAlias = "Callable[[NDArray[np.float32]], float]"


@dataclass(frozen=True)
class TopMean:
    """A document is as relevant as its `k` best sentences are on average; missing sentences count as the worst one.

    Of eight rules 2 ranked best for BM25 on SciFact's training claims (benchmarks/studies/rerank_rules.py).

    Attributes:
        k: 1 takes the best sentence alone; from 1 up.

    Raises:
        UsageError: k is under 1.
    """

    k: int = 2

    def __post_init__(self) -> None:
        if not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 1:
            raise UsageError(f"k is {self.k!r}", hint="give a whole number from 1 up")

    def __call__(self, scores: NDArray[np.float32]) -> float:
        """Mean of the k best of `scores`, float32 (n_sentences,), one or more."""
        best = np.sort(scores)[::-1][: self.k]
        return float((best.sum() + (self.k - len(best)) * best[-1]) / self.k)


def document_scores(
    scores: Scores, sources: Sequence[int], documents: int, *, rule: DocumentRule | None = None
) -> Scores:
    """Relevance of each document: float32 (documents,), higher = more relevant.

    Args:
        scores: float32 (n_units,).
        sources: The document of each unit, int (n_units,), 0 to documents - 1.
        documents: How many there are; those without units get a score just below the worst of the others, or 0.
        rule: From the scores of one document's units to its own; default `TopMean()`.
    """
    rule = TopMean() if rule is None else rule
    places = np.asarray(sources, dtype=np.intp)
    order = np.argsort(places, kind="stable")
    numbers, starts = np.unique(places[order], return_index=True)
    parts = np.split(scores[order], starts[1:]) if len(order) else []
    found = np.asarray([rule(part) for part in parts], dtype=np.float32)
    floor = np.nextafter(found.min(), np.float32(-np.inf)) if len(found) else np.float32(0)
    relevance = np.full(documents, floor, dtype=np.float32)
    relevance[numbers] = found
    return relevance


def score_documents(
    scorer: Scorer, query: str, context: Context[Any], *, rule: DocumentRule | None = None
) -> tuple[Scores, Scores]:
    """Checked scores of the units and of the documents, from one pass.

    Args:
        scorer: One that knows documents (`RelevanceScorer`) is asked; of others the units' scores are taken by `rule`.
        query: The question.
        context: One without `sources` is one document.
        rule: See `document_scores`.

    Returns:
        float32 (n_units,) and float32 (n_documents,), n_documents being the last source plus one.

    Raises:
        UsageError: Scores that `as_scores` refuses.
    """
    return score_documents_batch(scorer, [query], [context], rule=rule)[0]


def score_documents_batch(
    scorer: Scorer, queries: Sequence[str], contexts: Sequence[Context[Any]], *, rule: DocumentRule | None = None
) -> list[tuple[Scores, Scores]]:
    """What `score_documents` gives for each pair; the scorer sees the batch at once where it can."""
    if isinstance(scorer, BatchRelevanceScorer):
        both = scorer.score_documents_batch(queries, contexts)
        return [_checked(scorer, *pair, context) for pair, context in zip(both, contexts, strict=True)]
    if isinstance(scorer, RelevanceScorer):
        return [
            _checked(scorer, *scorer.score_documents(query, context), context)
            for query, context in zip(queries, contexts, strict=True)
        ]
    lists = score_batch(scorer, queries, contexts)
    return [
        (scores, document_scores(scores, _sources(context), _count(context), rule=rule))
        for scores, context in zip(lists, contexts, strict=True)
    ]


def _checked(scorer: Scorer, units: Scores, documents: Scores, context: Context[Any]) -> tuple[Scores, Scores]:
    where = type(scorer).__name__
    size = len(context.units)
    return as_scores(units, size, source=where), as_scores(documents, _count(context), source=where)


def _sources(context: Context[Any]) -> Sequence[int]:
    sources = getattr(context, "sources", None)
    return [0] * len(context.units) if sources is None else sources


def _count(context: Context[Any]) -> int:
    return max(_sources(context), default=-1) + 1
