"""Rows of rarer words.

Liang and Larson, Enhancing Vision-Language Model Pre-training with Image-text Pair Pruning Based on Word Frequency
(WFPP), 2024: a word of frequency f is worth keeping with probability sqrt(t / f) (Mikolov and others' subsampling), and
texts of frequent words are dropped. Differs: tokens for words; a text's score is the mean of the logarithms, so that
length has no say, and the best are kept, where the paper draws.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.select.base import best_share
from ctxprune.shrink.types import Subject, Tensor

_THRESHOLD = 1e-4  # t of the formula above: tokens up to this frequency are never too frequent


@dataclass(frozen=True)
class Frequency:
    """The groups whose tokens are rare in the data; needs no model and no labels."""

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,)."""
        batches = subject.needed_calibration()
        every = torch.cat([batch["input_ids"][batch["attention_mask"].bool()] for batch in batches])
        counts = torch.bincount(every).double()
        worth = 0.5 * (_THRESHOLD * len(every) / counts.clamp(min=1)).log().clamp(max=0)
        scores = []
        for batch in batches:
            mask = batch["attention_mask"].double()
            scores.append((worth[batch["input_ids"] * batch["attention_mask"]] * mask).sum(1) / mask.sum(1))
        return best_share(subject, torch.cat(scores), share)
