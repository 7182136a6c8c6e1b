"""Single weights: a score as a formula over a weight's size, its gradients' norm and its input's norm, given or found.

Dong and others, Pruner-Zero: Evolving Symbolic Pruning Metric from Scratch for Large Language Models, ICML 2024:
genetic programming over trees of operations; W^2 scaled(G) is what it found. Das and others, Beyond Size: How Gradients
Shape Pruning Decisions in Large Language Models, 2023 (GBLM-Pruner): W (100 G + X).
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Union

import torch

from ctxprune.shrink.allocate.per_row import PerRow
from ctxprune.shrink.measure.activations import weight_moments
from ctxprune.shrink.measure.gradients import gradient_moments
from ctxprune.shrink.measure.substituted import Substituted
from ctxprune.shrink.model.subject import parameter_of
from ctxprune.shrink.types import Callable, Mapping, Sequence, Subject, Tensor
from ctxprune.utils.validation import Checked, check_choice, checked_field

Tree = Union[str, float, "tuple[str, Tree]", "tuple[str, Tree, Tree]"]
"""A leaf, a number, or an operation with its arguments."""

_LEAVES = ("W", "G", "X")
_GBLM: Tree = ("*", "W", ("+", ("*", 100.0, "G"), "X"))
_FOUND: Tree = ("*", ("square", "W"), ("scaled", "G"))
FORMS: Mapping[str, Tree] = {"gblm": _GBLM, "gblm_gradient": ("*", "W", "G"), "pruner_zero": _FOUND}
# a small search, since every form costs a pass over the calibration data
_POPULATION = 8
_GENERATIONS = 3  # rounds, each with as many new forms; parents are the better of two drawn
_DEPTH = 3  # of new trees
_KNOWN: tuple[Tree, ...] = ("W", ("*", "W", "X"), ("*", "W", ("+", "G", "X")), _FOUND)


def _rescale(values: Tensor) -> Tensor:
    low, high = values.aminmax()
    return (values - low) / (high - low).clamp(min=1e-30)


_ONE: Mapping[str, Callable[[Tensor], Tensor]] = {
    "square": torch.square,
    "root": lambda values: values.abs().sqrt(),
    "log": lambda values: values.abs().log1p(),
    "scaled": _rescale,
}
_TWO: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": lambda left, right: left / (right.abs() + 1e-8),
}


@dataclass(frozen=True)
class Symbolic(Checked):
    """A formula over |W|, and over ||G|| and ||X||, root mean squares over samples; needs labels.

    A search starts from magnitude, Wanda, GBLM's and Pruner-Zero's forms and random ones, and takes the one whose
    pruned model is nearest to the teacher on the calibration data, so that it is no worse than those there. The form
    stands in `Subject.notes["expression"]`.

    Attributes:
        form: One of `FORMS`, or "search".
    """

    form: str = checked_field("search", check_choice, ("search", *FORMS))

    def __call__(self, subject: Subject, groups: Sequence[str]) -> dict[str, Tensor]:
        """Of the parameter's shape by its name."""
        # one pass of data for the whole search: every expression is made of the same three tensors
        leaves = _leaves(subject, groups)
        form = FORMS[self.form] if self.form in FORMS else self._search(subject, leaves)
        subject.notes["expression"] = format_tree(form)
        return _scores(form, leaves)

    def _search(self, subject: Subject, leaves: dict[str, dict[str, Tensor]]) -> Tree:
        generator = Random(subject.seed)
        forms = [*_KNOWN, *(grow_tree(generator, _DEPTH) for _ in range(_POPULATION - len(_KNOWN)))]
        ranked = sorted((_divergence(subject, form, leaves), format_tree(form), form) for form in forms)
        for _ in range(_GENERATIONS):
            parents = [min(generator.sample(ranked, 2), key=lambda entry: entry[:2])[2] for _ in range(_POPULATION)]
            children = [mutate_tree(form, generator.choice(ranked)[2], generator, _DEPTH) for form in parents]
            # an expression that was judged before is not judged again
            new, known = {format_tree(form): form for form in children}, {entry[1] for entry in ranked}
            judged = [
                (_divergence(subject, form, leaves), word, form) for word, form in new.items() if word not in known
            ]
            ranked = sorted([*ranked, *judged], key=lambda entry: entry[:2])[:_POPULATION]
        return ranked[0][2]


def evaluate_tree(tree: Tree, leaves: Mapping[str, Tensor]) -> Tensor:
    """The value of a tree for one matrix; leaves broadcast to its shape."""
    if isinstance(tree, str):
        return leaves[tree]
    if isinstance(tree, float):
        return torch.tensor(tree)
    arguments = [evaluate_tree(part, leaves) for part in tree[1:]]
    return _ONE[tree[0]](arguments[0]) if len(arguments) == 1 else _TWO[tree[0]](arguments[0], arguments[1])


def format_tree(tree: Tree) -> str:
    """As one reads it."""
    if not isinstance(tree, tuple):
        return str(tree)
    parts = [format_tree(part) for part in tree[1:]]
    return f"{tree[0]}({parts[0]})" if len(parts) == 1 else f"({parts[0]} {tree[0]} {parts[1]})"


def grow_tree(generator: Random, depth: int) -> Tree:
    """A tree of at most this depth."""
    if depth == 0 or generator.random() < 0.2:
        return generator.choice(_LEAVES)
    if generator.random() < 0.4:
        return generator.choice(tuple(_ONE)), grow_tree(generator, depth - 1)
    return generator.choice(tuple(_TWO)), grow_tree(generator, depth - 1), grow_tree(generator, depth - 1)


def mutate_tree(tree: Tree, other: Tree, generator: Random, depth: int) -> Tree:
    """A tree with one part replaced: by a part of the other, or by a new one."""
    if not isinstance(tree, tuple) or depth == 0 or generator.random() < 0.3:
        return _part(other, generator) if generator.random() < 0.5 else grow_tree(generator, depth)
    place = generator.randrange(1, len(tree))
    parts = list(tree[1:])
    parts[place - 1] = mutate_tree(parts[place - 1], other, generator, depth - 1)
    return (tree[0], parts[0]) if len(parts) == 1 else (tree[0], parts[0], parts[1])


def _part(tree: Tree, generator: Random) -> Tree:
    if not isinstance(tree, tuple) or generator.random() < 0.5:
        return tree
    return _part(generator.choice(tree[1:]), generator)


def _leaves(subject: Subject, names: Sequence[str]) -> dict[str, dict[str, Tensor]]:
    _, squares, rows = gradient_moments(subject, names)
    found = weight_moments(subject, names)
    return {
        name: {
            "W": parameter_of(subject.model, name).detach().abs(),
            "G": squares[name].sqrt().float(),
            "X": (found[name].squares / rows).sqrt().float(),
        }
        for name in names
    }


def _scores(form: Tree, leaves: dict[str, dict[str, Tensor]]) -> dict[str, Tensor]:
    found = {name: evaluate_tree(form, entry).expand(entry["W"].shape) for name, entry in leaves.items()}
    return {name: torch.nan_to_num(score, nan=0.0).contiguous() for name, score in found.items()}


def _divergence(subject: Subject, form: Tree, leaves: dict[str, dict[str, Tensor]]) -> float:
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
