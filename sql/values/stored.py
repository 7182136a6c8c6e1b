"""What a look-up reads of an index: stored values, each once, and how alike two sketches are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .minhash import bits_set
from .spans import key_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from .stores import ValueStore

__all__ = ["StoredValues", "alike"]


class StoredValues:
    """Stored values by row, each read once.

    Attributes:
        columns: Column number by row, of the rows that were read.
    """

    def __init__(self, store: ValueStore) -> None:
        self._store = store
        self._values: dict[int, str] = {}
        self._words: dict[int, list[str]] = {}
        self.columns: dict[int, int] = {}

    def read(self, rows: Iterable[int]) -> None:
        """Read rows that will be asked for, all at once."""
        wanted = [row for row in dict.fromkeys(rows) if row not in self._values]
        if wanted:
            for row, (column, value) in zip(wanted, self._store.values(np.array(wanted, dtype=np.uint32)), strict=True):
                self.columns[row], self._values[row] = column, value

    def value(self, row: int) -> str:
        """The stored value of one row."""
        if row not in self._values:
            self.read((row,))
        return self._values[row]

    def words(self, row: int) -> list[str]:
        """Its folded words."""
        if row not in self._words:
            self._words[row] = key_words(self.value(row))
        return self._words[row]


def alike(sketches: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Estimate of the share of bigrams that two texts have in common, 0..1."""
    shared: NDArray[np.float64] = bits_set(sketches & others) / np.maximum(bits_set(sketches | others), 1)
    return shared
