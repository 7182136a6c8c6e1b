"""Block influence: how much a layer or sublayer turns the residual.

Men and others, ShortGPT: Layers in Large Language Models are More Redundant Than You Expect, Findings of ACL 2025:
BI = 1 - E[cos(x, y)], x before and y after the layer. The contribution of layers in Sajjad and others, On the Effect of
Dropping Layers (2023), is the same of the token that stands for the whole input.
"""

from dataclasses import dataclass

from ctxprune.shrink.measure.depth import TOKENS, depth_group, run_changes
from ctxprune.shrink.types import Group, Key, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class Influence(Checked):
    """1 less the mean cosine of the residual before and after; unlabelled data.

    Attributes:
        tokens: Which tokens count, one of `ctxprune.shrink.measure.depth.TOKENS`.
        samples: Most rows of calibration that are read; 0 = all.
    """

    tokens: str = checked_field("all", check_choice, TOKENS)
    samples: int = 0

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), 0..2; 0 = the direction stays as it is."""
        group = depth_group(groups)
        runs = [(place, place + 1) for place in range(group.count)]
        return {group.key: run_changes(subject, group, runs, tokens=self.tokens, samples=self.samples)}
