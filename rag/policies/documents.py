"""Whole documents: the most relevant ones are kept, and the units of the others dropped before any unit is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.relevance import DocumentRule, TopMean, document_scores
from ctxprune.utils.validation import check_range, check_whole

from .base import WrappedPolicy, close_mask, select_within

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy, Request, Selection

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

    Examples:
        ```python
        from ctxprune import TokenBudget, prune
        from ctxprune.rag import BestDocuments, TopMean

        texts = ["The bridge opened in 1933. It is long.", "Cats sleep. Dogs bark."]
        # a document is as good as its best sentence
        policy = BestDocuments(TokenBudget(100), k=1, rule=TopMean(1))
        kept = prune("When did the bridge open?", texts, policy=policy)
        print(kept.output)  # ['The bridge opened in 1933. It is long.', '']
        ```
    """

    policy: Policy
    k: int | None = None
    relative: float | None = None
    rule: DocumentRule | None = None
    relevance: tuple[float, ...] | None = None
    word = "documents"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("k", self.k, optional=True)
        check_range("relative", self.relative, optional=True)

    def select(self, request: Request) -> Selection:
        """See `ctxprune.policies.Policy.select`."""
        return self._select_documents(self.policy.select, request)

    def select_fallback(self, request: Request) -> Selection:
        """The wrapped policy's choice where nothing reaches its cut, of the best documents."""
        return self._select_documents(self.policy.select_fallback, request)

    def _select_documents(self, select: Select, request: Request) -> Selection:
        sources = request.context.sources
        if sources is None or not len(sources):
            return select(request)
        places = np.asarray(sources, dtype=np.intp)
        among = close_mask(self._choose_documents(request.scores, places)[places], request.context)
        reasons = {int(index): "document" for index in np.flatnonzero(~among)}
        return select_within(select, among, request, reasons=reasons)

    def _choose_documents(self, scores: Scores, places: NDArray[np.intp]) -> NDArray[np.bool_]:
        """bool (n_documents,): the documents that stay."""
        count = int(places.max()) + 1
        if self.relevance is None:
            relevance = document_scores(scores, places.tolist(), count, rule=self.rule)
        else:
            relevance = np.asarray(self.relevance, dtype=np.float32)
        # More scores than documents are allowed: the last documents may have no units.
        if len(relevance) < count or not np.isfinite(relevance).all():
            raise UsageError(f"{len(relevance)} relevance scores for {count} documents", hint="give one for each")
        best = np.zeros(len(relevance), dtype=np.bool_)
        # Stable: of equally relevant documents the earlier one stays.
        best[np.argsort(-relevance, kind="stable")[: self.k]] = True
        if self.relative is not None:
            low, high = float(relevance.min()), float(relevance.max())
            best &= relevance >= np.float32(min(high, low + self.relative * (high - low)))
        return best
