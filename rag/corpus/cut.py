"""What is dropped of a corpus: the exact lowest share by quality, and the account of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune.utils.validation import check_range

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CorpusReport", "count_share", "cut_share"]


@dataclass(frozen=True)
class CorpusReport:
    """What became of a corpus.

    Attributes:
        passages: How many there were.
        kept, dropped: How many of them stay and go.
        cut: The highest quality that was dropped, 0 to 1; None where nothing was.
        reasons: How many were dropped for each reason, the commonest first.
        broken: Records that hold no passage and were passed over; they are not among `passages`.
        repeated_ids: Passages whose id an earlier one has; ids are compared by 64 bits of a hash.
        resumed: Passages whose quality was known from a run that was stopped.
    """

    passages: int = 0
    kept: int = 0
    dropped: int = 0
    cut: float | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)
    broken: int = 0
    repeated_ids: int = 0
    resumed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe, with all fields."""
        return {**asdict(self), "reasons": dict(self.reasons)}


def cut_share(qualities: NDArray[np.float32], share: float) -> NDArray[np.bool_]:
    """bool (n,): which passages are kept, all but the floor(share * n) of lowest quality.

    Exact, not by a sketch: a quality takes four bytes, 40 MB for ten million passages. Of equal qualities the later
    passage goes first, so that the same corpus is cut alike every time.

    Args:
        qualities: float32 (n,), finite.
        share: From 0 up, under 1.

    Raises:
        UsageError: share is out of range.
    """
    check_range("share", share, open_high=True)
    kept = np.ones(len(qualities), dtype=np.bool_)
    count = count_share(share, len(qualities))
    if not count:
        return kept
    least = np.partition(qualities, count - 1)[count - 1]
    below = qualities < least
    kept[below] = False
    equal = np.flatnonzero(qualities == least)
    kept[equal[len(equal) - (count - int(below.sum())) :]] = False
    return kept


def count_share(share: float, size: int) -> int:
    """floor(share * size), of the share as it is written."""
    # In floats 0.29 * 100 is 28.999999999999996; what is added against that drops one too many of another share.
    return int(Decimal(str(float(share))) * size)


def count_reasons(names: tuple[str, ...], reasons: NDArray[np.uint8], kept: NDArray[np.bool_]) -> dict[str, int]:
    """How often each reason is that of a passage that goes, the commonest first."""
    counts = np.bincount(reasons[~kept], minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    return {names[place]: int(counts[place]) for place in order if counts[place]}


def count_repeated(hashes: NDArray[np.uint64]) -> int:
    """How many of the hashes that are not 0 were there before."""
    # One copy in memory, where np.unique makes three.
    ordered = np.sort(hashes)
    return int(((ordered[1:] == ordered[:-1]) & (ordered[1:] != 0)).sum())
