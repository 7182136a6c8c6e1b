"""The change of a module's output without a unit, or without it and those already gone.

Li and others, Greedy Output Approximation: Towards Efficient Structured Pruning for LLMs Without Retraining, CPAL 2025:
two coupled matrices are a module of depth 2 whose output is a sum over its units; the unit goes next whose removal,
with those already gone, changes the output least in squared norm. Xu and others, Lightweight and Post-Training
Structured Pruning for On-Device Large Language Models (COMP), 2025, as we read it: how far the output can move,
relative to its size, when a unit goes alone, which is the unit's part in the condition of the output as a sum.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.measure.reconstruction import unit_gram
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor


@dataclass(frozen=True)
class GreedyOutput:
    """The relative squared change of the output once a unit is gone.

    Attributes:
        greedy: Whether units go one after the other, since what is gone together can cancel; otherwise each goes alone,
            and the scores are comparable over groups.
    """

    greedy: bool = True

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward pass, no labels."""
        found = moments(subject, consumers(groups), products=True)
        scores = {}
        for group in groups:
            seen = found[group.consumer]
            weight = parameter_of(subject.model, f"{group.consumer}.weight").detach()
            gram = unit_gram(seen.second, weight, group.block)
            changes = greedy_changes(gram) if self.greedy else gram.diagonal().clamp(min=0)
            scores[group.key] = changes / gram.sum().clamp(min=1e-30)
        return scores


def greedy_changes(gram: Tensor) -> Tensor:
    """Squared norm of the sum of what is gone when each unit has gone, never falling in greedy order: (units,).

    Args:
        gram: Inner products of what the units add: float64 (units, units).
    """
    own, against = gram.diagonal(), torch.zeros(len(gram), dtype=gram.dtype)
    scores, left, gone = torch.zeros_like(against), torch.ones(len(gram), dtype=torch.bool), 0.0
    highest = 0.0
    for place in range(len(gram)):
        step = torch.where(left, own + 2 * against, torch.inf)
        unit = int(step.argmin())
        gone += float(step[unit])
        # cancelling units may lower the sum; a score that falls would break the order
        highest = max(highest, gone) + 1e-12 * float(own.mean()) * (place > 0)
        scores[unit] = highest
        left[unit] = False
        against += gram[unit]
    return scores
