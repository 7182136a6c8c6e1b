"""Experts that go are merged into those that stay."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from ctxprune.shrink.learning.clustering import farthest_centres, k_means
from ctxprune.shrink.measure.experts import block_of, record_routing
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.types import Key, Mapping, Subject, Tensor


@dataclass(frozen=True)
class MergeExperts:
    """Each expert that goes joins the kept one of the most similar router logits; matrices become means by use.

    Li and others, Merge, Then Compress, ICLR 2024 (MC-SMoE): similarity is the cosine of two experts' logits over the
    calibration tokens, use is how much the router gives to each. Neurons are not brought into one order first, and the
    merged experts are not compressed further. One pass, unlabelled.

    Sarkar and others, Revisiting SMoE Language Models by Evaluating Inefficiencies with Task Specific Expert Pruning,
    2024 (UNCURL): experts are clustered by their router logits on the task's data, into as many clusters as experts may
    stay, and each cluster becomes one expert.

    Attributes:
        clusters: Whether the choice is made anew by k-means over the experts' logits: of each cluster the expert that
            is used most stays, and the others join it.
    """

    clusters: bool = False

    def __call__(self, subject: Subject, kept: Mapping[Key, Tensor]) -> Mapping[Key, Tensor]:
        """The same choice, or that of the clusters."""
        kept = dict(kept)
        groups = [
            subject.anatomy.groups[key] for key, mask in kept.items() if key[0] == "expert" and not bool(mask.all())
        ]
        found = record_routing(subject, groups)
        for group in groups:
            here = found[block_of(group)]
            with torch.no_grad():
                logits = functional.normalize(module_of(subject.model, group.reader)(here.inputs)[0].float().T, dim=1)
                # an expert that was never used still needs a share, or the mean would divide by zero
                use = here.weights.mean(0) + 1e-6
                if self.clusters:
                    count = int(kept[group.key].sum())
                    joins = cluster_leaders(logits, use, count, subject.generator(18))
                    kept[group.key] = joins == torch.arange(group.count)
                mask = kept[group.key]
                if not self.clusters:
                    # experts that the router wants for the same tokens do similar work
                    likeness = (logits @ logits.T).masked_fill(~mask, -torch.inf)
                    joins = torch.where(mask, torch.arange(group.count), likeness.argmax(1))
                shares = torch.zeros(group.count, group.count)
                shares[joins, torch.arange(group.count)] = use
                shares = shares / shares.sum(1, keepdim=True).clamp(min=1e-12)
                for part in group.slices:
                    if part.parameter.startswith(f"{block_of(group)}.experts."):
                        entry = subject.model.get_parameter(part.parameter)
                        merged = torch.tensordot(shares.to(entry.dtype), entry, dims=1)
                        entry.copy_(torch.where(mask.view(-1, *[1] * (entry.ndim - 1)), merged, entry))
        return kept


def cluster_leaders(points: Tensor, use: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """By expert the one of its cluster that is used most: int64 (experts,), with exactly `count` different values.

    Args:
        points: Of each expert, (experts, features).
        use: (experts,).
        count: From 1 up to the number of experts.
        generator: For the first centre.
    """
    labels = k_means(points, farthest_centres(points, count, generator))
    leaders = torch.stack([torch.where(labels == label, use, -1.0).argmax() for label in labels])
    # experts of equal logits may leave a cluster empty: those that are used most then stay for themselves
    for expert in use.argsort(descending=True, stable=True).tolist():
        if len(leaders.unique()) < count and int(leaders[expert]) != expert:
            leaders[expert] = expert
    return leaders
