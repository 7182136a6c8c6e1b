"""The learned combination of scorers: a network for a pair alone, and one for the pair among its rivals and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.models.network import Network
from ctxprune.models.weights import load_shipped, reading

from .features import CONTEXT_FEATURES, FEATURES, context_features, pair_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from .base import Pairs

__all__ = ["FORMAT", "VERSION", "MatchWeights", "load_weights"]

FORMAT, VERSION = "ctxprune.match", 1
_FILE = "weights.json"


@dataclass(frozen=True)
class MatchWeights:
    """What was learned from fabricated pairs of schemas; MODEL_CARD.md beside this file says from which.

    Attributes:
        alone: Gives a logit to each pair by itself.
        among: Each gives a new logit from the last one, knowing rivals and tables too: tables that are alike make their
            other columns more alike, and the next network sees that.
        slope, offset: They make the final logits probabilities (Platt scaling), fitted on pairs of
            databases that the networks did not see.
        trained_on: Names of what it learned from.
    """

    alone: Network
    among: tuple[Network, ...]
    slope: float
    offset: float
    trained_on: tuple[str, ...] = ()

    def chances(self, pairs: Pairs, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability 0..1 that both columns of a pair hold the same, float64 (n_pairs,)."""
        if not len(pairs):
            return np.zeros(0)
        logits = self.alone(pair_features(pairs, scores))
        for network in self.among:
            logits = network(context_features(pairs, scores, logits))
        final = self.slope * logits + self.offset
        return 1.0 / (1.0 + np.exp(-np.clip(final, -30, 30)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> MatchWeights:
        """Read the layout that `weights.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        with reading(data, (FORMAT, VERSION), {"alone": list(FEATURES), "among": list(CONTEXT_FEATURES)}) as read:
            alone = Network.from_dict(read["alone"], inputs=len(FEATURES))
            among = tuple(Network.from_dict(network, inputs=len(CONTEXT_FEATURES)) for network in read["among"])
            return cls(alone, among, float(read["slope"]), float(read["offset"]), tuple(read["trained_on"]))

    def to_dict(self) -> dict[str, Any]:
        """The inverse of `from_dict`."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "trained_on": list(self.trained_on),
            "features": {"alone": list(FEATURES), "among": list(CONTEXT_FEATURES)},
            "slope": round(self.slope, 5),
            "offset": round(self.offset, 5),
            "alone": self.alone.to_dict(),
            "among": [network.to_dict() for network in self.among],
        }


def load_weights() -> MatchWeights:
    """The weights that come with the library.

    Raises:
        FormatError: The file is damaged.
    """
    return load_shipped(MatchWeights.from_dict, __package__, _FILE)
