"""Lines like those of a reference set, by the ratio of two bags of hashed n-grams.

Xie and others, Data Selection for Language Models via Importance Resampling (DSIR), NeurIPS 2023: words and pairs of
words are hashed into 10,000 buckets; a text's weight is its probability under the reference's bucket frequencies over
that under the data's own. Differs: the mean over a line's n-grams is taken, where the paper takes the sum, which
prefers long lines; the best are kept, where the paper draws (`explore` draws a part).
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ctxprune.errors import UsageError
from ctxprune.text.words import words
from ctxprune.train.line_selectors.base import Lines, LineSelector, line_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["ImportanceSelector", "count_buckets", "hash_ngrams", "log_ratios", "mean_worth"]

_BUCKETS = 10_000  # as in the paper
_FACTOR = 1_000_003  # a prime: pairs of words fall into other buckets than the words turned round
_SMOOTHING = 1.0  # added to each bucket's count, so that what one side lacks has a finite ratio


def hash_ngrams(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """The buckets, 0 to 9,999, of each number and of each two neighbours: int64 (2 n - 1,) of (n,), or (0,) of none."""
    # numbers below 2**31 leave room in 64 bits for the product with the factor
    numbers = numbers % (1 << 31)
    pairs = numbers[:-1] * _FACTOR + numbers[1:] + 1
    # numbers of tokens are no hashes: a multiplication (it wraps around) spreads them before the remainder is taken
    mixed = np.concatenate([numbers, pairs]).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    return ((mixed >> np.uint64(20)) % np.uint64(_BUCKETS)).astype(np.int64)


def count_buckets(rows: Iterable[NDArray[np.int64]]) -> NDArray[np.float64]:
    """How often each bucket comes in rows of `hash_ngrams`: float64 (10,000,)."""
    counts = np.zeros(_BUCKETS)
    for row in rows:
        np.add.at(counts, row, 1.0)
    return counts


def log_ratios(reference: NDArray[np.float64], data: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logarithm of each bucket's frequency in the reference over that in the data, smoothed: float64 (10,000,)."""
    wanted, own = reference + _SMOOTHING, data + _SMOOTHING
    return np.asarray(np.log(wanted / wanted.sum()) - np.log(own / own.sum()))


def mean_worth(row: NDArray[np.int64], ratios: NDArray[np.float64]) -> float:
    """The mean log ratio of a row's buckets; of an empty one the lowest of all buckets, since it is like nothing."""
    return float(ratios[row].mean() if len(row) else ratios.min())


@dataclass(frozen=True)
class ImportanceSelector(LineSelector):
    """The mean log ratio of a line's words and pairs of words: how much more frequent they are in the reference.

    Attributes:
        reference: Lines of what the data should be like; need not be of the data, and need no labels.
    """

    reference: Lines
    compared: ClassVar[bool] = True

    def score(self, lines: Lines) -> NDArray[np.float64]:
        """float64 (n_lines,), about 0 where a line is as likely in the reference as in the data.

        Raises:
            UsageError: The reference holds no words.
        """
        wanted = count_buckets(_rows(self.reference))
        if not wanted.any():
            raise UsageError("the reference holds no words", where="importance", hint="give lines with texts")
        ratios = log_ratios(wanted, count_buckets(_rows(lines)))
        return np.asarray([mean_worth(row, ratios) for row in _rows(lines)], dtype=np.float64)


def _rows(lines: Lines) -> Iterable[NDArray[np.int64]]:
    for line in lines:
        # not hash(): that of texts differs from run to run
        numbers = [zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in words(line_text(line))]
        yield hash_ngrams(np.asarray(numbers, dtype=np.int64))
