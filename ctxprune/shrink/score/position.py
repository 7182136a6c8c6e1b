"""Places of layers as scores: top, bottom, alternate or middle layers go first.

Sajjad and others, On the Effect of Dropping Layers of Pre-trained Transformer Models, Computer Speech and Language
2023.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.depth import depth_group
from ctxprune.shrink.types import Callable, Group, Key, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field

PATTERNS: Mapping[str, Callable[[int, int], float]] = {
    "top": lambda place, count: count - 1 - place,
    "bottom": lambda place, _: place,
    "alternate_odd": lambda place, count: _alternate(place, count, first=1),
    "alternate_even": lambda place, count: _alternate(place, count, first=0),
    "symmetric": lambda place, count: abs(place - (count - 1) / 2) - 0.01 * place / count,
}
"""Score of a place among so many. Of twelve layers, counted from 1, alternate_odd drops 11, 9, 7, …, alternate_even 12,
10, 8, …, both the rest from the top; symmetric drops from the middle, the later of two that are as near to it first."""


@dataclass(frozen=True)
class Position(Checked):
    """Where a layer or sublayer stands, and nothing else; no data.

    Attributes:
        pattern: Which go first, one of `PATTERNS`.
    """

    pattern: str = checked_field("top", check_choice, PATTERNS)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:  # noqa: ARG002
        """float64 (count,), the lowest where the pattern starts."""
        group = depth_group(groups)
        rank = PATTERNS[self.pattern]
        scores = [rank(place, group.count) for place in range(group.count)]
        return {group.key: torch.tensor(scores, dtype=torch.float64)}


def _alternate(place: int, count: int, *, first: int) -> float:
    # every other unit first, from the top; the rest follow in the same order
    from_top = count - 1 - place
    return from_top if from_top % 2 == first else count + from_top
