"""Experts: how much of the output the router gives to them."""

from dataclasses import dataclass

from ctxprune.shrink.measure.experts import block_of, record_routing
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor


@dataclass(frozen=True)
class ExpertUse:
    """Mean over real tokens of an expert's weight in the block's output, 0 where it is not taken.

    The frequency by which Li and others, Merge, Then Compress: Demystify Efficient SMoE with Hints from Its Routing
    Policy, ICLR 2024, choose the experts that others are merged into. One pass, unlabelled.
    """

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float32 (count,), 0..1; sums to about 1."""
        found = record_routing(subject, groups)
        return {group.key: found[block_of(group)].weights.mean(0) for group in groups}
