"""Logistic models over plain facts, each one JSON file beside the code: a weight for each fact, and a threshold."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.errors import FormatError
from ctxprune.models.weights import shipped

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LogisticModel"]


@dataclass(frozen=True, eq=False)
class LogisticModel:
    """Says how likely each row of facts is meant.

    Attributes:
        weights: float64 (n_facts + 1,), the bias last.
        threshold: 0..1, from which a row is worth returning.
    """

    weights: NDArray[np.float64]
    threshold: float

    @classmethod
    @lru_cache(maxsize=8)
    def read(cls, name: str, facts: tuple[str, ...]) -> LogisticModel:
        """The model in the file `name` of this package.

        Raises:
            FormatError: Its weights are damaged, or for other facts.
        """
        document = shipped(__package__, name)
        if list(document["weights"]) != [*facts, "bias"]:
            raise FormatError("the weights are for other facts", where=name, hint="reinstall ctxprune")
        return cls(np.array(list(document["weights"].values()), dtype=np.float64), float(document["threshold"]))

    def likelihoods(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability 0..1 of each row, float64 (n_rows,); `rows` is float64 (n_rows, n_facts)."""
        likely: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-(rows @ self.weights[:-1] + self.weights[-1])))
        return likely
