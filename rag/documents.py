"""Whole documents: how relevant each is by its sentences, and dropping the others before any sentence is looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ctxprune._checks import is_number
from ctxprune.errors import UsageError

from ._policies import WrappedPolicy, best_of, closed, select_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context import Context
    from ctxprune.policies import Policy, Selection
    from ctxprune.scorers.base import Scores

    from ._policies import Select

__all__ = ["BestDocuments", "DocumentRule", "TopMean", "document_scores"]

DocumentRule: TypeAlias = "Callable[[NDArray[np.float32]], float]"


@dataclass(frozen=True)
class TopMean:
    """A document is as relevant as its `k` best sentences are on average; missing sentences count as the worst one.

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


@dataclass(frozen=True)
class BestDocuments(WrappedPolicy):
    """As `policy`, among the best documents only; units of the others are dropped with the reason "document".

    Pinned units stay, with what they require. A context that does not say which document a unit is from (`sources`)
    counts as one document.

    Attributes:
        policy: Chooses among the sentences of these documents.
        k: Documents at most, from 1 up; None for any number. Ties go to the earlier one.
        relative: Documents that score less than worst + relative * (best - worst) are left out, 0 to 1; None for none.
        rule: A document's score from those of its units; default `TopMean()`.
        relevance: Scores of the documents where they are known from elsewhere, in order; None to use the rule.

    Raises:
        UsageError: An argument is out of its range.
    """

    policy: Policy
    k: int | None = None
    relative: float | None = None
    rule: DocumentRule | None = None
    relevance: tuple[float, ...] | None = None
    word = "documents"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.k is not None and (not isinstance(self.k, int) or isinstance(self.k, bool) or self.k < 1):
            raise UsageError(f"k is {self.k!r}", hint="give a whole number from 1 up, or None")
        if self.relative is not None and not (is_number(self.relative) and 0 <= self.relative <= 1):
            raise UsageError(f"relative is {self.relative!r}", hint="give a number from 0 to 1, or None")

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `ctxprune.policies.Policy.select`."""
        return self._within(self.policy.select, scores, context, tokens)

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """The wrapped policy's choice where nothing reaches its cut, of the best documents."""
        return self._within(best_of(self.policy), scores, context, tokens)

    def _within(self, select: Select, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        sources = getattr(context, "sources", None)
        if sources is None or not len(sources):
            return select(scores, context, tokens)
        places = np.asarray(sources, dtype=np.intp)
        among = closed(self._best(scores, places)[places], context)
        reasons = {int(index): "document" for index in np.flatnonzero(~among)}
        return select_within(select, among, scores, context, tokens, reasons=reasons)

    def _best(self, scores: Scores, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        """bool (n_documents,): the documents that stay."""
        count = int(places.max()) + 1
        if self.relevance is None:
            relevance = document_scores(scores, places.tolist(), count, rule=self.rule)
        else:
            relevance = np.asarray(self.relevance, dtype=np.float32)
        if len(relevance) < count or not np.isfinite(relevance).all():
            raise UsageError(f"{len(relevance)} relevance scores for {count} documents", hint="give one for each")
        best = np.zeros(len(relevance), dtype=np.bool_)
        best[np.argsort(-relevance, kind="stable")[: self.k]] = True
        if self.relative is not None:
            low, high = float(relevance.min()), float(relevance.max())
            best &= relevance >= np.float32(min(high, low + self.relative * (high - low)))
        return best
