"""The ranked linker and the pruner together: features that a person can check, and a model that reads the question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.scorers.base import Scorer, as_scorer
from ctxprune.scorers.neural.pruner import PrunerScorer
from ctxprune.utils.validation import check_range

from .base import LINKERS
from .features import sigmoid
from .policy import JoinablePolicy
from .pruner import PrunerSchemaScorer
from .ranked import RankedSchemaScorer
from .scored import ScoredLinker

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ctxprune.context.base import Context
    from ctxprune.context.scores import Scores
    from ctxprune.policies.base import Policy

__all__ = ["RankedPrunerLinker", "RankedPrunerScorer", "log_odds"]

_SUREST = 1e-6  # how near to 0 and 1 a probability may come


@dataclass(frozen=True)
class RankedPrunerScorer(Scorer):
    """Probability 0..1 that a question needs a unit of a `SchemaContext`, higher = keep: two opinions as one.

    The log-odds of both, weighed, are those of the result: a logarithmic opinion pool (Genest and Zidek, Combining
    probability distributions, Statistical Science 1986). What the pruner did not read has the score of the other.

    Attributes:
        ranked: Gives probabilities; knows of value hits.
        pruner: Gives probabilities.
        weight: Of the pruner, 0..1; the other has the rest.

    Raises:
        UsageError: An argument is of the wrong kind or out of range.
    """

    ranked: Scorer = field(default_factory=RankedSchemaScorer)
    pruner: PrunerSchemaScorer = field(default_factory=PrunerSchemaScorer)
    weight: float = 0.1

    def __post_init__(self) -> None:
        as_scorer(self.ranked, "ranked")
        if not isinstance(self.pruner, PrunerSchemaScorer):
            raise UsageError(f"pruner is a {type(self.pruner).__name__}", hint="give a PrunerSchemaScorer")
        check_range("weight", self.weight)

    def score(self, query: str, context: Context[Any]) -> Scores:
        """float32 (n_units,).

        Raises:
            UsageError: The context is no schema.
        """
        return self.mixed(self.ranked.score(query, context), self.pruner.read(query, context))

    def mixed(self, ranked: Scores, pruner_scores: Scores) -> Scores:
        """One opinion of two, float32 (n_units,); the first alone where the second is NaN."""
        read = ~np.isnan(pruner_scores)
        scores: Scores = ranked.astype(np.float32)
        scores[read] = sigmoid(
            (1 - self.weight) * log_odds(ranked[read]) + self.weight * log_odds(pruner_scores[read]),
        )
        return scores


@LINKERS.register("ranked_pruner.v1")
@dataclass(frozen=True)
class RankedPrunerLinker(ScoredLinker):
    """A question's likely columns by what the ranked linker and the bundled model say, and what joins them.

    Attributes:
        scorer: Gives probabilities 0..1.
        policy: More recall: lower `columns`.
    """

    scorer: Scorer = field(default_factory=RankedPrunerScorer)
    policy: Policy = field(default_factory=JoinablePolicy)

    @classmethod
    def load(cls, model: str | Path | None = None, *, threads: int = 1) -> RankedPrunerLinker:
        """As `PrunerLinker.load`."""
        return cls(RankedPrunerScorer(pruner=PrunerSchemaScorer(PrunerScorer(model, threads))))


def log_odds(probabilities: Scores) -> NDArray[np.float64]:
    """float64 of the same shape, between -13.8 and 13.8."""
    sure = np.clip(probabilities.astype(np.float64), _SUREST, 1 - _SUREST)
    result: NDArray[np.float64] = np.log(sure / (1 - sure))
    return result
