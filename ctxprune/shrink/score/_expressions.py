"""Symbolic scores: small trees over a weight, its gradients' norm and its input's norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Union

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from random import Random

    from torch import Tensor

__all__ = ["LEAVES", "Tree", "evaluate_tree", "format_tree", "grow_tree", "mutate_tree"]

Tree = Union[str, "tuple[str, Tree]", "tuple[str, Tree, Tree]"]
"""A leaf, or an operation with its arguments."""

LEAVES = ("W", "G", "X")
"""Size of the weight, norm of its gradients, norm of its input."""


def _scaled(values: Tensor) -> Tensor:
    low, high = values.aminmax()
    return (values - low) / (high - low).clamp(min=1e-30)


ONE: Mapping[str, Callable[[Tensor], Tensor]] = {
    "square": torch.square,
    "root": lambda values: values.abs().sqrt(),
    "log": lambda values: values.abs().log1p(),
    "scaled": _scaled,
}
TWO: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "+": torch.add,
    "-": torch.sub,
    "*": torch.mul,
    "/": lambda left, right: left / (right.abs() + 1e-8),
}


def evaluate_tree(tree: Tree, leaves: Mapping[str, Tensor]) -> Tensor:
    """The value of a tree for one matrix; leaves broadcast to its shape."""
    if isinstance(tree, str):
        return leaves[tree]
    arguments = [evaluate_tree(part, leaves) for part in tree[1:]]
    if len(arguments) == 1:
        return ONE[tree[0]](arguments[0])
    return TWO[tree[0]](arguments[0], arguments[1])


def format_tree(tree: Tree) -> str:
    """As one reads it."""
    if isinstance(tree, str):
        return tree
    parts = [format_tree(part) for part in tree[1:]]
    return f"{tree[0]}({parts[0]})" if len(parts) == 1 else f"({parts[0]} {tree[0]} {parts[1]})"


def grow_tree(generator: Random, depth: int) -> Tree:
    """A tree of at most this depth."""
    if depth == 0 or generator.random() < 0.2:
        return generator.choice(LEAVES)
    if generator.random() < 0.4:
        return generator.choice(tuple(ONE)), grow_tree(generator, depth - 1)
    return generator.choice(tuple(TWO)), grow_tree(generator, depth - 1), grow_tree(generator, depth - 1)


def mutate_tree(tree: Tree, other: Tree, generator: Random, depth: int) -> Tree:
    """A tree with one part replaced: by a part of the other, or by a new one."""
    if isinstance(tree, str) or depth == 0 or generator.random() < 0.3:
        return _part(other, generator) if generator.random() < 0.5 else grow_tree(generator, depth)
    place = generator.randrange(1, len(tree))
    parts = list(tree[1:])
    parts[place - 1] = mutate_tree(parts[place - 1], other, generator, depth - 1)
    return (tree[0], parts[0]) if len(parts) == 1 else (tree[0], parts[0], parts[1])


def _part(tree: Tree, generator: Random) -> Tree:
    if isinstance(tree, str) or generator.random() < 0.5:
        return tree
    return _part(generator.choice(tree[1:]), generator)
