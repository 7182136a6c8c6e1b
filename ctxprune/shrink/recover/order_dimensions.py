"""Dimensions inside heads, sorted: the u-th dimension of every head is the one that is u-th most active there.

Heads of one layer keep equally many dimensions, each its own; sorted, they are the first ones of every head. Outputs
stay the same, since queries and keys are sorted alike, and values with the columns of the output matrix.
"""

from dataclasses import dataclass

import torch

from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.score.transitional import dimension_norms, output_of
from ctxprune.shrink.types import Subject


@dataclass(frozen=True)
class OrderDimensions:
    """Sorts the rows of query and key by the product of their outputs' norms, those of value by the norm of the mix.

    For `prepare` of stages that take "dimension"; unlabelled data, one pass.
    """

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its weights sorted in place."""
        for group, (matched, mixed) in dimension_norms(subject).items():
            own, first = group.reader.rpartition(".")[0], torch.arange(group.block)[:, None] * group.count
            for norms, names in ((matched, ("query", "key")), (mixed, ("value",))):
                order = (norms.argsort(dim=1, descending=True, stable=True) + first).flatten()
                with torch.no_grad():
                    for name in names:
                        for entry in module_of(subject.model, f"{own}.{name}").parameters():
                            entry.copy_(entry[order])
                    if names == ("value",):
                        weight = module_of(subject.model, output_of(subject, group)).weight
                        weight.copy_(weight[:, order])
        return subject
