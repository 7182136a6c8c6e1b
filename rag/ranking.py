"""Ranking and pruning documents in one pass."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.pruning.pruner import Pruner
from ctxprune.scorers.base import score_documents_batch
from ctxprune.utils.validation import check_whole

from .passages.passages import Passages
from .policies.documents import BestDocuments

if TYPE_CHECKING:
    from ctxprune.context.scores import Scores
    from ctxprune.pruning.result import Pruned
    from ctxprune.scorers.relevance import DocumentRule


__all__ = ["PassagePruner", "RankedPassages", "rank_scored"]


@dataclass(frozen=True)
class RankedPassages:
    """Documents after pruning, with how relevant each is.

    Attributes:
        pruned: The account; `pruned.output` holds as many texts as came in, in their order.
        relevance: One score a document, higher = more relevant.
        order: Indices of the documents of which something was kept, in the order asked for.
    """

    pruned: Pruned[list[str]]
    relevance: tuple[float, ...]
    order: tuple[int, ...]

    @property
    def texts(self) -> list[str]:
        """What was kept of each document, in `order`; documents that lost everything are left out."""
        return [self.pruned.output[index] for index in self.order]

    def to_list(self) -> list[dict[str, Any]]:
        """`corpus_id`, `score` and the kept `text` of each document, in `order`."""
        return [
            {"corpus_id": index, "score": self.relevance[index], "text": self.pruned.output[index]}
            for index in self.order
        ]


@dataclass(frozen=True)
class PassagePruner:
    """Ranks documents and prunes them to what the question needs, from one pass of the scorer.

    A scorer that knows how relevant a document is (`ranks_documents`) says so itself; otherwise a document is as
    relevant as `rule` makes of its sentences' scores. Safe to share between threads.

    Attributes:
        pruner: Scorer, policy and token counter; its budget is one for all documents together.
        documents: Documents of which sentences may be kept at most, the most relevant ones; None for all.
        reorder: Put the most relevant document first in the result; else they stay in the order they came in.
        rule: A document's relevance from the scores of its units, float32 (n,); default `TopMean()`.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    pruner: Pruner = field(default_factory=Pruner)
    documents: int | None = None
    reorder: bool = False
    rule: DocumentRule | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.pruner, Pruner):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a Pruner")
        check_whole("documents", self.documents, optional=True)

    def rank(
        self,
        query: str,
        documents: Sequence[str] | Passages,
        *,
        top_k: int | None = None,
        return_documents: bool = False,
    ) -> list[dict[str, Any]]:
        """The documents by falling relevance, in the form that sentence-transformers' `CrossEncoder.rank` gives.

        Args:
            query: The question.
            documents: The texts, or texts that are cut already.
            top_k: How many to give back; None for all.
            return_documents: Also give the whole text of each.

        Returns:
            A dict a document with `corpus_id` (its index), `score`, and `text` if asked for; ties in source order.

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
        """What `rank` gives for each query and its documents; the scorer sees the batch at once where it can.

        Raises:
            UsageError: As `rank`, or different numbers of queries and of lists of documents.
        """
        check_whole("top_k", top_k, optional=True)
        return [
            rank_scored(passages, relevance, top_k=top_k, return_documents=return_documents)
            for passages, _, relevance in self._scored(queries, documents)
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
        """What the documents keep for the query, and how relevant each is.

        Raises:
            UsageError, BudgetError: As `Pruner.prune`.
        """
        return self.prune_batch([query], [documents])[0]

    def prune_batch(
        self, queries: Sequence[str], documents: Sequence[Sequence[str] | Passages]
    ) -> list[RankedPassages]:
        """What `prune` gives for each query and its documents; the scorer sees the batch at once where it can.

        Raises:
            UsageError, BudgetError: As `prune`; also UsageError where the numbers differ. The whole batch fails.
        """
        start = time.perf_counter()
        scored = self._scored(queries, documents)
        share = (time.perf_counter() - start) / max(len(scored), 1)
        return [self.prune_scored(query, *found, seconds=share) for query, found in zip(queries, scored, strict=True)]

    async def aprune(self, query: str, documents: Sequence[str] | Passages) -> RankedPassages:
        """As `prune`, off the event loop's thread."""
        return await asyncio.to_thread(self.prune, query, documents)

    def _scored(
        self, queries: Sequence[str], documents: Sequence[Sequence[str] | Passages]
    ) -> list[tuple[Passages, Scores, Scores]]:
        """The passages with the scores of their units, float32 (n_units,), and of the documents that have any."""
        if isinstance(queries, str) or len(queries) != len(documents):
            raise UsageError(f"{len(queries)} queries do not match {len(documents)} lists of documents")
        for query in queries:
            if not isinstance(query, str) or not query.strip():
                raise UsageError(f"the query is {query!r}", hint="give a text that asks something")
        passages = [_as_passages(texts) for texts in documents]
        scorer: Any = self.pruner.scorer  # names were resolved by the constructor
        found = score_documents_batch(scorer, queries, passages, rule=self.rule)
        return [(context, *scores) for context, scores in zip(passages, found, strict=True)]

    def prune_scored(
        self, query: str, passages: Passages, scores: Scores, relevance: Scores, *, seconds: float = 0.0
    ) -> RankedPassages:
        """As `prune`, with what `ctxprune.scorers.relevance.score_documents` gave before, in so many seconds."""
        relevance = _padded(relevance, len(passages.texts))
        pruner = self.pruner
        if self.documents is not None and len(relevance) > self.documents:
            policy: Any = self.pruner.policy
            limited = BestDocuments(policy, self.documents, relevance=tuple(relevance.tolist()))
            pruner = replace(self.pruner, policy=limited)
        pruned = pruner.prune_scored(query, passages, scores, seconds=seconds)
        alive = sorted({unit.source for unit in pruned.kept if unit.source is not None})
        order = sorted(alive, key=lambda index: -relevance[index]) if self.reorder else alive
        return RankedPassages(pruned, tuple(map(float, relevance)), tuple(order))


def rank_scored(
    passages: Passages, relevance: Scores, *, top_k: int | None = None, return_documents: bool = False
) -> list[dict[str, Any]]:
    """What `PassagePruner.rank` gives, from what the scorer gave before.

    Args:
        passages: The documents.
        relevance: Of the documents, float32 (n_documents,), higher = more relevant; those at the end that are empty may
            be left out.
        top_k: How many to give back, from 1 up; None for all.
        return_documents: Also give the whole text of each.
    """
    relevance = _padded(relevance, len(passages.texts))
    order = np.argsort(-relevance, kind="stable")[:top_k].tolist()
    return [
        {"corpus_id": index, "score": float(relevance[index])}
        | ({"text": passages.texts[index]} if return_documents else {})
        for index in order
    ]


def _padded(relevance: Scores, size: int) -> Scores:
    """float32 (size,): empty documents at the end, which have no source of their own, are as bad as the worst."""
    whole = np.full(size, relevance.min() if len(relevance) else 0, dtype=np.float32)
    whole[: len(relevance)] = relevance
    return whole


def _as_passages(documents: Sequence[str] | Passages) -> Passages:
    return documents if isinstance(documents, Passages) else Passages(documents)
