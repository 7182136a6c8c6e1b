"""Rows like those of related data, by the ratio of two bags of hashed n-grams of tokens.

Xie and others, Data Selection for Language Models via Importance Resampling (DSIR), NeurIPS 2023; what differs is said
in `ctxprune.train.line_selectors.importance`, which does the same with the words of lines.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ctxprune.shrink.select.base import best_share, needed_related
from ctxprune.shrink.types import Batch, Subject, Tensor
from ctxprune.train.line_selectors.importance import count_buckets, hash_ngrams, log_ratios, mean_worth


@dataclass(frozen=True)
class Importance:
    """The groups whose tokens and pairs of tokens are more frequent in the related data; needs no labels."""

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,).

        Raises:
            UsageError: The subject has no related data.
        """
        wanted = needed_related(subject, "importance.v1")
        ratios = log_ratios(count_buckets(_rows(wanted)), count_buckets(_rows(subject.needed_calibration())))
        worth = [mean_worth(row, ratios) for row in _rows(subject.needed_calibration())]
        return best_share(subject, torch.tensor(worth, dtype=torch.float64), share)


def _rows(batches: Iterable[Batch]) -> Iterator[NDArray[np.int64]]:
    for batch in batches:
        for ids, mask in zip(batch["input_ids"], batch["attention_mask"].bool(), strict=True):
            yield hash_ngrams(ids[mask].cpu().numpy().astype(np.int64))
