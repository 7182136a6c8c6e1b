"""Dropping sentences that say again, almost word for word, what another one says."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

from ctxprune._checks import is_number
from ctxprune._memo import ContextMemo
from ctxprune.errors import UsageError
from ctxprune.text import words

from ._policies import WrappedPolicy, best_of, closed, select_within

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ctxprune.context import Context
    from ctxprune.policies import Policy, Selection
    from ctxprune.scorers.base import Scores

    from ._policies import Select

__all__ = ["Distinct", "near_duplicates"]


@dataclass(frozen=True)
class Distinct(WrappedPolicy):
    """As `policy`, but of units that say nearly the same only one may be chosen, over all documents.

    Of such units the one with the best score stays (a pinned one before all others, ties to the earliest); the others
    are dropped with the reason "duplicate of unit i". Units that others hang from or require are never dropped here.

    Attributes:
        policy: Chooses among what remains.
        similarity: Jaccard similarity of the word sets from which two units say the same; over 0.5, up to 1.

    Raises:
        UsageError: The similarity is out of range.
    """

    policy: Policy
    similarity: float = 0.9
    word = "distinct"
    _groups: ContextMemo[list[list[int]]] = field(default_factory=ContextMemo, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        _check(self.similarity)

    def tightened(self, by: int) -> Distinct:
        """See `WrappedPolicy.tightened`; what was found out about a context is handed on."""
        tighter = super().tightened(by)
        object.__setattr__(tighter, "_groups", self._groups)
        return tighter

    def select(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """See `ctxprune.policies.Policy.select`."""
        return self._within(self.policy.select, scores, context, tokens)

    def select_best(self, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        """The wrapped policy's choice where nothing reaches its cut, without duplicates."""
        return self._within(best_of(self.policy), scores, context, tokens)

    def _within(self, select: Select, scores: Scores, context: Context[Any], tokens: NDArray[np.int64]) -> Selection:
        groups = self._groups.get(context, lambda: _groups(context, self.similarity))
        instead: dict[int, int] = {}
        for group in groups:
            best = min(group, key=lambda index: (not context.units[index].pinned, -scores[index], index))
            instead |= {index: best for index in group if index != best}
        among = np.ones(len(context.units), dtype=np.bool_)
        among[list(instead)] = False
        among = closed(among, context)
        reasons = {index: f"duplicate of unit {best}" for index, best in instead.items() if not among[index]}
        return select_within(select, among, scores, context, tokens, reasons=reasons)


def near_duplicates(texts: Sequence[str], *, similarity: float = 0.9) -> list[int | None]:
    """For each text an earlier one that says the same (of several that nearly do the first), None where there is none.

    Two texts say the same where their folded words are equal, or where the sets of their words have at least this
    Jaccard similarity. A text that is a duplicate itself is not looked for. Texts without words have no duplicates.

    Exact and deterministic: by prefix filtering, candidates are texts that share one of their rarest words (Chaudhuri,
    Ganti and Kaushik, ICDE 2006; Bayardo, Ma and Srikant, WWW 2007).

    Raises:
        UsageError: The similarity is not over 0.5 and up to 1.
    """
    _check(similarity)
    sets = [frozenset(words(text)) for text in texts]
    counts = Counter(word for found in sets for word in found)
    holders: defaultdict[tuple[str, int], list[int]] = defaultdict(list)  # by rare word and number of words
    leaders: list[int | None] = []
    seen: dict[frozenset[str], int] = {}
    for index, found in enumerate(sets):
        prefix = sorted(found, key=lambda word: (counts[word], word))[: _prefix(len(found), similarity)]
        leader = seen.get(found) if found else None
        if leader is None:
            sizes = _sizes(len(found), similarity)
            near = {other for word in prefix for size in sizes for other in holders.get((word, size), ())}
            leader = min((other for other in near if _alike(found, sets[other], similarity)), default=None)
        if leader is None and found:
            seen[found] = index
            for word in prefix:
                holders[word, len(found)].append(index)
        leaders.append(leader)
    return leaders


def _groups(context: Context[Any], similarity: float) -> list[list[int]]:
    """Units that say the same, two or more a group."""
    leaders = near_duplicates([unit.text for unit in context.units], similarity=similarity)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for index, leader in enumerate(leaders):
        if leader is not None:
            groups[leader].append(index)
    return [[leader, *others] for leader, others in groups.items()]


def _prefix(size: int, similarity: float) -> int:
    """So many of the rarest words are enough: sets without one of these in common cannot be similar."""
    return size - ceil(similarity * size - 1e-9) + 1


def _sizes(size: int, similarity: float) -> range:
    """Numbers of words that a set similar to one of `size` words can have."""
    return range(ceil(similarity * size - 1e-9), floor(size / similarity + 1e-9) + 1)


def _alike(one: frozenset[str], other: frozenset[str], similarity: float) -> bool:
    common = len(one & other)
    return common >= similarity * (len(one) + len(other) - common) - 1e-9


def _check(similarity: float) -> None:
    if not is_number(similarity) or not 0.5 < similarity <= 1:
        raise UsageError(f"similarity is {similarity!r}", hint="give a number over 0.5, up to 1")
