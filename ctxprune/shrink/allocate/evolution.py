"""DarwinLM's search: levels of sparsity by group, mutated, trained a little, the worst dropped.

Tang and others, DarwinLM: Evolutionary Structured Pruning of Large Language Models, 2025. An offspring moves a level
from one group to another of the same kind, so that the budget holds; it is judged by the divergence from the teacher
after a few steps of training, on more data and with more steps in each round of selection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.surgery import remove
from ctxprune.shrink.model.tasks.base import distillation_loss

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from ctxprune.shrink.model.anatomy import Key
    from ctxprune.shrink.model.budget import Budget
    from ctxprune.shrink.model.subject import Subject

__all__ = ["Evolution"]

Counts = dict["Key", int]


@dataclass(frozen=True)
class Evolution:
    """Starts from the uniform choice; in each generation the best of parent and offspring becomes the parent.

    Attributes:
        generations: Of the search.
        offspring: In each.
        survivors: Left after each round of selection; the last one's first is the next parent.
        training: Steps of training in each round of selection; 0 = judged as it is.
        rate: Of the training.
        level: Share of a group that moves in a mutation, above 0 and under 1; one unit at least.
    """

    generations: int = 20
    offspring: int = 8
    survivors: tuple[int, ...] = (4, 2, 1)
    training: tuple[int, ...] = (2, 5, 10)
    rate: float = 1e-5
    level: float = 0.1

    def __post_init__(self) -> None:
        object.__setattr__(self, "survivors", tuple(self.survivors))
        object.__setattr__(self, "training", tuple(self.training))
        if self.generations < 1 or self.offspring < 1 or not 0 < self.level < 1 or self.rate <= 0:
            raise UsageError(f"{self} is out of range", hint="generations and offspring from 1, level under 1")
        if (
            not self.survivors
            or len(self.survivors) != len(self.training)
            or min(*self.survivors, *self.training, 1) < 0
        ):
            raise UsageError(f"survivors are {self.survivors} and training {self.training}", hint="one of each a round")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; never less than the budget goes."""
        start = Uniform()(subject, scores, budget)
        parent = {key: int(mask.sum()) for key, mask in start.items()}
        order = {key: score.argsort(descending=True, stable=True) for key, score in scores.items()}
        generator = subject.generator(7)
        for _ in range(self.generations):
            # the parent competes, so that a generation is never worse than the one before
            found = [parent]
            for _ in range(10 * self.offspring):  # a small model may have few neighbours
                child = self._mutated(parent, scores, budget, generator)
                if child not in found and budget.gone(_masks(child, order)) >= budget.remove * (1 - 1e-9):
                    found.append(child)
                if len(found) > self.offspring:
                    break
            parent = self._selected(subject, found, order)
        kept = _masks(parent, order)
        subject.notes["evolution"] = {f"{kind} {layer}": count for (kind, layer), count in parent.items()}
        return kept

    def _mutated(
        self, parent: Counts, scores: Mapping[Key, Tensor], budget: Budget, generator: torch.Generator
    ) -> Counts:
        child, keys = dict(parent), sorted(parent)
        # the lesser of two draws: small mutations are more frequent
        flips = int(torch.randint(1, 4, (2,), generator=generator).min())
        for _ in range(flips):
            up = keys[int(torch.randint(len(keys), (1,), generator=generator))]
            # within one kind a level costs about the same, so that the budget stays met
            alike = [key for key in keys if key[0] == up[0] and key != up]
            if not alike:
                continue
            down = alike[int(torch.randint(len(alike), (1,), generator=generator))]
            step = max(round(self.level * len(scores[up])), 1)
            step = min(step, len(scores[up]) - child[up])
            price = float(budget.costs[up][0]) / max(float(budget.costs[down][0]), 1e-12)
            # the group that pays may have cheaper units
            back = -int(-step * price // 1)  # as many as pay for it, rounded up
            if step and child[down] - back >= 1:
                child[up] += step
                child[down] -= back
        return child

    def _selected(self, subject: Subject, found: list[Counts], order: Mapping[Key, Tensor]) -> Counts:
        """The best one: fewer are left after each round, with more data and longer training."""
        batches = list(subject.needed_calibration())
        for number, (left, steps) in enumerate(zip(self.survivors, self.training, strict=True)):
            # little data and training for the many, more for the few that are left
            seen = batches[: max(len(batches) * (number + 1) // len(self.training), 1)]
            values = [self._distance(subject, child, order, seen, steps) for child in found]
            best = sorted(range(len(found)), key=lambda place: (values[place], place))
            found = [found[place] for place in best[: max(left, 1)]]
        return found[0]

    def _distance(
        self, subject: Subject, child: Counts, order: Mapping[Key, Tensor], seen: list[Mapping[str, Tensor]], steps: int
    ) -> float:
        small = remove(subject.model, _masks(child, order))
        teacher = subject.teacher or subject.model
        trial = replace(subject, model=small, teacher=teacher, calibration=seen, masks={}, notes={})
        if steps:
            train(trial, Schedule(steps, self.rate))
        with torch.no_grad():
            return sum(float(distillation_loss(subject.task, small, batch, teacher)) for batch in seen) / len(seen)


def _masks(counts: Counts, order: Mapping[Key, Tensor]) -> dict[Key, Tensor]:
    masks = {}
    for key, count in counts.items():
        masks[key] = torch.zeros(len(order[key]), dtype=torch.bool)
        masks[key][order[key][:count]] = True
    return masks
