"""Edges of a graph: their words, what their relation means, and the evidence at and around the entities they join."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.context.base import as_context
from ctxprune.context.memo import ContextMemo
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.scorers.lexical.words import LexicalScorer
from ctxprune.scorers.structured.triple_parts.features import edge_features
from ctxprune.scorers.structured.triple_parts.index import TripleIndex
from ctxprune.scorers.structured.triple_parts.weights import load_network
from ctxprune.utils.fingerprint import fingerprint

if TYPE_CHECKING:
    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores

__all__ = ["TripleScorer"]

_LEAST = 1e-6  # of an edge; entities have 0: by themselves they answer nothing, and come with their edges


@dataclass(frozen=True)
class TripleScorer(Scorer):
    """How likely an edge of a graph is needed: float32 (n_units,), 0 to 1, higher = keep; 0 for entities.

    A small network weighs 34 features of an edge (`triple_parts.features`): BM25 of its text; how its relation, and the
    kind of entity that it leaves, are named in the question, by words, abbreviations and word vectors; and evidence:
    values and entities that the question names, spread along two edges in either direction. So the population of the
    city that a question names comes before the populations of all others, although both have the same words.

    Trained on questions of Spider's train databases with rows as triples; no question or database of the figures in
    benchmarks/results/graph.json was seen (benchmarks/training/triple_weights.py). In a graph of more than 4,000
    relations by kind of entity, relations are only read by BM25.

    Attributes:
        words: Scores the text of an edge, from 0 to 1.

    Raises:
        UsageError: `words` is not a scorer.
    """

    words: Scorer = field(default_factory=LexicalScorer)
    _read: ContextMemo[TripleIndex] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        as_scorer(self.words, "words")

    @property
    def fingerprint(self) -> str:
        """Which weights and words score; see `ctxprune.utils.fingerprint`."""
        return fingerprint([load_network().to_dict(), as_scorer(self.words, "words").origin])

    def score(self, query: str, context: Context[Any]) -> Scores:
        """Scores as the class says; (0,) if there is no unit."""
        context = as_context(context)
        index = self._read.get(context, lambda: TripleIndex(context))
        scores = np.zeros(index.size, dtype=np.float32)
        if len(index.edges):
            features = edge_features(query, index, as_scorer(self.words, "words").score(query, context))
            logits = load_network()(features)
            scores[index.edges] = np.maximum(1 / (1 + np.exp(-np.clip(logits, -80, 80))), _LEAST)
        return scores
