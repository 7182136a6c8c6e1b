"""First and last layers give nothing as long as the others can.

Ma and others, LLM-Pruner: On the Structural Pruning of Large Language Models, NeurIPS 2023: the first layers and the
last one matter most and stay whole.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_range, checked_field


@dataclass(frozen=True)
class Protected(Checked):
    """The same share of every layer between; what these cannot give comes from the protected ones.

    Attributes:
        first: Share of the layers that is protected at the bottom, 0..1, rounded, one at least if it is above 0.
        last: The same at the top.
    """

    first: float = checked_field(0.1, check_range)
    last: float = checked_field(0.03, check_range)

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group.

        Raises:
            UsageError: So much cannot go.
        """
        layers = sorted({layer for _, layer in scores})
        low, high = (max(round(share * len(layers)), int(share > 0)) for share in (self.first, self.last))
        free = set(layers[low : len(layers) - high])
        inside = Uniform()
        kept = {key: torch.ones(len(score), dtype=torch.bool) for key, score in scores.items()}
        for chosen in ([key for key in scores if key[1] in free], [key for key in scores if key[1] not in free]):
            rest = budget.remove - budget.gone(kept)
            most = sum(float((budget.costs[key].sum() - budget.costs[key].max()).clamp(min=0)) for key in chosen)
            last = any(key[1] not in free for key in chosen)
            if rest > 1e-9 * budget.remove and chosen and (most > 0 or last):
                part = replace(
                    budget,
                    groups=[group for group in budget.groups if group.key in chosen],
                    costs={key: budget.costs[key] for key in chosen},
                    remove=rest if last else min(rest, most),
                )
                kept |= inside(subject, {key: scores[key] for key in chosen}, part)
        return kept
