"""Lines of rarer words.

Liang and Larson, Enhancing Vision-Language Model Pre-training with Image-text Pair Pruning Based on Word Frequency
(WFPP), 2024: a word of frequency f is worth keeping with probability sqrt(t / f). Differs: a line's score is the mean
of the logarithms, so that length has no say, and the best are kept, where the paper draws.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import words
from ctxprune.train.line_selectors.base import Lines, LineSelector, line_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FrequencySelector"]

_THRESHOLD = 1e-4  # t of the formula above: words up to this frequency are never too frequent


@dataclass(frozen=True)
class FrequencySelector(LineSelector):
    """The mean over a line's words of log sqrt(t / f), at most 0, f a word's share of all words.

    Attributes:
        seed: Not used: nothing is drawn.
    """

    seed: int = 0

    def score(self, lines: Lines) -> NDArray[np.float64]:
        """float64 (n_lines,), at most 0; a line without words has the score of one of rare words, 0."""
        counts = Counter[str]()
        for line in lines:
            counts.update(words(line_text(line)))
        total = counts.total()
        worth = {word: min(0.5 * math.log(_THRESHOLD * total / count), 0.0) for word, count in counts.items()}
        found = []
        for line in lines:
            text = words(line_text(line))
            found.append(sum(worth[word] for word in text) / max(len(text), 1))
        return np.asarray(found, dtype=np.float64)
