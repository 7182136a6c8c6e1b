"""Statistics of mixtures of experts: inputs of a block, and the experts that its router chooses for each token."""

from dataclasses import dataclass

import torch

from ctxprune.shrink.measure.activations import module_inputs
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Group, Sequence, Subject, Tensor


@dataclass(frozen=True)
class Routing:
    """Of one block, over real tokens.

    Attributes:
        inputs: (tokens, width).
        weights: Of each expert in a token's output, 0 where it is not taken: (tokens, experts).
    """

    inputs: Tensor
    weights: Tensor


def block_of(group: Group) -> str:
    """Dotted name of the block of a group of experts."""
    return group.reader.rpartition(".")[0]


def record_routing(subject: Subject, groups: Sequence[Group]) -> dict[str, Routing]:
    """By the block's dotted name, over the calibration data."""
    inputs = module_inputs(subject, [block_of(group) for group in groups])
    found = {}
    for group in groups:
        rows, router = inputs[block_of(group)], module_of(subject.model, group.reader)
        with torch.no_grad():
            _, values, places = router(rows)
        # a last column for experts that are skipped
        weights = torch.zeros(len(rows), group.count + 1).scatter_(1, places, values.float())
        found[block_of(group)] = Routing(rows, weights[:, :-1])
    return found
