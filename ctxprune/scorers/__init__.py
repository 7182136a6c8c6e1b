"""Scorers: how much of what the question asks is in each unit. One file, one scorer."""

from __future__ import annotations

from ctxprune.context.scores import Scores, as_scores
from ctxprune.registry import Registry
from ctxprune.scorers.base import Scorer, as_scorer, score_batch

__all__ = [
    "DEFAULT_SCORER",
    "SCORERS",
    "Scorer",
    "Scores",
    "as_scorer",
    "as_scores",
    "score_batch",
]

DEFAULT_SCORER = "structured.v1"
"""Words and the bundled model weighed together (`mixture.v1`) on running text; tables, pages, logs, schemas and tools
are read by scorers for their form."""

SCORERS: Registry[type[Scorer]] = Registry(
    "scorer",
    {
        "cascade.v1": "ctxprune.scorers.combined.cascade:CascadeScorer",
        "chargram.v1": "ctxprune.scorers.lexical.chargram:ChargramScorer",
        "cross_encoder.v1": "ctxprune.scorers.neural.cross_encoder:CrossEncoderScorer",
        "documents.v1": "ctxprune.scorers.combined.fusion:DocumentFusion",
        "embedding.v1": "ctxprune.scorers.neural.embedding:EmbeddingScorer",
        "fusion.v1": "ctxprune.scorers.combined.fusion:ReciprocalRankFusion",
        "lexical.v1": "ctxprune.scorers.lexical.words:LexicalScorer",
        "json.v1": "ctxprune.scorers.structured.json:JsonScorer",
        "mixture.v1": "ctxprune.scorers.combined.mixture:MixtureScorer",
        "log.v1": "ctxprune.scorers.structured.log:LogScorer",
        "names.v1": "ctxprune.scorers.structured.names:NamesScorer",
        "provence.v1": "ctxprune.scorers.neural.provence:ProvenceScorer",
        "page.v1": "ctxprune.scorers.structured.page:PageScorer",
        "pruner.v1": "ctxprune.scorers.neural.pruner:PrunerScorer",
        "structured.v1": "ctxprune.scorers.combined.structured:StructuredScorer",
        "tabular.v1": "ctxprune.scorers.structured.tabular:TabularScorer",
        "tabular_pruner.v1": "ctxprune.scorers.combined.tabular_pruner:TabularPrunerScorer",
        "triples.v1": "ctxprune.scorers.structured.triple:TripleScorer",
        "titled.v1": "ctxprune.scorers.lexical.titled:TitledScorer",
        "weighted.v1": "ctxprune.scorers.combined.fusion:WeightedFusion",
    },
    aliases={"bm25": "lexical"},
)
