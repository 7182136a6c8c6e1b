"""Neural scorers: the bundled pruner, cross-encoders, embeddings, Provence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.scorers.neural.cross_encoder import CrossEncoderScorer, load_cross_encoder
    from ctxprune.scorers.neural.embedders import load_embedder
    from ctxprune.scorers.neural.embedding import EmbeddingScorer
    from ctxprune.scorers.neural.provence import ProvenceScorer
    from ctxprune.scorers.neural.pruner import PrunerScorer

__all__ = [
    "CrossEncoderScorer",
    "EmbeddingScorer",
    "ProvenceScorer",
    "PrunerScorer",
    "load_cross_encoder",
    "load_embedder",
]

_HOMES = {
    "CrossEncoderScorer": "cross_encoder",
    "EmbeddingScorer": "embedding",
    "ProvenceScorer": "provence",
    "PrunerScorer": "pruner",
    "load_cross_encoder": "cross_encoder",
    "load_embedder": "embedders",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
