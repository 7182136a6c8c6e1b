"""Block influence: how much a layer or sublayer turns the residual.

Men and others, ShortGPT: Layers in Large Language Models are More Redundant Than You Expect, Findings of ACL 2025:
BI = 1 - E[cos(x, y)], x before and y after the layer. The contribution of layers in Sajjad and others, On the Effect of
Dropping Layers (2023), is the same of the token that stands for the whole input.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ctxprune.shrink.measure.depth import check_tokens, cosines, depth_group, first_rows, token_places, unit_states

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Group, Key
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Influence"]


@dataclass(frozen=True)
class Influence:
    """1 less the mean cosine of the residual before and after; unlabelled data.

    Attributes:
        tokens: Which tokens count, one of `ctxprune.shrink.measure.depth.TOKENS`.
        samples: Most rows of calibration that are read; 0 = all.
    """

    tokens: str = "all"
    samples: int = 0

    def __post_init__(self) -> None:
        check_tokens(self.tokens)

    def __call__(self, subject: Subject, groups: Sequence[Group]) -> dict[Key, Tensor]:
        """float64 (count,), 0..2; 0 = the direction stays as it is."""
        group = depth_group(groups)
        total, count = torch.zeros(group.count, dtype=torch.float64), 0
        for batch in first_rows(subject, self.samples):
            # a token each, or those of the summary alone: padding would count as "no change"
            places = token_places(batch, self.tokens, subject.anatomy)
            pairs = unit_states(subject, batch, group)
            total += torch.stack([cosines(before[places], after[places]).sum() for before, after in pairs])
            count += len(places)
        return {group.key: 1 - total / max(count, 1)}
