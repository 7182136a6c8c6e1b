"""SEAP at run time: which neurons a prompt goes through depends on the task that it looks like."""

from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.domains import add_chooser, split_domains
from ctxprune.shrink.model.cost import unit_costs
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.pathways import ChosenNeurons, link_pathways
from ctxprune.shrink.model.subject import module_of
from ctxprune.shrink.recipes.recipe import build_piece, piece_of
from ctxprune.shrink.recover.route_experts import gated_parts
from ctxprune.shrink.registries import ALLOCATORS, SCORES
from ctxprune.shrink.types import Allocator, Budget, Mapping, Score, Subject
from ctxprune.utils.validation import Checked, check_whole, checked_field


@dataclass(frozen=True)
class ChooseNeurons(Checked):
    """For each task the neurons that matter to it; a row goes through those of the task that it is nearest to.

    Liang and others, SEAP: Training-free Sparse Expert Activation Pruning, 2025. No weight goes: multiply-adds do.

    Attributes:
        tasks: How many clusters of the calibration rows, where the batches name no sources.
        score, allocate: Pieces with their parameters, as in a recipe, run on each task's rows.
    """

    tasks: int = checked_field(4, check_whole)
    score: Mapping[str, Any] = field(default_factory=lambda: {"piece": "clusters.v1", "clusters": 1})
    allocate: Mapping[str, Any] = field(
        default_factory=lambda: {"piece": "layer_shares.v1", "by": "depth", "strength": 1.2}
    )

    def __call__(self, subject: Subject) -> Subject:
        """The same subject, its feed-forward parts replaced; unlabelled data. Notes `tasks`: rows of each.

        Raises:
            UsageError: The model has no gated feed-forward parts, the budget is no time, or they cannot save so much.
        """
        if subject.needed_budget().measure not in ("flops", "latency"):
            raise UsageError("chosen neurons save time alone", where="choose_neurons.v1", hint="target flops")
        parts = gated_parts(subject)
        groups = list(parts.values())
        budget = Budget(groups, unit_costs(subject.model, groups, "flops"), subject.needed_budget().remove)
        domains = split_domains(subject, self.tasks, 21)
        kept = []
        for rows in domains.batches:
            work = replace(subject, calibration=rows, budget=budget)
            score: Score = build_piece(SCORES, piece_of(self.score))
            allocate: Allocator = build_piece(ALLOCATORS, piece_of(self.allocate))
            kept.append(allocate(work, score(work, groups), budget))
        sizes = torch.bincount(domains.labels).double()
        for path, group in parts.items():
            masks = torch.stack([choice[group.key] for choice in kept])
            share = float((masks.double().mean(1) * sizes).sum() / sizes.sum())
            part = ChosenNeurons(module_of(subject.model, path), paths=len(kept), share=share)
            part.kept.copy_(masks)
            replace_module(subject.model, path, part.eval())
        add_chooser(subject, domains)
        link_pathways(subject.model)
        subject.notes["tasks"] = [int(size) for size in sizes]
        return subject
