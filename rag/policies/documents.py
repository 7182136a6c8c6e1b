"""Whole documents: how relevant each is by its sentences, and dropping the others before any sentence is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.relevance import DocumentRule, TopMean, document_scores
from ctxprune.utils.validation import is_number

from .base import WrappedPolicy, best_of, closed, select_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy, Selection

    from .base import Select

__all__ = ["BestDocuments", "DocumentRule", "TopMean", "document_scores"]


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
        """See `ctxprune.policies.base.Policy.select`."""
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
