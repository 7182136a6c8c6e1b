"""Small fully connected networks in numpy, and the file that holds the ranked linker's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.errors import FormatError

from .features import COLUMN_FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["FORMAT", "VERSION", "WIDEST", "LinkingWeights", "Network", "load_weights"]

FORMAT, VERSION = "ctxprune.linking.ranked", 2
WIDEST = 8.0  # standard deviations from the mean at which an input is cut: an odd schema must not swamp the rest
_FILE = "ranked.json"


@dataclass(frozen=True)
class Network:
    """Standardises and cuts its input, then one hidden layer of rectifiers, then one logit; or no hidden layer at all.

    Attributes:
        mean, scale: float64 (n_inputs,).
        hidden: float64 (n_inputs, n_hidden), or None for a linear model.
        hidden_bias: float64 (n_hidden,), or None.
        out: float64 (n_hidden,), or (n_inputs,) for a linear model.
        bias: Of the output.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    hidden: NDArray[np.float64] | None
    hidden_bias: NDArray[np.float64] | None
    out: NDArray[np.float64]
    bias: float

    def __call__(self, inputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logits of the rows: float64 (n_rows,) for float64 (n_rows, n_inputs)."""
        values = np.clip((inputs - self.mean) / self.scale, -WIDEST, WIDEST)
        if self.hidden is not None and self.hidden_bias is not None:
            values = np.maximum(values @ self.hidden + self.hidden_bias, 0.0)
        result: NDArray[np.float64] = values @ self.out + self.bias
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Network:
        """The inverse of `to_dict`."""
        arrays = {
            name: None if data[name] is None else np.asarray(data[name], dtype=np.float64)
            for name in ("mean", "scale", "hidden", "hidden_bias", "out")
        }
        return cls(**arrays, bias=float(data["bias"]))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Lists of numbers, rounded to five digits."""
        names = ("mean", "scale", "hidden", "hidden_bias", "out")
        plain = {name: None if (value := getattr(self, name)) is None else _rounded(value) for name in names}
        return {**plain, "bias": round(float(self.bias), 5)}


def _rounded(values: NDArray[np.float64]) -> Any:
    return [float(f"{value:.5g}") if np.ndim(value) == 0 else _rounded(value) for value in values]


@dataclass(frozen=True)
class LinkingWeights:
    """The three networks: first scores of columns, scores of tables, final scores of columns."""

    first: Network
    table: Network
    final: Network

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> LinkingWeights:
        """Read the layout that `ranked.json` has.

        Raises:
            FormatError: Another format or version, other features, or damaged data.
        """
        if not isinstance(data, dict) or (data.get("format"), data.get("version")) != (FORMAT, VERSION):
            raise FormatError(f"not weights of format {FORMAT} version {VERSION}")
        if tuple(data.get("features", ())) != COLUMN_FEATURES:
            raise FormatError("the weights were made for other features", hint="train them anew")
        try:
            return cls(*(Network.from_dict(data["networks"][name]) for name in ("first", "table", "final")))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"the weights are damaged ({error!r})") from error


@lru_cache(maxsize=1)
def load_weights() -> LinkingWeights:
    """The weights that come with the library, read once."""
    return LinkingWeights.from_dict(json.loads(files(__package__).joinpath(_FILE).read_text(encoding="utf-8")))
