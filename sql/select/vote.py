"""Execution vote: candidates with equal results support each other, and the best supported result wins."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ctxprune.errors import UsageError

from ..database.equality import is_hollow, orders_rows, result_key
from .base import SELECTORS, Selection, Selector

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from .base import Executed

__all__ = ["VoteSelector", "candidate_weights"]

_LEAST = 1e-6  # of a candidate whose probability is rounded to 0: it is still better than none


@SELECTORS.register("vote.v1")
@dataclass(frozen=True)
class VoteSelector(Selector):
    """Drops failures, groups equal results, prefers non-empty ones, and takes the group of the largest weight.

    Every generator has one vote, and a candidate weighs its probability by that generator, so that a group's weight is
    the probability of its result. Equal scores mean samples: the working ones share the vote evenly. Scores that
    differ, lie in 0..1 and add up to at most 1 are probabilities, and what they leave of 1 is not voted at all: an
    unsure generator defers to others. Any other scores only rank, and each rank weighs half of the one before: however
    many low ranks agree, they do not outvote the first. A candidate that runs only after repair counts less.
    Ties go to the group with the heaviest single candidate, then to the shorter SQL, then to the earlier one.

    Attributes:
        weights: Votes by generator name, above 0; 1 for those not named.
        repaired: Factor of a repaired candidate, above 0. On Spider's training items a small model's statement was
            right in 76 % of cases when it ran at once, and in 46 % when it ran after repair.

    Raises:
        UsageError: A weight is not above 0.

    Examples:
        ```python
        from ctxprune.sql import SELECTORS, Database, Pipeline, Selector, VoteSelector

        selectors: list[Selector] = [
            VoteSelector(weights={"chat.v1": 2.0}),
            SELECTORS.get("ranked")(),
        ]
        with Database("shop.sqlite") as database:
            answers = [
                Pipeline(database, selector=one).ask("How many cities are there?")
                for one in selectors
            ]
        print([answer.rows for answer in answers])  # [((3,),), ((3,),)]
        ```
    """

    weights: Mapping[str, float] = field(default_factory=dict)
    repaired: float = 0.6

    def __post_init__(self) -> None:
        if not self.repaired > 0:
            raise UsageError(f"repaired must be above 0, got {self.repaired}", where="repaired")
        for name, weight in self.weights.items():
            if not weight > 0:
                raise UsageError(f"the weight of {name} must be above 0, got {weight}", where="weights")

    def select(self, question: str, executed: Sequence[Executed]) -> Selection:  # noqa: ARG002 - part of the contract
        """The choice; confidence is the chosen group's share of the weight of all working candidates."""
        weights = candidate_weights(executed, self.weights, self.repaired)
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
        reason = f"{len(chosen)} of {len(weights)} working candidates gave this result"
        return Selection(best, min(share, 1.0), tuple(map(tuple, ranked)), reason)


def candidate_weights(
    executed: Sequence[Executed], votes: Mapping[str, float], repaired: float = 1.0
) -> dict[int, float]:
    """Weight of every working candidate by its index; those of one generator add up to its vote at most."""
    by_generator: dict[str, list[int]] = defaultdict(list)
    for index, item in enumerate(executed):
        if item.result is not None:
            by_generator[item.candidate.generator].append(index)
    weights: dict[int, float] = {}
    for generator, indices in by_generator.items():
        vote = votes.get(generator, 1.0)
        for index, share in _shares(indices, executed).items():
            weights[index] = vote * share * (repaired if executed[index].repairs else 1.0)
    return weights


def _shares(indices: Sequence[int], executed: Sequence[Executed]) -> dict[int, float]:
    """Parts of one generator's vote: by probability, by rank within each path, or all the same."""
    scores = {index: executed[index].candidate.score for index in indices}
    paths: dict[str, list[int]] = defaultdict(list)
    for index in indices:
        paths[executed[index].candidate.path].append(index)
    # Probabilities are told from other scores by their sum: no more than 1 in each path.
    known = any(scores.values()) and all(_adds_up([scores[i] for i in path]) for path in paths.values())
    if not known and len(set(scores.values())) == 1:
        return dict.fromkeys(indices, 1.0 / len(indices))
    shares: dict[int, float] = {}
    for path in paths.values():
        if known:
            shares.update({index: max(scores[index], _LEAST) / len(paths) for index in path})
            continue
        ranked = sorted(path, key=lambda index: -scores[index])
        # Halved from rank to rank, so that all later ranks together never exceed the first.
        raw = {index: 2.0 ** -min(rank, 60) for rank, index in enumerate(ranked)}
        shares.update({index: weight / sum(raw.values()) / len(paths) for index, weight in raw.items()})
    return shares


def _adds_up(scores: Sequence[float]) -> bool:
    return min(scores) >= 0 and sum(scores) <= 1 + 1e-6


def _rank(group: Sequence[int], executed: Sequence[Executed], weights: Mapping[int, float]) -> tuple[object, ...]:
    result = executed[group[0]].result
    # Wrong conditions give empty results far more often than right ones, so these come last.
    hollow = result is None or is_hollow(result)
    # Rounded, so that the order of summation cannot break a tie.
    weight = round(sum(weights[index] for index in group), 9)
    return (hollow, -weight, min(_tie(index, executed, weights) for index in group))


def _tie(index: int, executed: Sequence[Executed], weights: Mapping[int, float]) -> tuple[float, int, int]:
    return (-round(weights[index], 9), len(executed[index].sql), index)
