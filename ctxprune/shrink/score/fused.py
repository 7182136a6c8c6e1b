"""SAAP's score: coarse and fine importance fused by their uncertainty, raised where a layer's importance is unstable.

Zheng and others, Adaptive Pruning for Large Language Models with Structural Importance Awareness, 2024. Both
importances are taken for outputs with Gaussian noise that does not depend on the input: of the negative log-likelihood
I_v / (2 s_v^2) + I_e / (2 s_e^2) + log(s_v s_e) over all units the best s^2 is the mean importance. A layer's
stability is the spread of its fused importance from sample to sample over its mean.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.gradients import weight_gradients
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Fused(Checked):
    """(I_v / (2 s_v^2) + I_e / (2 s_e^2)) * (1 + stability * spread of the group / its mean).

    I_v is the size of the sum of W * gradient over a unit's part of a parameter, I_e the sum of the sizes, both summed
    over parameters.

    Attributes:
        samples: Examples that are looked at, one by one.
        stability: Weight of a group's fluctuation; 0 = the fused importance alone.
    """

    samples: int = checked_field(10, check_whole, minimum=2)
    stability: float = checked_field(1.0, check_number, minimum=0)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up, comparable over groups; a pass with gradients for each sample, labels.

        Raises:
            InputError: The loss has no gradient.
        """
        names = sorted({part.parameter for group in groups for part in group.slices})
        seen: dict[Key, list[Tensor]] = {group.key: [] for group in groups}
        for gradients in weight_gradients(subject, names, samples=self.samples):
            for group in groups:
                both = torch.zeros(2, group.count, dtype=torch.float64)
                for part in group.slices:
                    weight = parameter_of(subject.model, part.parameter).detach().double()
                    own = unit_parts(weight * gradients[part.parameter], part, group.count)
                    both += torch.stack([own.sum(1).abs(), own.abs().sum(1)])
                seen[group.key].append(both)
        found = {key: torch.stack(both) for key, both in seen.items()}  # (samples, 2, count)
        # one s for all units: a mean over each group would make every layer as important as any other
        means = torch.cat([both.mean(0) for both in found.values()], 1).mean(1)
        fused = {key: (both / (2 * means.clamp(min=1e-30))[:, None]).sum(1) for key, both in found.items()}
        return {key: values.mean(0) * (1 + self.stability * _spread(values.sum(1))) for key, values in fused.items()}


def _spread(totals: Tensor) -> float:
    """Standard deviation over the mean, of a group's importance by sample; 0 for a group that never matters."""
    return float(totals.std(correction=0) / totals.mean().clamp(min=1e-30))
