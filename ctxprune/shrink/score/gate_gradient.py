"""How fast the loss moves with a unit's gate.

Michel and others, Are Sixteen Heads Really Better than One?, NeurIPS 2019: I_u = E|dL/dm_u| at m = 1, over the l2
norm of its layer's. Kwon and others, A Fast Post-Training Pruning Framework for Transformers, NeurIPS 2022: the
diagonal Fisher information E[(dL/dm_u)^2], of which half the sum over a set is what its going adds to the loss.
"""

from dataclasses import dataclass

from ctxprune.shrink.measure.gradients import gate_gradients, require_gradient
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class GateGradient(Checked):
    """Mean over rows of a power of the slope's size.

    Attributes:
        power: 1, or 2 for the Fisher information.
        normalise: Whether each group's scores are divided by their l2 norm; if not, they are comparable over groups.
    """

    power: int = checked_field(1, check_choice, (1, 2))
    normalise: bool = True

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; one forward and backward pass, labels (a decoder's are its tokens).

        Raises:
            InputError: The loss has no gradient.
        """
        slopes = gate_gradients(subject, groups)
        scores = {key: slope.double().abs().pow(self.power).mean(0) for key, slope in slopes.items()}
        require_gradient(scores.values())
        if not self.normalise:
            return scores
        return {key: score / score.norm().clamp(min=1e-30) for key, score in scores.items()}
