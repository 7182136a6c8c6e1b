"""Ranking and pruning documents in one pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.policies.base import as_policy
from ctxprune.pruning.pruner import Pruner
from ctxprune.pruning.spans import describe_total, start_prune
from ctxprune.scorers.base import score_documents_batch
from ctxprune.utils.tracing import start_span
from ctxprune.utils.validation import check_whole

from .passages.passages import Passages
from .policies.documents import BestDocuments

if TYPE_CHECKING:
    from ctxprune.context.scores import Scores
    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.relevance import DocumentRule

    from .expansion import Expansion, StepExpander

__all__ = ["PassagePruner", "RankedPassages", "rank_scored"]


@dataclass(frozen=True)
class RankedPassages:
    """Documents after pruning, with how relevant each is.

    Attributes:
        pruned: Result of the pruner; `pruned.output` has as many texts as were given, in their order.
        relevance: One score for each document, higher = more relevant.
        order: Indices of the documents of which something was kept, in the requested order.
        expansion: What was searched for besides the query, or why nothing was; None without an expander, or where
            `prune_scored` got the scores.

    Examples:
        ```python
        from ctxprune.rag import PassagePruner, RankedPassages


        def best(found: RankedPassages) -> str:
            return found.texts[0]


        texts = ["Cats sleep.", "The bridge opened in 1933."]
        print(best(PassagePruner().prune("When did the bridge open?", texts)))
        # The bridge opened in 1933.
        ```
    """

    pruned: Pruned[list[str]]
    relevance: tuple[float, ...]
    order: tuple[int, ...]
    expansion: Expansion | None = None

    @property
    def texts(self) -> list[str]:
        """What was kept of each document, in `order`, without documents of which nothing was kept."""
        return [self.pruned.output[index] for index in self.order]

    def to_list(self) -> list[dict[str, Any]]:
        """`corpus_id`, `score` and the kept `text` of each document, in `order`."""
        return [
            {"corpus_id": index, "score": self.relevance[index], "text": self.pruned.output[index]}
            for index in self.order
        ]


@dataclass(frozen=True)
class PassagePruner:
    """Ranks documents and prunes them to what the question needs, with one pass of the scorer.

    A scorer with relevance scores of its own (`ranks_documents`) is asked for them; otherwise `rule` computes the
    relevance of a document from the scores of its sentences. Safe to share between threads.

    Attributes:
        pruner: Scorer, policy and token counter; its budget is one for all documents together.
        documents: Most documents of which sentences may be kept, the most relevant ones; None for all.
        reorder: Put the most relevant document first in the result; else they keep their order.
        rule: A document's relevance from the scores of its units, float32 (n,); default `TopMean()`.
        expander: Also scores the documents for the steps that a chat model names for the query, see `StepExpander`;
            None scores them for the query alone.

    Raises:
        UsageError: An argument is of the wrong kind or out of range, or the policy was calibrated for the scorer and
            there is an expander.
    """

    pruner: Pruner = field(default_factory=Pruner)
    documents: int | None = None
    reorder: bool = False
    rule: DocumentRule | None = None
    expander: StepExpander | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pruner, Pruner):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a Pruner")
        check_whole("documents", self.documents, optional=True)
        if self.expander is None:
            return
        from .expansion import StepExpander  # brings the chat models and sqlite3 along, which pruning does not need

        if not isinstance(self.expander, StepExpander):
            raise UsageError(f"expander is a {type(self.expander).__name__}", hint="give a StepExpander, or None")
        try:
            # Mixed scores are no longer the scorer's, so that a bound on its risk does not hold for them.
            as_policy(self.pruner.policy).check_scorer(self.expander)
        except UsageError as error:
            hint = "give another policy, or no expander"
            raise UsageError("the policy was calibrated for scores without expansion", hint=hint) from error

    def rank(
        self,
        query: str,
        documents: Sequence[str] | Passages,
        *,
        top_k: int | None = None,
        return_documents: bool = False,
    ) -> list[dict[str, Any]]:
        """Rank the documents by falling relevance, in the form of sentence-transformers' `CrossEncoder.rank`.

        Args:
            query: The question.
            documents: The texts, or `Passages`.
            top_k: Number of documents to return; None for all.
            return_documents: Also return the whole text of each.

        Returns:
            For each document a dict with `corpus_id` (its index), `score`, and `text` if requested; ties keep order.

        Raises:
            UsageError: An empty query, or an argument of the wrong kind.
        """
        found = self.rank_batch([query], [documents], top_k=top_k, return_documents=return_documents)
        return found[0]

    def rank_batch(
        self,
        queries: Sequence[str],
        documents: Sequence[Sequence[str] | Passages],
        *,
        top_k: int | None = None,
        return_documents: bool = False,
    ) -> list[list[dict[str, Any]]]:
        """Rank each query's documents; a scorer that takes batches gets all at once.

        Raises:
            UsageError: As `rank`, or different numbers of queries and of lists of documents.
        """
        check_whole("top_k", top_k, optional=True)
        return [
            rank_scored(passages, relevance, top_k=top_k, return_documents=return_documents)
            for passages, _, relevance, _ in self._score_batch(queries, documents)
        ]

    async def arank(
        self,
        query: str,
        documents: Sequence[str] | Passages,
        *,
        top_k: int | None = None,
        return_documents: bool = False,
    ) -> list[dict[str, Any]]:
        """As `rank`, off the event loop's thread."""
        return await asyncio.to_thread(self.rank, query, documents, top_k=top_k, return_documents=return_documents)

    def prune(self, query: str, documents: Sequence[str] | Passages) -> RankedPassages:
        """Prune the documents for the query, and rank them.

        Raises:
            UsageError, BudgetError: As `Pruner.prune`.
        """
        return self.prune_batch([query], [documents])[0]

    def prune_batch(
        self, queries: Sequence[str], documents: Sequence[Sequence[str] | Passages]
    ) -> list[RankedPassages]:
        """Prune each query's documents; a scorer that takes batches gets all at once.

        Raises:
            UsageError, BudgetError: As `prune`; also UsageError where the numbers differ. The whole batch fails.
        """
        with start_prune(queries) as span:
            start = time.perf_counter()
            scored = self._score_batch(queries, documents)
            # Scoring is one pass for the batch: each result reports an equal share of its time.
            share = (time.perf_counter() - start) / max(len(scored), 1)
            pairs = zip(queries, scored, strict=True)
            ranked = [
                replace(self.prune_scored(query, context, units, relevance, seconds=share), expansion=expansion)
                for query, (context, units, relevance, expansion) in pairs
            ]
            describe_total(span, [found.pruned for found in ranked])
            return ranked

    async def aprune(self, query: str, documents: Sequence[str] | Passages) -> RankedPassages:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, query, documents)

    def _score_batch(
        self, queries: Sequence[str], documents: Sequence[Sequence[str] | Passages]
    ) -> list[tuple[Passages, Scores, Scores, Expansion | None]]:
        """The passages with the scores of their units, float32 (n_units,), and of the documents that have units."""
        if isinstance(queries, str) or len(queries) != len(documents):
            raise UsageError(f"{len(queries)} queries do not match {len(documents)} lists of documents")
        for query in queries:
            if not isinstance(query, str) or not query.strip():
                raise UsageError(f"the query is {query!r}", hint="give a text that asks something")
        with start_span("ctxprune.prune.segment"):
            passages = [_as_passages(texts) for texts in documents]
        scorer: Any = self.pruner.scorer  # names were resolved by the constructor
        if self.expander is not None:
            return self._score_expanded(self.expander, queries, passages)
        with start_span("ctxprune.prune.score"):
            found = score_documents_batch(scorer, queries, passages, rule=self.rule)
        return [(context, *scores, None) for context, scores in zip(passages, found, strict=True)]

    def _score_expanded(
        self, expander: StepExpander, queries: Sequence[str], passages: Sequence[Passages]
    ) -> list[tuple[Passages, Scores, Scores, Expansion | None]]:
        """As `_score_batch`; the scorer sees the queries and all their steps at once."""
        expansions = [expander.expand(query) for query in queries]
        asked = [query for expansion in expansions for query in expansion.queries]
        contexts = [context for context, expansion in zip(passages, expansions, strict=True) for _ in expansion.queries]
        with start_span("ctxprune.prune.score"):
            found = iter(score_documents_batch(self.pruner.scorer, asked, contexts, rule=self.rule))
        return [
            (context, *expander.mix_scores([next(found) for _ in expansion.queries]), expansion)
            for context, expansion in zip(passages, expansions, strict=True)
        ]

    def prune_scored(
        self, query: str, passages: Passages, scores: Scores, relevance: Scores, *, seconds: float = 0.0
    ) -> RankedPassages:
        """Prune with scores computed before by `ctxprune.scorers.base.score_documents`, in `seconds`."""
        relevance = _pad_relevance(relevance, len(passages.texts))
        pruner = self.pruner
        if self.documents is not None and len(relevance) > self.documents:
            # The limit is a policy around the pruner's own, so that the budget is spent on these documents only.
            policy: Any = self.pruner.policy
            limited = BestDocuments(policy, self.documents, relevance=tuple(relevance.tolist()))
            pruner = replace(self.pruner, policy=limited)
        pruned = pruner.prune_scored(query, passages, scores, seconds=seconds)
        documents = sorted({unit.source for unit in pruned.kept if unit.source is not None})
        order = sorted(documents, key=lambda index: -relevance[index]) if self.reorder else documents
        return RankedPassages(pruned, tuple(map(float, relevance)), tuple(order))


def rank_scored(
    passages: Passages, relevance: Scores, *, top_k: int | None = None, return_documents: bool = False
) -> list[dict[str, Any]]:
    """Rank documents as `PassagePruner.rank` does, from relevance scores computed before.

    Args:
        passages: The documents.
        relevance: Of the documents, float32 (n_documents,), higher = more relevant; empty ones at the end may be
            missing.
        top_k: Number of documents to return, from 1 up; None for all.
        return_documents: Also return the whole text of each.
    """
    relevance = _pad_relevance(relevance, len(passages.texts))
    # Stable: documents of equal relevance keep their order.
    order = np.argsort(-relevance, kind="stable")[:top_k].tolist()
    return [
        {"corpus_id": index, "score": float(relevance[index])}
        | ({"text": passages.texts[index]} if return_documents else {})
        for index in order
    ]


def _pad_relevance(relevance: Scores, size: int) -> Scores:
    """float32 (size,): empty documents at the end, which have no units, get the relevance of the worst."""
    whole = np.full(size, relevance.min() if len(relevance) else 0, dtype=np.float32)
    whole[: len(relevance)] = relevance
    return whole


def _as_passages(documents: Sequence[str] | Passages) -> Passages:
    return documents if isinstance(documents, Passages) else Passages(documents)
