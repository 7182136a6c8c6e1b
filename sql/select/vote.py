"""Execution vote: candidates with equal results support each other, and the best supported result wins."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from .base import SELECTORS, Selection
from .results import is_hollow, orders_rows, result_key

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from .base import Executed

__all__ = ["VoteSelector", "candidate_weights"]


@SELECTORS.register("vote.v1")
@dataclass(frozen=True)
class VoteSelector:
    """Drops failures, groups equal results, prefers non-empty ones, and takes the group of the largest weight.

    Every generator has one vote, which its working candidates share. Where a generator's scores differ, its candidates
    are a ranked list, and each rank weighs half of the one before: however many low ranks agree, they do not outvote
    the first. Where the scores are equal, the candidates are samples and weigh the same, so that a sum estimates the
    model's own probability of a result. Ties go to the group with the heaviest single candidate, then to the shorter
    SQL, then to the earlier one.

    Attributes:
        weights: Votes by generator name, above 0; 1 for those not named.

    Raises:
        UsageError: A weight is not above 0.
    """

    weights: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, weight in self.weights.items():
            if not weight > 0:
                raise UsageError(f"the weight of {name} must be above 0, got {weight}", where="weights")

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:  # noqa: ARG002 - part of the contract
        """The choice; confidence is the chosen group's share of the weight of all working candidates."""
        weights = candidate_weights(executed, self.weights)
        if not weights:
            return Selection(None, 0.0, (), "no candidate could be run" if executed else "there is no candidate")
        groups: dict[Hashable, list[int]] = defaultdict(list)
        for index in weights:
            item = executed[index]
            if item.result is not None:
                groups[result_key(item.result, ordered=orders_rows(item.sql))].append(index)
        ranked = sorted(groups.values(), key=lambda group: _rank(group, executed, weights))
        chosen = ranked[0]
        best = min(chosen, key=lambda index: _tie(index, executed, weights))
        share = sum(weights[index] for index in chosen) / sum(weights.values())
        reason = f"{len(chosen)} of {len(weights)} working candidates agree"
        return Selection(best, min(share, 1.0), tuple(map(tuple, ranked)), reason)


def candidate_weights(executed: Sequence[Executed], votes: Mapping[str, float]) -> dict[int, float]:
    """Weight of every working candidate by its index; the weights of one generator add up to its vote."""
    lists: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for index, item in enumerate(executed):
        if item.result is not None:
            lists[item.candidate.generator][item.candidate.path].append(index)
    weights: dict[int, float] = {}
    for generator, paths in lists.items():
        raw: dict[int, float] = {}
        for indices in paths.values():
            raw.update(_raw_weights(indices, executed))
        total = sum(raw.values())
        vote = votes.get(generator, 1.0)
        weights.update({index: vote * weight / total for index, weight in raw.items()})
    return weights


def _raw_weights(indices: Sequence[int], executed: Sequence[Executed]) -> dict[int, float]:
    scores = {executed[index].candidate.score for index in indices}
    if len(scores) < 2:
        return dict.fromkeys(indices, 1.0)
    ranked = sorted(indices, key=lambda index: -executed[index].candidate.score)
    return {index: 2.0 ** -min(rank, 60) for rank, index in enumerate(ranked)}


def _rank(group: Sequence[int], executed: Sequence[Executed], weights: Mapping[int, float]) -> tuple[object, ...]:
    result = executed[group[0]].result
    hollow = result is None or is_hollow(result)
    weight = round(sum(weights[index] for index in group), 9)
    return (hollow, -weight, min(_tie(index, executed, weights) for index in group))


def _tie(index: int, executed: Sequence[Executed], weights: Mapping[int, float]) -> tuple[float, int, int]:
    return (-round(weights[index], 9), len(executed[index].sql), index)
