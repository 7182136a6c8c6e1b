"""Single weights: a score found by an evolution of symbolic forms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import torch

from ctxprune.errors import UsageError
from ctxprune.shrink.allocate.per_row import PerRow
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.measure.gradients import gradient_norms
from ctxprune.shrink.measure.substituted import Substituted
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.score._expressions import Tree, evaluate_tree, format_tree, grow_tree, mutate_tree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from ctxprune.shrink.model.subject import Subject

__all__ = ["Symbolic"]

_KNOWN: tuple[Tree, ...] = (
    "W",
    ("*", "W", "X"),
    ("*", "W", ("+", "G", "X")),
    ("*", ("square", "W"), ("scaled", "G")),
)


@dataclass(frozen=True)
class Symbolic:
    """The form over |W|, ||G|| and ||X|| whose pruned model is nearest to the teacher on the calibration data.

    Dong and others, Pruner-Zero, ICML 2024: genetic programming, in which a tree of operations is a score. It starts
    from magnitude, Wanda, GBLM's and Pruner-Zero's own forms and random ones, so that the result is no worse than those
    on that data. The form stands in `Subject.notes["expression"]`. Needs labels.

    Attributes:
        population: Forms that live.
        generations: Rounds, each with as many new forms; parents are the better of two drawn.
        depth: Of new trees.
    """

    population: int = 8
    generations: int = 3
    depth: int = 3

    def __post_init__(self) -> None:
        if self.population < len(_KNOWN) or self.generations < 0 or self.depth < 1:
            raise UsageError(
                f"population is {self.population}, generations {self.generations}, depth {self.depth}",
                hint=f"give a population from {len(_KNOWN)} up, generations from 0 up and a depth from 1 up",
            )

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name."""
        generator = Random(subject.seed)
        # one pass of data for the whole search: every expression is made of the same three tensors
        leaves = _leaves(subject, groups)
        forms = [*_KNOWN, *(grow_tree(generator, self.depth) for _ in range(self.population - len(_KNOWN)))]
        ranked = sorted((_judged(subject, form, leaves), format_tree(form), form) for form in forms)
        for _ in range(self.generations):
            parents = [min(generator.sample(ranked, 2), key=lambda entry: entry[:2])[2] for _ in range(self.population)]
            children = [mutate_tree(form, generator.choice(ranked)[2], generator, self.depth) for form in parents]
            new = {format_tree(form): form for form in children} if children else {}
            # an expression that was judged before is not judged again
            known = {entry[1] for entry in ranked}
            judged = [(_judged(subject, form, leaves), word, form) for word, form in new.items() if word not in known]
            ranked = sorted([*ranked, *judged], key=lambda entry: entry[:2])[: self.population]
        subject.notes["expression"] = ranked[0][1]
        return _scores(ranked[0][2], leaves)


def _leaves(subject: Subject, names: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    slopes, rows = gradient_norms(subject, names)
    found = weight_moments(subject, names)
    return {
        name: {
            "W": parameter_of(subject.model, name).detach().abs(),
            "G": slopes[name],
            "X": (found[name].squares / rows).sqrt().float(),
        }
        for name in names
    }


def _scores(form: Tree, leaves: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    found = {name: evaluate_tree(form, entry).expand(entry["W"].shape) for name, entry in leaves.items()}
    return {name: torch.nan_to_num(score, nan=0.0).contiguous() for name, score in found.items()}


def _judged(subject: Subject, form: Tree, leaves: dict[str, dict[str, Tensor]]) -> float:
    """Divergence from the teacher of the model pruned by the form."""
    masks = PerRow()(subject, _scores(form, leaves), subject.needed_budget())
    values = {name: parameter_of(subject.model, name).detach() * mask for name, mask in masks.items()}
    pruned, teacher, total = Substituted(subject.model, values), subject.teacher or subject.model, 0.0
    with torch.no_grad():
        for batch in subject.needed_calibration():
            output, wanted = subject.task.output(pruned, batch), subject.task.output(teacher, batch)
            total += float(subject.task.divergence(output, wanted, batch))
    # an expression may overflow; it is then the worst and not an error
    return total if math.isfinite(total) else math.inf
