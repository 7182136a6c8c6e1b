"""One scale for each unit that stays, by least squares.

Kwon and others, A Fast Post-Training Pruning Framework for Transformers, NeurIPS 2022: from the bottom up, the scales
of a sublayer's units are solved so that its sum with the residual is the teacher's; they are folded into the weights.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.reconstruction import ridge_solve, unit_gram, wanted_in_order
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, checked_field


@dataclass(frozen=True)
class MaskTuning(Checked):
    """min over scales s of sum over tokens ||y - sum_u s_u o_u||^2, o_u what unit u adds to the sublayer's output.

    Scales are clipped; where clipped ones are no better than 1, a sublayer stays as it is.

    Attributes:
        limit: Largest size of a scale, from 1 up.
        ridge: Pull towards 1, as a share of the mean of sum ||o_u||^2, from 0 up.
    """

    limit: float = checked_field(10.0, check_number, minimum=1)
    ridge: float = checked_field(1e-4, check_number, minimum=0)

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice; passes forward without labels."""
        for group, fit in wanted_in_order(subject, kept):
            linear, mask = module_of(subject.model, group.consumer), kept[group.key]
            weight = linear.weight.detach().double()
            gram = unit_gram(fit.products, weight, group.block)[mask][:, mask]
            right = (fit.cross * weight.T).view(group.count, -1).sum(1)[mask]
            scales = torch.ones(group.count, dtype=torch.float64)
            scales[mask] = tune_scales(gram, right, self.limit, self.ridge)
            with torch.no_grad():
                linear.weight *= scales.repeat_interleave(group.block).to(linear.weight.dtype)
        return kept


def tune_scales(gram: Tensor, right: Tensor, limit: float, ridge: float) -> Tensor:
    """Scales within -limit..limit whose error s^T gram s - 2 s^T right is at most that of ones: float64 (units,)."""
    ones = torch.ones(len(gram), dtype=gram.dtype)
    # solved as a difference from 1, so that the ridge pulls towards "no change"
    scales = (ones + ridge_solve(gram, right - gram @ ones, ridge)).clamp(-limit, limit)
    # clipping may undo what solving gained
    errors = [float(tried @ gram @ tried - 2 * tried @ right) for tried in (scales, ones)]
    return scales if errors[0] < errors[1] else ones
