"""How relevant a document is, from the scores of its units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ctxprune.utils.validation import check_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["DocumentRule", "TopMean", "count_documents", "document_scores", "document_sources"]

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
        check_whole("k", self.k)

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

    Examples:
        ```python
        import numpy as np

        from ctxprune.rag import TopMean, document_scores

        # two sentences of one document, one of another
        scores = np.asarray([0.9, 0.1, 0.3], dtype=np.float32)
        print(document_scores(scores, [0, 0, 1], 2, rule=TopMean(1)))  # [0.9 0.3]
        ```
    """
    rule = TopMean() if rule is None else rule
    # Sorted by document and cut at the borders: one pass, however many documents there are.
    places = np.asarray(sources, dtype=np.intp)
    order = np.argsort(places, kind="stable")
    numbers, starts = np.unique(places[order], return_index=True)
    parts = np.split(scores[order], starts[1:]) if len(order) else []
    found = np.asarray([rule(part) for part in parts], dtype=np.float32)
    # A document without units must not tie with one that was read, however little that one says.
    floor = np.nextafter(found.min(), np.float32(-np.inf)) if len(found) else np.float32(0)
    relevance = np.full(documents, floor, dtype=np.float32)
    relevance[numbers] = found
    return relevance


def document_sources(context: Context[Any]) -> Sequence[int]:
    """The document of each unit, int (n_units,)."""
    return [0] * len(context.units) if context.sources is None else context.sources


def count_documents(context: Context[Any]) -> int:
    """The last source plus one; of a context without sources 1, or 0 if it has no units."""
    return max(document_sources(context), default=-1) + 1
