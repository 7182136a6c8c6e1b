"""What a scorer of column pairs is, and what it sees."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ctxprune.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from .profile import ColumnProfile

__all__ = ["MATCH_SCORERS", "MatchScorer", "Pairs", "common_hashes", "containment"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """Pairs of columns to be scored.

    Attributes:
        source, target: The columns of both schemas.
        rows, columns: int64 (n_pairs,): the places of each pair's columns in `source` and `target`.
    """

    source: Sequence[ColumnProfile]
    target: Sequence[ColumnProfile]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)

    def of(
        self, read: Callable[[ColumnProfile], float | NDArray[np.generic]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What `read` gives of each pair's columns: two arrays (n_pairs,) or, for vectors, (n_pairs, n)."""
        left = np.array([read(profile) for profile in self.source], dtype=np.float64)
        right = np.array([read(profile) for profile in self.target], dtype=np.float64)
        return left[self.rows], right[self.columns]

    @cached_property
    def known(self) -> NDArray[np.bool_]:
        """Whether values of both columns were seen, bool (n_pairs,)."""
        left, right = self.of(lambda profile: profile.known)
        return (left > 0) & (right > 0)

    @cached_property
    def shared_values(self) -> NDArray[np.float64]:
        """float64 (n_pairs, 3): shared values as a share of the source's, of the target's, and of both together."""
        return containment([p.sketch for p in self.source], [p.sketch for p in self.target], self)

    @cached_property
    def shared_tokens(self) -> NDArray[np.float64]:
        """The same of the words in text values."""
        return containment([p.tokens for p in self.source], [p.tokens for p in self.target], self)


class MatchScorer(ABC):
    """Likeness of column pairs by one kind of evidence. Safe to share between threads."""

    @abstractmethod
    def score(self, pairs: Pairs) -> NDArray[np.float64]:
        """float64 (n_pairs,), 0..1, higher = more alike; NaN where this evidence is missing. Empty for no pairs."""


MATCH_SCORERS: Registry[type[MatchScorer]] = Registry(
    "match_scorer",
    {
        "name_characters.v1": "ctxprune.sql.match.scorers.name_characters:NameCharacters",
        "name_words.v1": "ctxprune.sql.match.scorers.name_words:NameWords",
        "name_part.v1": "ctxprune.sql.match.scorers.name_part:NamePart",
        "name_meaning.v1": "ctxprune.sql.match.scorers.name_meaning:NameMeaning",
        "table_name.v1": "ctxprune.sql.match.scorers.table_name:TableName",
        "full_name.v1": "ctxprune.sql.match.scorers.full_name:FullName",
        "description.v1": "ctxprune.sql.match.scorers.description:Description",
        "declared_type.v1": "ctxprune.sql.match.scorers.declared_type:DeclaredType",
        "key_role.v1": "ctxprune.sql.match.scorers.key_role:KeyRole",
        "place.v1": "ctxprune.sql.match.scorers.place:Place",
        "value_containment.v1": "ctxprune.sql.match.scorers.value_containment:ValueContainment",
        "value_jaccard.v1": "ctxprune.sql.match.scorers.value_jaccard:ValueJaccard",
        "value_tokens.v1": "ctxprune.sql.match.scorers.value_tokens:ValueTokens",
        "value_letters.v1": "ctxprune.sql.match.scorers.value_letters:ValueLetters",
        "value_forms.v1": "ctxprune.sql.match.scorers.value_forms:ValueForms",
        "value_length.v1": "ctxprune.sql.match.scorers.value_length:ValueLength",
        "number_quantiles.v1": "ctxprune.sql.match.scorers.number_quantiles:NumberQuantiles",
        "number_range.v1": "ctxprune.sql.match.scorers.number_range:NumberRange",
        "number_share.v1": "ctxprune.sql.match.scorers.number_share:NumberShare",
        "distinctness.v1": "ctxprune.sql.match.scorers.distinctness:Distinctness",
        "filled.v1": "ctxprune.sql.match.scorers.filled:Filled",
    },
)


def common_hashes(
    left: Sequence[NDArray[np.uint64]], right: Sequence[NDArray[np.uint64]]
) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Number of hashes that each sketch of the left side shares with each on the right: its place, int64 (n_right,).

    Left sketches that share none are passed over. One at a time, since columns of like small numbers all share some,
    and a table of all pairs would fill the memory.
    """
    owner = np.repeat(np.arange(len(right)), [len(sketch) for sketch in right])
    hashes = np.concatenate(right) if len(right) else np.empty(0, dtype=np.uint64)
    order = np.argsort(hashes, kind="stable")
    hashes, owner = hashes[order], owner[order]
    for row, sketch in enumerate(left):
        start, end = np.searchsorted(hashes, sketch, "left"), np.searchsorted(hashes, sketch, "right")
        lengths = end - start
        if not lengths.sum():
            continue
        places = np.repeat(start - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
        yield row, np.bincount(owner[places], minlength=len(right))


def containment(
    left: Sequence[NDArray[np.uint64]], right: Sequence[NDArray[np.uint64]], pairs: Pairs
) -> NDArray[np.float64]:
    """float64 (n_pairs, 3): shared values as a share of the left ones, of the right ones, and of both together.

    Exact where a column has no more distinct values than a sketch holds, else an estimate.
    """
    out = np.zeros((len(pairs), 3))
    by_row: dict[int, list[int]] = {}
    for at, row in enumerate(pairs.rows.tolist()):
        by_row.setdefault(row, []).append(at)
    for row, counts in common_hashes(left, right):
        for at in by_row.get(row, ()):
            column = int(pairs.columns[at])
            if counts[column]:
                out[at] = _shares(left[row], right[column], int(counts[column]))
    return np.minimum(out, 1.0)


def _shares(one: NDArray[np.uint64], two: NDArray[np.uint64], shared: int) -> tuple[float, float, float]:
    from .profile import SKETCH

    # Beyond the last hash of a full sketch nothing is known: only what lies below both ends is compared.
    ends = [sketch[-1] for sketch in (one, two) if len(sketch) >= SKETCH]
    n_left, n_right = len(one), len(two)
    if ends:
        n_left, n_right = (int(np.searchsorted(sketch, min(ends), "right")) for sketch in (one, two))
    return shared / max(n_left, shared), shared / max(n_right, shared), shared / max(n_left + n_right - shared, 1)
