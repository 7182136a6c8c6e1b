"""Random lines: the baseline of every selector.

Ben-Baruch and others, Distilling the Knowledge in Data Pruning, 2024: where a teacher is followed, a random share is as
good as or better than a chosen one.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.train.line_selectors.base import Lines, LineSelector, question_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RandomSelector"]


@dataclass(frozen=True)
class RandomSelector(LineSelector):
    """A random number for each question's lines, from 0 to under 1.

    Attributes:
        seed: Random seed.
    """

    seed: int = 0

    def score(self, lines: Lines) -> NDArray[np.float64]:
        """float64 (n_lines,); the same for all lines of a question."""
        rng = random.Random(self.seed)
        drawn: dict[str | int, float] = {}
        found = []
        for line in lines:
            question = question_of(line)
            if question not in drawn:
                drawn[question] = rng.random()
            found.append(drawn[question])
        return np.asarray(found, dtype=np.float64)
