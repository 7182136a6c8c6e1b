"""Scorers made of other scorers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer, as_scorer, score_batch, score_documents
from ctxprune.scorers.lexical.chargram import ChargramScorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.relevance import document_sources
from ctxprune.utils.validation import check_number, is_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.scorers.relevance import DocumentRule

__all__ = ["DocumentFusion", "ReciprocalRankFusion", "WeightedFusion"]


@dataclass(frozen=True)
class _Fusion(Scorer):
    """Runs the members, one batch each; a subclass says how their scores become one.

    Attributes:
        scorers: The members, one or more.
        weights: A weight over 0 for each member; () gives all the same weight.

    Raises:
        UsageError: No member, or weights that do not match.
    """

    scorers: tuple[Scorer, ...] = (LexicalScorer(), ChargramScorer())
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.scorers:
            raise UsageError("a fusion needs at least one scorer")
        if self.weights and len(self.weights) != len(self.scorers):
            raise UsageError(f"{len(self.weights)} weights do not match {len(self.scorers)} scorers")
        if not all(is_number(weight) and weight > 0 for weight in self.weights):
            raise UsageError(f"weights are {self.weights!r}", hint="give numbers over 0")

    def score(self, query: str, context: Context[Any]) -> Scores:
        """The fused scores, as the class says."""
        return self.score_batch([query], [context])[0]

    def score_batch(self, queries: Sequence[str], contexts: Sequence[Context[Any]]) -> list[Scores]:
        """The fused scores of each pair; every member sees the whole batch at once."""
        members = [score_batch(scorer, queries, contexts) for scorer in self.scorers]
        weights = np.asarray(self.weights or (1.0,) * len(self.scorers))
        # Shares of 1, so that the fused score stays in the members' range whatever the weights.
        shares = weights / weights.sum()
        return [
            np.asarray(shares @ np.stack([self._scale(scores) for scores in lists]), dtype=np.float32)
            for lists in zip(*members, strict=True)
        ]

    @abstractmethod
    def _scale(self, scores: Scores) -> Scores:
        """The scores of one member, so that those of all members can be added."""


@dataclass(frozen=True)
class ReciprocalRankFusion(_Fusion):
    """Weighted mean of (k + 1) / (k + rank) over the members: float32 (n_units,), 0 < score <= 1, higher = keep.

    Ranks start at 1; units that a member scores alike share the worst of their ranks, so that a member whose scores are
    all equal raises none. Only the order within one context means anything: use it with TopK or TokenBudget.
    Cormack, Clarke and Büttcher, SIGIR 2009.

    Attributes:
        k: How little the first ranks stand out, 0 or more.

    Examples:
        ```python
        from ctxprune import (
            ChargramScorer,
            LexicalScorer,
            ReciprocalRankFusion,
            TopK,
            prune,
        )

        scorer = ReciprocalRankFusion((LexicalScorer(), ChargramScorer()))
        text = "The bridge is long. Its opening was in 1933."
        print(prune("When did it open?", text, scorer=scorer, policy=TopK(1)).output)
        # Its opening was in 1933.
        ```
    """

    k: float = 60.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("k", self.k, minimum=0)

    def _scale(self, scores: Scores) -> Scores:
        # The right side gives equal scores the worst of their ranks.
        ranks = np.searchsorted(np.sort(-scores), -scores, side="right")
        scaled: Scores = ((self.k + 1) / (self.k + ranks)).astype(np.float32)
        return scaled


@dataclass(frozen=True)
class WeightedFusion(_Fusion):
    """Weighted mean of the members' scores, each stretched to 0..1 within the context: float32 (n_units,), 0 to 1.

    A member whose scores are all equal adds 0 to each.

    Examples:
        ```python
        from ctxprune import ChargramScorer, LexicalScorer, WeightedFusion, prune

        scorer = WeightedFusion((LexicalScorer(), ChargramScorer()), weights=(2.0, 1.0))
        text = "The bridge is long. It did open in 1933."
        print(prune("When did it open?", text, scorer=scorer, budget=9).output)
        # It did open in 1933.
        ```
    """

    def _scale(self, scores: Scores) -> Scores:
        if not scores.size:
            return scores
        low, high = float(scores.min()), float(scores.max())
        return (scores - low) / np.float32(high - low) if high > low else np.zeros_like(scores)


@dataclass(frozen=True)
class DocumentFusion(Scorer):
    """Weighted mean of a unit's score and its document's relevance; float32 (n_units,), range of `scorer`.

    Of equally good sentences those of the better document come first. It helps where there are several documents, and
    changes no order within one. With lexical.v1 it keeps 82 % of HotpotQA's evidence in 30 % of the text, 76 % without
    (training part).

    Attributes:
        scorer: Scores units, and documents where it can (`ranks_documents`; otherwise their best sentences count).
        weight: Of the document, against 1 for the unit; from 0 up.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.

    Examples:
        ```python
        from ctxprune import DocumentFusion, LexicalScorer, prune

        texts = [
            "The bridge did open. The year was 1933.",
            "Cats sleep. The year was 1911.",
        ]
        kept = prune(
            "When did the bridge open?",
            texts,
            scorer=DocumentFusion(LexicalScorer()),
            budget=15,
        )
        print(kept.output)  # ['The bridge did open. The year was 1933.', '']
        ```
    """

    scorer: Scorer = field(default_factory=LexicalScorer)
    weight: float = 0.5

    def __post_init__(self) -> None:
        as_scorer(self.scorer)
        check_number("weight", self.weight, minimum=0)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says."""
        return self.score_documents(query, context)[0]

    def score_documents(
        self, query: str, context: Context[Any], *, rule: DocumentRule | None = None
    ) -> tuple[Scores, Scores]:
        """See `Scorer`; the documents' scores are those of `scorer`."""
        del rule
        units, documents = score_documents(self.scorer, query, context)
        places = np.asarray(document_sources(as_context(context)), dtype=np.intp)
        mixed = (units + np.float32(self.weight) * documents[places]) / np.float32(1 + self.weight)
        return mixed.astype(np.float32), documents
