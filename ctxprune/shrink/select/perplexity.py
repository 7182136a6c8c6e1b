"""Rows by how likely a reference model finds them.

Ankner and others, Perplexed by Perplexity: Perplexity-Based Data Pruning With Small Reference Models, 2024; Marion
and others, When Less is More: Investigating Data Pruning for Pretraining LLMs at Scale, 2023. Both rank texts by a
reference model's perplexity and keep the low, middle or high part; which is best depends on the data (the second found
the middle). Differs: the reference is the teacher, or the model itself where there is none; rankers have no perplexity,
and a row's cross entropy against its label takes its place.
"""

from dataclasses import dataclass

from ctxprune.shrink.select.base import best_share, group_means, group_numbers, row_losses
from ctxprune.shrink.types import Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field


@dataclass(frozen=True)
class Perplexity(Checked):
    """The groups of low, middle or high perplexity.

    Attributes:
        part: "low", "middle" or "high".
    """

    part: str = checked_field("middle", check_choice, ("high", "low", "middle"))

    def __call__(self, subject: Subject, share: float) -> Tensor:
        """bool (rows,)."""
        losses = row_losses(subject, subject.teacher)
        if self.part != "middle":
            return best_share(subject, losses if self.part == "high" else -losses, share)
        groups = group_numbers(subject)
        places = group_means(losses, groups).argsort(stable=True).argsort(stable=True)[groups].double()
        return best_share(subject, -(places - places.max() / 2).abs(), share)
