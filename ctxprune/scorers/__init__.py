"""Scorers: how much of what the question asks is in each unit. One file, one scorer."""

from __future__ import annotations

from ctxprune.registry import Registry
from ctxprune.scorers.base import BatchScorer, RelevanceScorer, Scorer, Scores, as_scores, score_batch

__all__ = ["SCORERS", "BatchScorer", "RelevanceScorer", "Scorer", "Scores", "as_scores", "score_batch"]

SCORERS: Registry[type[Scorer]] = Registry(
    "scorer",
    {
        "cascade.v1": "ctxprune.scorers.cascade:CascadeScorer",
        "chargram.v1": "ctxprune.scorers.chargram:ChargramScorer",
        "documents.v1": "ctxprune.scorers.fusion:DocumentFusion",
        "fusion.v1": "ctxprune.scorers.fusion:ReciprocalRankFusion",
        "lexical.v1": "ctxprune.scorers.lexical:LexicalScorer",
        "pruner.v1": "ctxprune.scorers.pruner:PrunerScorer",
        "titled.v1": "ctxprune.scorers.titled:TitledScorer",
        "weighted.v1": "ctxprune.scorers.fusion:WeightedFusion",
    },
)
