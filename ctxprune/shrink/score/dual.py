"""D-Pruner's score: weights that matter in general and weights that matter to the domain.

Zhang and others, Pruning as a Domain-specific LLM Extractor, Findings of NAACL 2024. In general: G = w^2 / [H^-1]_jj,
H = X X^T + d of open-domain data (OBS). Domain: the loss gets the term r sum G (w' - w)^2, with w' - w = -a g the
step that the domain's slope g would take; its slope, by the Fisher guess g^2 of the curvature, is 2 r a^2 G g^3.
Score |s w + (s w)^2 / 2|, s the sum of both slopes, summed over the calibration examples: the slopes of a trained model
cancel over all of them. Differs: G and g^2 are divided by their means over the matrix, so that the general term is
2 r times the domain's slope for a mean weight, whatever the sizes of weights and slopes; as they stand it is a
millionth of it, and decides nothing.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.measure.gradients import weight_gradients
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.obs import Obs
from ctxprune.shrink.types import Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class Dual(Checked):
    """Of single weights; general importance from `Subject.related`, or from the calibration data where there is none.

    Attributes:
        regular: r, from 0 (the domain alone) up.
        damping: d, as a share of H's mean diagonal.
    """

    regular: float = checked_field(0.5, check_number, minimum=0)
    damping: float = checked_field(0.01, check_number, over=0)

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """float64 of each parameter's shape, from 0 up; labels where the task has them.

        Raises:
            InputError: The loss has no gradient.
            UsageError: A matrix is of no linear module.
        """
        subject.notes["related"] = sum(len(batch["input_ids"]) for batch in subject.related)
        found = Obs(self.damping)(replace(subject, calibration=subject.related or subject.calibration), groups)
        general = {name: score / score.mean().clamp(min=1e-300) for name, score in found.items()}
        weights = {name: parameter_of(subject.model, name).detach().double() for name in groups}
        scores = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        for slopes in weight_gradients(subject, groups):
            for name, slope in slopes.items():
                own = slope.double()
                curve = own.square() / own.square().mean().clamp(min=1e-300)
                whole = own * (1 + 2 * self.regular * general[name] * curve) * weights[name]
                scores[name] += (whole + 0.5 * whole.square()).abs()
        return scores
