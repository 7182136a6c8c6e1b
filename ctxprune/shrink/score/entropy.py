"""EntropyBlock: how much entropy a layer or sublayer adds to the hidden states.

Yang and others, Entropy-Based Block Pruning for Efficient Large Language Models (2025): those whose output is hardly
more uncertain than their input go first; the first two and the last stay.
"""

import math
from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.depth import depth_group, first_rows, unit_states
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_whole, checked_field


@dataclass(frozen=True)
class Entropy(Checked):
    """Entropy of the residual after less that before, in nats, the mean over batches; unlabelled data.

    Attributes:
        estimate: "binned", "kernel" or "neighbours", see the functions of this module.
        count: Bins of each dimension, or number of the neighbour.
        first, last: Numbers of units at the bottom and the top that go only if all others are gone; none of short
            models.
        samples: Most rows of calibration that are read; 0 = all.
    """

    estimate: str = checked_field("neighbours", check_choice, ("binned", "kernel", "neighbours"))
    count: int = checked_field(25, check_whole)
    first: int = 2
    last: int = 1
    samples: int = 0

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,); infinite for protected units."""
        group = depth_group(groups)
        estimate = _ESTIMATES[self.estimate]
        total, batches = torch.zeros(group.count, dtype=torch.float64), 0
        for batch in first_rows(subject, self.samples):
            pairs = unit_states(subject, batch, group)
            total += torch.tensor(
                [
                    estimate(after.double(), self.count) - estimate(before.double(), self.count)
                    for before, after in pairs
                ],
                dtype=torch.float64,
            )
            batches += 1
        scores = total / batches
        # a short model would have no unit left to choose from
        if group.count >= 2 * (self.first + self.last):
            scores[: self.first] = torch.inf
            scores[group.count - self.last :] = torch.inf
        return {group.key: scores}


def binned(states: Tensor, bins: int) -> float:
    """Sum over dimensions of the entropy of a histogram from the least to the greatest value: (tokens, width) in."""
    # a histogram by dimension: one over all dimensions would have a bin for each token
    least, most = states.min(0).values, states.max(0).values
    places = ((states - least) / (most - least).clamp(min=1e-12) * bins).long().clamp(max=bins - 1)
    counts = torch.zeros(states.shape[1], bins, dtype=states.dtype)
    shares = counts.scatter_add_(1, places.T, torch.ones_like(states.T)) / len(states)
    return float(-torch.special.xlogy(shares, shares).sum())


def kernel(states: Tensor, _: int) -> float:
    """Quadratic Rényi entropy of a Gaussian kernel as wide as the median distance, of standardised states."""
    states = (states - states.mean(0)) / states.std(0, correction=0).clamp(min=1e-12)
    distances = torch.cdist(states, states)
    # the median distance, without the zeros of the diagonal
    width = distances[~torch.eye(len(states), dtype=torch.bool)].median().clamp(min=1e-12)
    return float(-(-distances.square() / (2 * width.square())).exp().mean().log())


def neighbours(states: Tensor, number: int) -> float:
    """Kozachenko-Leonenko: d E[log r] + log V_d + log n - log k, r the distance to the k-th neighbour of n states."""
    tokens, width = states.shape
    # short batches have fewer neighbours than were asked for
    number = max(min(number, tokens - 1), 1)
    radii = torch.cdist(states, states).topk(min(number + 1, tokens), largest=False).values[:, -1]
    ball = width / 2 * math.log(math.pi) - math.lgamma(width / 2 + 1)
    return width * float(radii.clamp(min=1e-12).log().mean()) + ball + math.log(tokens) - math.log(number)


_ESTIMATES = {"binned": binned, "kernel": kernel, "neighbours": neighbours}
