"""What an expansion says that a layer's weights do to the loss, or to the size of its gradient.

Kim and others, Shortened LLaMA: A Simple Depth Pruning for Large Language Models (2024): the sum over a block's weights
of |w dL/dw|; the first four and the last two of 32 blocks are kept ("Taylor+"). Wang and others, Picking Winning
Tickets Before Training by Preserving Gradient Flow (GraSP), ICLR 2020: without w the squared gradient changes by
-2 w (H g), so w (H g) says how much of the flow is kept; summed over a layer as in Jordao and others, When Layers Play
the Lottery, all Tickets Win at Initialization, ICCV workshops 2023.
"""

from dataclasses import dataclass

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from ctxprune.shrink.measure.depth import depth_group, first_rows
from ctxprune.shrink.measure.gradients import mean_gradients
from ctxprune.shrink.model.cost import matrices
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_range, checked_field


@dataclass(frozen=True)
class LayerTaylor(Checked):
    """Sum over the matrices of a layer or sublayer of |weight times gradient of the mean loss|.

    Attributes:
        criterion: "taylor" for that, or "grasp" for weight times (Hessian times gradient), with its sign.
        first, last: Shares of the units, from the bottom and from the top, that go only if all others are gone.
        samples: Most rows of calibration that are read; 0 = all.
    """

    first: float = checked_field(0.125, check_range)
    last: float = checked_field(0.0625, check_range)
    samples: int = 0
    criterion: str = checked_field("taylor", check_choice, ("grasp", "taylor"))

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), by Taylor from 0 up; infinite for protected units.

        Raises:
            InputError: The loss has no gradient.
        """
        group = depth_group(groups)
        weights = self._by_weight(subject)
        anatomy = subject.anatomy
        if group.kind == "layer":
            owned = [[path for path in weights if path.startswith(f"{layer.path}.")] for layer in anatomy.layers]
        else:
            owned = [
                sorted(
                    {part.parameter for key in sublayer.groups for part in anatomy.groups[key].slices} & set(weights)
                )
                for sublayer in anatomy.sublayers
            ]
        scores = torch.tensor([sum(weights[path] for path in paths) for paths in owned], dtype=torch.float64)
        # never chosen while others are left: the paper keeps both ends
        scores[: round(self.first * group.count)] = torch.inf
        scores[group.count - round(self.last * group.count) :] = torch.inf
        return {group.key: scores}

    def _by_weight(self, subject: Subject) -> dict[str, float]:
        """Each matrix's sum."""
        slopes = mean_gradients(subject, matrices(subject.model), samples=self.samples)
        grasp = self.criterion == "grasp"
        if grasp:
            slopes = hessian_product(subject, slopes, self.samples)
        salience = {name: parameter_of(subject.model, name).detach() * slope for name, slope in slopes.items()}
        return {name: float((entry if grasp else entry.abs()).sum()) for name, entry in salience.items()}


def hessian_product(subject: Subject, slopes: dict[str, Tensor], samples: int) -> dict[str, Tensor]:
    """The Hessian of the mean loss times a vector, both by parameter."""
    entries = [parameter_of(subject.model, name) for name in slopes]
    total, rows = [torch.zeros_like(slope) for slope in slopes.values()], 0
    with subject.frozen(), torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # the fused kernels have no second slope
        for entry in entries:
            entry.requires_grad_(True)
        for batch in first_rows(subject, samples):
            size = len(batch["input_ids"])
            loss = subject.task.loss(subject.model, batch, subject.teacher) * size
            first = torch.autograd.grad(loss, entries, create_graph=True, materialize_grads=True)
            along = sum((one * two).sum() for one, two in zip(first, slopes.values(), strict=True))
            second = torch.autograd.grad(along, entries, materialize_grads=True)
            total = [sums + own for sums, own in zip(total, second, strict=True)]
            rows += size
    return {name: sums / rows for name, sums in zip(slopes, total, strict=True)}
