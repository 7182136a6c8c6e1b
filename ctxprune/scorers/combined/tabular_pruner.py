"""Rows of tables by the tabular scorer and by the bundled model together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.scorers.combined.cascade import CascadeScorer
from ctxprune.scorers.structured.tabular import TabularScorer

if TYPE_CHECKING:
    from ctxprune.scorers.base import Scorer

__all__ = ["TabularPrunerScorer"]


@dataclass(frozen=True)
class TabularPrunerScorer(TabularScorer):
    """`TabularScorer` with the bundled model for what is outside of tables and, at half the weight, for rows.

    The weight was set on the training half of FeTaQA. `benchmarks/quality/tables.py` measures what the model adds, and
    what it costs: many times the time of the tabular scorer alone.
    """

    scorer: Scorer = field(default_factory=CascadeScorer)
    weight: float = 0.5
