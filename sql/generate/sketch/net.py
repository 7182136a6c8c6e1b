"""Small feed-forward networks over named features, in numpy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from .features import Features

__all__ = ["Net"]


@dataclass(frozen=True)
class Net:
    """One hidden layer (ReLU); features outside the vocabulary are ignored. Immutable, safe to share between threads.

    Attributes:
        vocabulary: Feature name to input number.
        w1: (n_features, hidden) float32.
        b1: (hidden,) float32.
        w2: (hidden, n_outputs) float32.
        b2: (n_outputs,) float32.
        wide: Names of sparse features that go straight to the (first) output.
        w0: (n_wide,) float32, their weights.
    """

    vocabulary: Mapping[str, int]
    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]
    wide: Mapping[str, int] = field(default_factory=dict)
    w0: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))

    def __call__(self, rows: Sequence[Features]) -> NDArray[np.float32]:
        """Outputs before any squashing, float32 (len(rows), n_outputs)."""
        hidden = np.empty((len(rows), self.b1.shape[0]), np.float32)
        for number, row in enumerate(rows):
            known = [(self.vocabulary[name], value) for name, value in row.items() if name in self.vocabulary]
            # Rows have a few dozen of thousands of features, so their columns are gathered instead of a dense product.
            index = [position for position, _ in known]
            values = np.array([value for _, value in known], np.float32)
            hidden[number] = values @ self.w1[index] if index else 0.0
        out: NDArray[np.float32] = np.maximum(hidden + self.b1, 0.0) @ self.w2 + self.b2
        # The wide part: sparse features straight to the output, which remember single words.
        if self.wide:
            for number, row in enumerate(rows):
                out[number, 0] += sum(self.w0[self.wide[name]] for name in row if name in self.wide)
        return out
