"""Bonsai's score: what random sub-models that have a unit do better than those that have not.

Dery and others, Everybody Prune Now: Structured Pruning of LLMs with only Forward Passes, 2024: sub-models are drawn
with masks m, those of small activations going more often; their utility U = -loss is regressed on the mask bits, U =
m^T b + c, with ||b - p||^2 held down around a prior p from the activations; b is the score.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import moments
from ctxprune.shrink.measure.gates import apply_gates
from ctxprune.shrink.types import Group, Key, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field


@dataclass(frozen=True)
class Perturbation(Checked):
    """Ridge regression of sub-models' utilities on their masks, over all groups at once; forward passes alone.

    Attributes:
        samples: Sub-models, in pairs: a mask and, among the doubtful units, its complement.
        share: Of each group that is taken out of a sub-model, above 0 and up to 0.5.
        doubtful: Only so many times `share` of a group, those of the smallest activations, are tried at all; the others
            stay and get the highest score of the group.
        ridge: Of the regression, relative to the number of sub-models; 0 = plain least squares.
    """

    samples: int = checked_field(200, check_whole, minimum=2)
    share: float = checked_field(0.2, check_range, high=0.5, open_low=True)
    doubtful: float = checked_field(2.0, check_number, minimum=1)
    ridge: float = checked_field(0.01, check_number, minimum=0)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), in units of the task's loss; labels where the task has them."""
        prior = _activity(subject, groups)
        tried = {
            key: size.argsort()[: max(min(round(self.doubtful * self.share * len(size)), len(size)), 1)]
            for key, size in prior.items()
        }
        generator = subject.generator(5)
        masks, utilities = [], []
        drawn: dict[Key, Tensor] = {}
        for number in range(self.samples):
            # complements in pairs cancel what all sub-models have in common
            if number % 2:
                drawn = {key: self._complement(drawn[key], tried[key]) for key in prior}
            else:
                drawn = {key: self._drawn(prior[key], tried[key], generator) for key in prior}
            with apply_gates(subject.model, {key: mask.float() for key, mask in drawn.items()}):
                utilities.append(-subject.loss())
            masks.append(torch.cat([drawn[key][tried[key]].double() for key in prior]))
        guess = torch.cat([prior[key][tried[key]] / prior[key].sum().clamp(min=1e-12) for key in prior])
        found = regress(torch.stack(masks), torch.tensor(utilities, dtype=torch.float64), guess, self.ridge)
        return self._scores(prior, tried, found)

    def _drawn(self, size: Tensor, tried: Tensor, generator: torch.Generator) -> Tensor:
        # units of small activations are drawn more often; the largest still has a chance
        odds = size.max() - size[tried] + 1e-6 * size.max().clamp(min=1e-12)
        number = min(max(round(self.share * len(size)), 1), len(tried))
        mask = torch.ones(len(size), dtype=torch.bool)
        mask[tried[torch.multinomial(odds, number, generator=generator)]] = False
        return mask

    @staticmethod
    def _complement(mask: Tensor, tried: Tensor) -> Tensor:
        turned = torch.ones_like(mask)
        turned[tried] = ~mask[tried]
        return turned

    @staticmethod
    def _scores(prior: Mapping[Key, Tensor], tried: Mapping[Key, Tensor], found: Tensor) -> dict[Key, Tensor]:
        scores, place = {}, 0
        top = float(found.max())
        for key, size in prior.items():
            part = found[place : place + len(tried[key])]
            place += len(tried[key])
            # units that were never removed stay, and rank among themselves by activation
            scores[key] = top + 1e-6 * abs(top) + size / size.max().clamp(min=1e-12)
            scores[key][tried[key]] = part
        return scores


def regress(masks: Tensor, utilities: Tensor, prior: Tensor, ridge: float) -> Tensor:
    """b in U = m^T b + c with ||b - k p||^2 held down, k chosen by the data: float64 (units,).

    Args:
        masks: (models, units), 0 or 1.
        utilities: (models,), higher = better.
        prior: (units,), in any unit.
        ridge: Weight of the prior for each sub-model, from 0 up.
    """
    centred, wanted = masks - masks.mean(0), utilities - utilities.mean()
    told = centred @ prior
    scale = float(told @ wanted / told.square().sum().clamp(min=1e-12))
    # a negative factor would mean that activations mislead: they are then left out
    start = max(scale, 0.0) * prior  # activations help where they say what the sub-models say
    normal = centred.T @ centred + ridge * len(masks) * torch.eye(masks.shape[1], dtype=masks.dtype)
    solved: Tensor = torch.linalg.lstsq(normal, centred.T @ (wanted - centred @ start)).solution
    return start + solved


def _activity(subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
    """Root mean square input of the consumer by unit: float64 (count,); equal where there is no consumer."""
    found = moments(subject, [group.consumer for group in groups if group.consumer])
    return {
        group.key: (found[group.consumer].squares / found[group.consumer].count).view(group.count, -1).mean(1).sqrt()
        if group.consumer
        else torch.ones(group.count, dtype=torch.float64)
        for group in groups
    }
