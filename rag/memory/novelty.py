"""Which texts say the most that the others do not say, for their tokens.

After A Class of Submodular Functions for Document Summarization (Lin and Bilmes, 2011): a greedy cover of terms.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.text.words import terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.context.scores import Scores

__all__ = ["rank_by_novelty"]


def rank_by_novelty(texts: Sequence[str], tokens: Sequence[int]) -> Scores:
    """The place of each text in a greedy cover of all terms, as a score; each step takes the text that adds the most
    new terms for its tokens.

    Args:
        texts: What is ranked; [] gives no scores.
        tokens: Of each text.

    Returns:
        float32 (n_texts,), over 0, up to 1: 1 for the text that was taken first; ties to the earlier text.
    """
    # Every term counts the same. Weights by frequency prefer what the latest chunk repeats to what is left of earlier
    # ones, of which a compaction has kept one text a term, and kept fewer answers of train stories.
    said = [frozenset(terms(text)) for text in texts]
    size = len(texts)
    covered: set[str] = set()
    scores = np.zeros(size, dtype=np.float32)

    def gain(index: int) -> float:
        return len(said[index] - covered) / max(tokens[index], 1)

    # Gains only fall while more is covered, so that an old one that is still the best need not be worked out for all.
    heap = [(-gain(index), index) for index in range(size)]
    heapq.heapify(heap)
    for place in range(size):
        _, index = heapq.heappop(heap)
        while heap and (now := (-gain(index), index)) > heap[0]:
            _, index = heapq.heappushpop(heap, now)
        covered |= said[index]
        scores[index] = (size - place) / size
    return scores
