"""FLAP's compensation: what a removed input adds on the mean becomes a bias."""

from dataclasses import dataclass

import torch
from torch import nn

from ctxprune.shrink.measure.activations import consumers, moments
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class MeanBias:
    """bias += sum over removed inputs j of mean(x_j) * W[:, j]; a bias is made where there is none."""

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice."""
        groups = [subject.anatomy.groups[key] for key, mask in kept.items() if not bool(mask.all())]
        found = moments(subject, consumers(groups))
        for group in groups:
            linear = module_of(subject.model, group.consumer)
            gone = (~kept[group.key]).repeat_interleave(group.block)
            added = linear.weight.detach()[:, gone] @ found[group.consumer].mean[gone].to(linear.weight.dtype)
            if linear.bias is None:
                linear.bias = nn.Parameter(torch.zeros_like(added))
            with torch.no_grad():
                linear.bias += added
        return kept
