"""LLM-Pruner's score: what the loss is expected to change by when a unit's weights become zero.

Ma and others, LLM-Pruner: On the Structural Pruning of Large Language Models, NeurIPS 2023. Of a weight W with the
gradient g and the mean h of squared gradients of single samples: first order |W g|, second |W^2 h / 2|, mixed
|W g - W^2 h / 2|. By element the sizes are summed over a unit's part of each parameter; by vector the
size is taken of the sum.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.gradients import gradient_moments
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score.base import unit_parts
from ctxprune.shrink.types import Callable, Group, Key, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, check_whole, checked_field

_JOINED: Mapping[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda parts: parts.sum(0),
    "prod": lambda parts: parts.prod(0),
    "max": lambda parts: parts.amax(0),
    "last": lambda parts: parts[-1],
}


@dataclass(frozen=True)
class Taylor(Checked):
    """The expansion's terms, summed over a unit.

    Attributes:
        order: "first", "second" or "mixed" (both terms).
        by: "element" or "vector".
        over: How the parts of a unit in several parameters become one: "sum", "prod", "max", or "last" (the part in the
            matrix that runs last: what it makes zero is lost, whatever the others say).
        samples: Examples that are looked at, one by one (rows, or what the task takes a loss of).
    """

    order: str = checked_field("mixed", check_choice, ("first", "mixed", "second"))
    by: str = checked_field("element", check_choice, ("element", "vector"))
    over: str = checked_field("sum", check_choice, _JOINED)
    samples: int = checked_field(10, check_whole)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), from 0 up; a pass with gradients for each sample, labels (a decoder's are its tokens).

        Raises:
            InputError: The loss has no gradient.
        """
        names = sorted({part.parameter for group in groups for part in group.slices})
        gradients, squares, _ = gradient_moments(subject, names, samples=self.samples)
        scores = {}
        for group in groups:
            parts = []
            for part in group.slices:
                weight = parameter_of(subject.model, part.parameter).detach().double()
                first, second = weight * gradients[part.parameter], 0.5 * weight.square() * squares[part.parameter]
                salience = {"first": first, "second": second, "mixed": first - second}[self.order]
                own = unit_parts(salience, part, group.count)
                # summed before or after the absolute value: whether a unit's elements may cancel out
                parts.append(own.abs().sum(1) if self.by == "element" else own.sum(1).abs())
            # families list the matrix that reads a group's units last
            scores[group.key] = _JOINED[self.over](torch.stack(parts))
        return scores
