"""Lines related to given ones: the nearest by the word vectors that come with the library.

Zhang and others, Selectivity Drives Productivity: Efficient Dataset Pruning for Enhanced Transfer Learning, NeurIPS
2023: source data is kept by how near it is, in a representation, to data of the target task. Differs: word vectors for
a model's states, and each line by its nearest neighbour without clusters (`selectivity` has both, with a model).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.models.vectors import load_vectors
from ctxprune.text.words import terms
from ctxprune.train.line_selectors.base import Lines, LineSelector, line_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["NearestSelector"]

_BLOCK = 256  # lines compared at once: 256 x 10,000 related lines are 10 MB
_MOST_TERMS = 2_000  # of a line; a longer text is read by its beginning


@dataclass(frozen=True)
class NearestSelector(LineSelector):
    """The cosine of a line and its nearest related line, by the mean of their word vectors, rarer words weighing more.

    Takes time and not memory for lines times related lines; only the related lines' vectors are held.

    Attributes:
        related: Lines whose like are kept; need no labels.
    """

    related: Lines
    compared: ClassVar[bool] = True

    def score(self, lines: Lines) -> NDArray[np.float64]:
        """float64 (n_lines,), -1 to 1; -1 where no word of a line is known.

        Raises:
            UsageError: No word of the related lines is known.
        """
        blocks = list(_blocks(self.related))
        related = np.concatenate(blocks) if blocks else np.zeros((0, 1), dtype=np.float32)
        related = np.unique(related[related.any(axis=1)], axis=0)
        if not len(related):
            hint = "the word vectors are English: give related lines with English words, or take --by importance"
            raise UsageError("no word of the related lines is known", where="nearest", hint=hint)
        found = [np.where(block.any(axis=1), (block @ related.T).max(axis=1), -1.0) for block in _blocks(lines)]
        return np.concatenate(found).astype(np.float64) if found else np.zeros(0)


def _blocks(lines: Lines) -> Iterator[NDArray[np.float32]]:
    """Unit vectors of some lines at a time, float32 (up to 256, n_dimensions); zeros for a line of unknown words."""
    block: list[NDArray[np.float32]] = []
    for line in lines:
        block.append(_vector(line_text(line)))
        if len(block) == _BLOCK:
            yield np.stack(block)
            block = []
    if block:
        yield np.stack(block)


def _vector(text: str) -> NDArray[np.float32]:
    vectors = load_vectors()
    found = terms(text)[:_MOST_TERMS]
    mean = vectors.rarity(found) @ vectors.of(found)
    length = float(np.linalg.norm(mean))
    return np.asarray(mean / length if length > 0 else mean, dtype=np.float32)
