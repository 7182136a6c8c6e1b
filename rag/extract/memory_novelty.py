"""Which texts say the most that the others do not say, for their tokens.

After A Class of Submodular Functions for Document Summarization (Lin and Bilmes, 2011): greedy cover of weighted terms.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.scores import Scores

__all__ = ["rank_by_novelty"]


def rank_by_novelty(texts: Sequence[str], tokens: Sequence[int]) -> Scores:
    """The place of each text in a greedy cover of all terms, as a score.

    A term weighs the number of texts that say it times its inverse document frequency; each step takes the text that
    adds the most weight for its tokens.

    Args:
        texts: What is ranked; [] gives no scores.
        tokens: Of each text.

    Returns:
        float32 (n_texts,), over 0, up to 1: 1 for the text that was taken first; ties to the earlier text.
    """
    said = [frozenset(terms(text)) for text in texts]
    holders = Counter(term for own in said for term in own)
    size = len(texts)
    weights = {term: n * math.log1p((size - n + 0.5) / (n + 0.5)) for term, n in holders.items()}
    covered: set[str] = set()
    scores = np.zeros(size, dtype=np.float32)

    def gain(index: int) -> float:
        # Sorted, since the order of a set of texts, and with it the rounding of the sum, differs between processes.
        return sum(weights[term] for term in sorted(said[index] - covered)) / max(tokens[index], 1)

    # Gains only fall while more is covered, so that an old one that is still the best need not be worked out for all.
    heap = [(-gain(index), index) for index in range(size)]
    heapq.heapify(heap)
    place = 0
    while heap:
        _, index = heapq.heappop(heap)
        now = -gain(index)
        if heap and (now, index) > heap[0]:
            heapq.heappush(heap, (now, index))
            continue
        covered |= said[index]
        scores[index] = (size - place) / size
        place += 1
    return scores
