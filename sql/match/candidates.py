"""Which pairs of columns are compared: all of small schemas, likely ones of large schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from ctxprune.text.abbreviations import spell_out

from .base import Pairs, common_hashes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .profile import ColumnProfile

__all__ = ["MOST_PAIRS", "choose_pairs"]

MOST_PAIRS = 150_000  # up to that many all are compared
_BY_NAME, _BY_VALUE = 12, 8  # partners that each column gets by its name and by its values
_BUCKETS = 1 << 14  # of the hashed letter triples


def choose_pairs(source: Sequence[ColumnProfile], target: Sequence[ColumnProfile], most: int = MOST_PAIRS) -> Pairs:
    """The pairs to compare.

    With more than `most` pairs each column of the source gets the 12 columns of the target whose names (with those of
    their tables) share most letter triples, and the 8 with most values in common: 20 · n_source pairs at most, found in
    O(n_source · n_target) simple steps.
    """
    n, m = len(source), len(target)
    if n * m <= most:
        rows, columns = np.divmod(np.arange(n * m, dtype=np.int64), max(m, 1))
        return Pairs(source, target, rows, columns)
    keys = [*_by_name(source, target), *_by_value(source, target)]
    found = np.unique(np.concatenate(keys)) if keys else np.empty(0, dtype=np.int64)
    return Pairs(source, target, found // m, found % m)


def _by_name(source: Sequence[ColumnProfile], target: Sequence[ColumnProfile]) -> list[NDArray[np.int64]]:
    m = len(target)
    right = [_triples(profile) for profile in target]
    frequency = np.zeros(_BUCKETS)
    for triples in right:
        frequency[triples] += 1
    # Letter triples that most names have are in every comparison and tell nothing: a share of the rarer ones counts.
    weights = np.log1p(m / (1.0 + frequency)).astype(np.float32)
    postings = _postings(right)
    norms = np.array([np.sqrt((weights[t] ** 2).sum()) for t in right]) + 1e-6
    found = []
    for row, profile in enumerate(source):
        scores = np.zeros(m, dtype=np.float32)
        for triple in _triples(profile):
            here = postings.get(int(triple))
            if here is not None:
                scores[here] += weights[triple] ** 2
        scores /= norms
        keep = min(_BY_NAME, int((scores > 0).sum()))
        if keep:
            found.append(row * m + np.sort(np.argpartition(-scores, keep - 1)[:keep]))
    return found


def _triples(profile: ColumnProfile) -> NDArray[np.int64]:
    name = "".join(spell_out(profile.words))
    table = "".join(spell_out(profile.table_words))
    texts = {f"^{name}$"[at : at + 3] for at in range(len(name))} | {
        f"|{table}"[at : at + 4] for at in range(len(table))
    }
    return np.unique([_bucket(text) for text in sorted(texts)]).astype(np.int64)


def _bucket(text: str) -> int:
    """A number below `_BUCKETS` that is the same in every process."""
    return crc32(text.encode("utf-8", "surrogatepass")) % _BUCKETS


def _postings(names: Sequence[NDArray[np.int64]]) -> dict[int, NDArray[np.int64]]:
    lists: dict[int, list[int]] = {}
    for at, triples in enumerate(names):
        for triple in triples.tolist():
            lists.setdefault(triple, []).append(at)
    return {triple: np.array(places, dtype=np.int64) for triple, places in lists.items()}


def _by_value(source: Sequence[ColumnProfile], target: Sequence[ColumnProfile]) -> list[NDArray[np.int64]]:
    m = len(target)
    sizes = np.array([len(p.sketch) for p in target])
    found = []
    for row, counts in common_hashes([p.sketch for p in source], [p.sketch for p in target]):
        share = counts / np.maximum(len(source[row].sketch) + sizes - counts, 1)
        best = np.argsort(-share, kind="stable")[:_BY_VALUE]
        found.append(row * m + best[share[best] > 0].astype(np.int64))
    return found
