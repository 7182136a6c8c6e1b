"""One model with a mask for each domain, all trained together, and masks that adapt on the way.

Xie and others, Dynamic ASR Pathways: An Adaptive Masking Approach Towards Efficient Pruning of a Multilingual ASR
Model, ICASSP 2024: each language has a sub-network of one shared model; batches of one language train its sub-network
alone, and every few steps each mask is chosen anew from all weights, so that a weight that others have trained may
come in.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.learning.adapters import linear_paths
from ctxprune.shrink.learning.domains import add_chooser, split_domains
from ctxprune.shrink.learning.training import TOWARDS, Schedule, loss_towards, train
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.model.families.base import replace_module
from ctxprune.shrink.model.pathways import Masked, choose_pathway, link_pathways
from ctxprune.shrink.model.subject import module_of, parameter_of
from ctxprune.shrink.recover.base import Training
from ctxprune.shrink.types import Batch, Callable, Mapping, Sequence, Subject, Tensor, nn
from ctxprune.utils.validation import check_choice, check_number, check_whole, checked_field


@dataclass(frozen=True)
class Pathways(Training):
    """Wanda's score on each domain's rows chooses its mask; the masks' union has as many weights as the budget leaves.

    Attributes:
        steps: Of the optimiser, each on rows of one domain.
        every: Steps after which masks adapt, until three quarters of all steps are done.
        domains: How many clusters of the rows, where the batches name no sources.
    """

    rate: float = checked_field(1e-3, check_number, over=0)
    every: int = checked_field(20, check_whole)
    domains: int = checked_field(2, check_whole)
    towards: str = checked_field("teacher", check_choice, TOWARDS)

    def __call__(self, subject: Subject) -> Subject:
        """The subject with masks in place of its linear modules. Notes `domains`: rows, and share of weights, of each.

        Raises:
            UsageError: The target is not in weights.
        """
        if subject.needed_budget().measure != "weights":
            raise UsageError("masks per domain leave shapes as they are", where="pathways.v1", hint="target weights")
        paths = linear_paths(subject.model)
        names = [f"{path}.weight" for path in paths]
        domains = split_domains(subject, self.domains, 22)
        total = sum(parameter_of(subject.model, name).numel() for name in names)
        keep = 1 - subject.needed_budget().remove / total
        measured = [weight_moments(replace(subject, calibration=rows), names) for rows in domains.batches]
        norms = [{name: entry.norms.float() for name, entry in found.items()} for found in measured]
        parts = {}
        for path, name in zip(paths, names, strict=True):
            parts[name] = Masked(module_of(subject.model, path), paths=len(norms)).eval()
            replace_module(subject.model, path, parts[name])
        add_chooser(subject, domains)
        link_pathways(subject.model)

        def adapt() -> None:
            with torch.no_grad():
                # also of weights that are in no mask now: they keep their values until the end
                scores = [
                    {name: parts[name].weight.abs() * own[name].to(parts[name].weight) for name in names}
                    for own in norms
                ]
                for name, masks in masks_within(scores, keep).items():
                    parts[name].kept.copy_(masks)

        adapt()
        self._train(subject, domains.batches, adapt)
        choose_pathway(subject.model, None)
        union = {name: part.kept.any(0) for name, part in parts.items()}
        with torch.no_grad():
            for name, part in parts.items():
                part.weight.mul_(union[name])
        sizes = [sum(int(part.kept[place].sum()) for part in parts.values()) / total for place in range(len(norms))]
        rows = torch.bincount(domains.labels).tolist()
        subject.notes["domains"] = [list(pair) for pair in zip(rows, sizes, strict=True)]
        return subject.with_model(subject.model, union)

    def _train(self, subject: Subject, batches: Sequence[Sequence[Batch]], adapt: Callable[[], None]) -> None:
        told = [
            {**batch, "sources": torch.full((len(batch["input_ids"]),), number)}
            for number, rows in enumerate(batches)
            for batch in rows
        ]
        aim = loss_towards(subject, self.towards)

        def loss(model: nn.Module, batch: Batch) -> Tensor:
            choose_pathway(model, int(batch["sources"][0]))
            return aim(model, batch)

        def after(step: int) -> None:
            if step % self.every == 0 and 4 * step <= 3 * self.steps:
                adapt()

        train(replace(subject, calibration=told), Schedule(self.steps, self.rate), loss=loss, after=after)


def masks_within(scores: Sequence[Mapping[str, Tensor]], keep: float) -> dict[str, Tensor]:
    """For each matrix one mask a domain, of the highest scores, whose union has at most a share of all weights.

    Args:
        scores: Of each domain by matrix.
        keep: Share of all weights that are in any mask, above 0.

    Returns:
        bool (domains, outputs, inputs) by matrix; every domain keeps as large a share, the same of every matrix.
    """
    # a weight's place among those of its matrix, 0..1, so that one share cuts them all
    places = {
        name: torch.stack([own[name].flatten().argsort(stable=True).argsort() / own[name].numel() for own in scores])
        for name in scores[0]
    }
    total = sum(part.shape[1] for part in places.values())
    # masks of one domain are nested, so their union grows with the share; it is at most the sum and at least each
    low, high = keep / len(scores), keep
    for _ in range(20):
        middle = (low + high) / 2
        united = sum(int((part >= 1 - middle).any(0).sum()) for part in places.values())
        low, high = (middle, high) if united <= keep * total else (low, middle)
    return {name: (part >= 1 - low).view(len(scores), *scores[0][name].shape) for name, part in places.items()}
