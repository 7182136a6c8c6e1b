"""Small fully connected networks in numpy: the learned part of scorers that weigh explainable features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["WIDEST", "Network"]

WIDEST = 8.0  # standard deviations from the mean at which an input is cut: an odd input must not swamp the rest
_BLOCK = 1 << 14  # rows that are weighed at a time


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
        if len(inputs) > _BLOCK:  # three copies of the rows are made on the way
            blocks = (inputs[first : first + _BLOCK] for first in range(0, len(inputs), _BLOCK))
            return np.concatenate([self(block) for block in blocks])
        values = np.clip((inputs - self.mean) / self.scale, -WIDEST, WIDEST)
        if self.hidden is not None and self.hidden_bias is not None:
            values = np.maximum(values @ self.hidden + self.hidden_bias, 0.0)
        result: NDArray[np.float64] = values @ self.out + self.bias
        return result

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], *, inputs: int | None = None) -> Network:
        """The inverse of `to_dict`; with `inputs`, of a network of so many.

        Raises:
            KeyError, TypeError, ValueError: Something is missing, is no finite number, or does not fit the rest.
        """
        arrays = {
            name: None if data[name] is None else np.asarray(data[name], dtype=np.float64)
            for name in ("mean", "scale", "hidden", "hidden_bias", "out")
        }
        network = cls(**arrays, bias=float(data["bias"]))  # type: ignore[arg-type]
        network._check()
        if inputs not in (None, len(network.mean)):
            raise ValueError(f"a network of {len(network.mean)} inputs, not {inputs}")
        return network

    def _check(self) -> None:
        n = len(self.mean) if self.mean.ndim == 1 else -1
        shapes = [self.scale.shape]
        wanted: list[tuple[int, ...]] = [(n,)]
        if self.hidden is not None and self.hidden_bias is not None:
            shapes += [self.hidden.shape, self.hidden_bias.shape]
            wanted += [(n, len(self.out)), (len(self.out),)]
        elif self.hidden is not None or self.hidden_bias is not None or self.out.shape != (n,):
            raise ValueError("a hidden layer lacks its weights or its bias")
        if shapes != wanted or self.out.ndim != 1:
            raise ValueError(f"shapes {shapes} in place of {wanted}")
        arrays = (self.mean, self.scale, self.hidden, self.hidden_bias, self.out, np.array(self.bias))
        if not all(value is None or np.isfinite(value).all() for value in arrays) or (self.scale <= 0).any():
            raise ValueError("numbers that are not finite, or a scale that is not above 0")

    def to_dict(self) -> dict[str, Any]:
        """Lists of numbers, rounded to five digits."""
        arrays = {
            "mean": self.mean,
            "scale": self.scale,
            "hidden": self.hidden,
            "hidden_bias": self.hidden_bias,
            "out": self.out,
        }
        plain = {name: None if value is None else _rounded(value) for name, value in arrays.items()}
        return {**plain, "bias": round(float(self.bias), 5)}


def _rounded(values: NDArray[np.float64]) -> Any:
    return [float(f"{value:.5g}") if np.ndim(value) == 0 else _rounded(value) for value in values]
