"""Evolution of what is kept: levels of sparsity by group, and which units, mutated and crossed; the worst are dropped.

Tang and others, DarwinLM: Evolutionary Structured Pruning of Large Language Models, 2025. An offspring moves a level
from one group to another of the same kind, so that the budget holds; it is judged by the divergence from the teacher
after a few steps of training, on more data and with more steps in each round of selection.

Shen and others, Search for Efficient Large Language Models, NeurIPS 2024: from a first subnet by importance also the
masks mutate, units that are kept against others of their group, and two parents are crossed group by group.
"""

from dataclasses import dataclass, replace

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.uniform import Uniform
from ctxprune.shrink.learning.training import Schedule, train
from ctxprune.shrink.model.surgery import remove
from ctxprune.shrink.model.tasks.base import distillation_loss
from ctxprune.shrink.types import Budget, Key, Mapping, Subject, Tensor
from ctxprune.utils.validation import Checked, check_number, check_range, check_whole, checked_field

Masks = dict[Key, Tensor]


@dataclass(frozen=True)
class Evolution(Checked):
    """Starts from the uniform choice; in each generation the best of parents and offspring become the parents.

    Attributes:
        generations: Of the search.
        offspring: In each.
        survivors: Left after each round of selection; the last ones are the next parents, the first of them the choice.
        training: Steps of training in each round of selection; 0 = judged as it is.
        rate: Of the training.
        level: Share of a group that moves in a mutation, above 0 and under 1; one unit at least.
        swap: Share of a group's kept units that a mutation exchanges for others, 0..1; 0 = those of the highest scores
            are kept.
        crossed: Share of the offspring that take each group from one of two parents, 0..1.
    """

    generations: int = checked_field(20, check_whole)
    offspring: int = checked_field(8, check_whole)
    survivors: tuple[int, ...] = (4, 2, 1)
    training: tuple[int, ...] = (2, 5, 10)
    rate: float = checked_field(1e-5, check_number, over=0)
    level: float = checked_field(0.1, check_range, open_low=True, open_high=True)
    swap: float = checked_field(0.0, check_range)
    crossed: float = checked_field(0.0, check_range)

    def __post_init__(self) -> None:
        super().__post_init__()
        matched = 0 < len(self.survivors) == len(self.training)
        if not matched or min(*self.survivors, *self.training) < 0:
            raise UsageError(f"survivors are {self.survivors} and training {self.training}", hint="one of each a round")

    def __call__(self, subject: Subject, scores: Mapping[Key, Tensor], budget: Budget) -> dict[Key, Tensor]:
        """bool (count,) by group; never less than the budget goes."""
        parents = [Uniform()(subject, scores, budget)]
        order = {key: score.argsort(descending=True, stable=True) for key, score in scores.items()}
        generator = subject.generator(7)
        for _ in range(self.generations):
            # parents compete, so that a generation is never worse than the one before
            found = list(parents)
            for _ in range(10 * self.offspring):  # a small model may have few neighbours
                child = self._child(parents, order, budget, generator)
                new = not any(all(torch.equal(child[key], other[key]) for key in child) for other in found)
                if new and budget.gone(child) >= budget.remove * (1 - 1e-9):
                    found.append(child)
                if len(found) >= self.offspring + len(parents):
                    break
            parents = self._select(subject, found)
        subject.notes["evolution"] = {f"{kind} {layer}": int(mask.sum()) for (kind, layer), mask in parents[0].items()}
        return parents[0]

    def _child(self, parents: list[Masks], order: Masks, budget: Budget, generator: torch.Generator) -> Masks:
        first, second = (parents[_draw(len(parents), generator)] for _ in range(2))
        if self.crossed and float(torch.rand((), generator=generator)) < self.crossed:
            return {key: (first, second)[_draw(2, generator)][key].clone() for key in first}
        child, keys = {key: mask.clone() for key, mask in first.items()}, sorted(first)
        # the lesser of two draws: small mutations are more frequent
        for _ in range(int(torch.randint(1, 4, (2,), generator=generator).min())):
            up = keys[_draw(len(keys), generator)]
            if self.swap:
                self._exchange(child[up], generator)
            # within one kind a level costs about the same, so that the budget stays met
            alike = [key for key in keys if key[0] == up[0] and key != up]
            if not alike:
                continue
            down = alike[_draw(len(alike), generator)]
            step = min(max(round(self.level * len(order[up])), 1), int((~child[up]).sum()))
            price = float(budget.costs[up][0]) / max(float(budget.costs[down][0]), 1e-12)
            # the group that pays may have cheaper units
            back = -int(-step * price // 1)  # as many as pay for it, rounded up
            if step and int(child[down].sum()) - back >= 1:
                ranked = order[up]
                child[up][ranked[~child[up][ranked]][:step]] = True
                ranked = order[down].flip(0)
                child[down][ranked[child[down][ranked]][:back]] = False
        return child

    def _exchange(self, mask: Tensor, generator: torch.Generator) -> None:
        """Kept units against others of their group, by chance, as many as there are of both; in place."""
        inside, outside = mask.nonzero().flatten(), (~mask).nonzero().flatten()
        count = min(max(round(self.swap * len(inside)), 1), len(outside))
        mask[inside[torch.randperm(len(inside), generator=generator)[:count]]] = False
        # of units that cost the same within a group, as all do, the budget stays met
        mask[outside[torch.randperm(len(outside), generator=generator)[:count]]] = True

    def _select(self, subject: Subject, found: list[Masks]) -> list[Masks]:
        """The best ones: fewer are left after each round, with more data and longer training."""
        batches = list(subject.needed_calibration())
        for number, (left, steps) in enumerate(zip(self.survivors, self.training, strict=True)):
            # little data and training for the many, more for the few that are left
            seen = batches[: max(len(batches) * (number + 1) // len(self.training), 1)]
            values = [self._distance(subject, child, seen, steps) for child in found]
            best = sorted(range(len(found)), key=lambda place: (values[place], place))
            found = [found[place] for place in best[: max(left, 1)]]
        return found

    def _distance(self, subject: Subject, child: Masks, seen: list[Mapping[str, Tensor]], steps: int) -> float:
        small = remove(subject.model, child)
        teacher = subject.teacher or subject.model
        trial = replace(subject, model=small, teacher=teacher, calibration=seen, masks={}, notes={})
        if steps:
            train(trial, Schedule(steps, self.rate))
        with torch.no_grad():
            return sum(float(distillation_loss(subject.task, small, batch, teacher)) for batch in seen) / len(seen)


def _draw(count: int, generator: torch.Generator) -> int:
    """A place among so many; where there is no choice the generator stays as it is."""
    return int(torch.randint(count, (1,), generator=generator)) if count > 1 else 0
