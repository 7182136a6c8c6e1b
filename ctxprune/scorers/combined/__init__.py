"""Scorers made of other scorers: fusion, cascades, dispatch by kind of context."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ctxprune.utils.lazy import lazy

if TYPE_CHECKING:
    from ctxprune.scorers.combined.cascade import CascadeScorer
    from ctxprune.scorers.combined.fusion import DocumentFusion, ReciprocalRankFusion, WeightedFusion
    from ctxprune.scorers.combined.structured import StructuredScorer
    from ctxprune.scorers.combined.tabular_pruner import TabularPrunerScorer

__all__ = [
    "CascadeScorer",
    "DocumentFusion",
    "ReciprocalRankFusion",
    "StructuredScorer",
    "TabularPrunerScorer",
    "WeightedFusion",
]

_HOMES = {
    "CascadeScorer": "cascade",
    "DocumentFusion": "fusion",
    "ReciprocalRankFusion": "fusion",
    "StructuredScorer": "structured",
    "TabularPrunerScorer": "tabular_pruner",
    "WeightedFusion": "fusion",
}

__getattr__, __dir__ = lazy(__name__, _HOMES)
