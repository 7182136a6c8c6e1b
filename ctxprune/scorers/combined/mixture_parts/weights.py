"""The weights of the mixture, and the file that holds them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctxprune.models.network import Network
from ctxprune.models.weights import reading, shipped
from ctxprune.scorers.combined.mixture_parts.features import LENGTHS, LEXICAL, MODEL
from ctxprune.scorers.combined.mixture_parts.links import LINKS

__all__ = ["FORMAT", "VERSION", "MixtureWeights", "load_weights"]

FORMAT, VERSION = "ctxprune.scorers.mixture", 2
_FILE = "weights.json"


@dataclass(frozen=True)
class MixtureWeights:
    """How features become scores.

    Attributes:
        rough: Of the features that need no model: says which parts of a long context the model reads.
        full: Of all features by length; the order of its logits is that of the scores of one document.
        links: Of how documents are linked: is added to the logits of `full` where there are several.
        scale, fewness, bias: A probability is the logistic function of scale * (logit - best logit) +
            best * (best logit) + fewness * ln(1 / number of units) + bias.
        best: See `scale`.
    """

    rough: Network
    full: Network
    links: Network
    scale: float
    best: float
    fewness: float
    bias: float

    def probabilities(self, logits: NDArray[np.float64], size: int) -> NDArray[np.float64]:
        """Of the units of a context of `size` units, (n_units,), from their logits."""
        if not len(logits):
            return logits
        top = float(logits.max())
        sums = self.scale * (logits - top) + self.best * top - self.fewness * np.log(size) + self.bias
        return np.asarray(1 / (1 + np.exp(-np.clip(sums, -80, 80))))

    @classmethod
    def from_dict(cls, data: Any) -> MixtureWeights:
        """Read the layout that `weights.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        features = {"lexical": list(LEXICAL), "model": list(MODEL), "links": list(LINKS)}
        with reading(data, (FORMAT, VERSION), features) as read:
            numbers = {name: float(read["calibration"][name]) for name in ("scale", "best", "fewness", "bias")}
            if not np.isfinite(list(numbers.values())).all() or numbers["scale"] <= 0:
                raise ValueError(f"a calibration of {numbers}")
            return cls(
                Network.from_dict(read["rough"], inputs=len(LEXICAL)),
                Network.from_dict(read["full"], inputs=len(LENGTHS) * (len(LEXICAL) + len(MODEL))),
                Network.from_dict(read["links"], inputs=len(LINKS)),
                **numbers,
            )


@lru_cache(maxsize=1)
def load_weights() -> MixtureWeights:
    """The weights that come with the library, read once.

    Raises:
        FormatError: They are damaged.
    """
    return MixtureWeights.from_dict(shipped(__package__, _FILE))
