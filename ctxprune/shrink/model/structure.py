"""What descriptions of models have in common, whatever the family: layers, rows of matrices, groups of units."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from torch import nn

from ctxprune.shrink.model.anatomy import Group, Key, Layer, Slice, Sublayer


def describe_layers(
    modules: Iterable[Any], prefix: str, describe: Callable[[Any, str, int, dict[Key, Group]], Iterable[Sublayer]]
) -> tuple[list[Layer], dict[Key, Group]]:
    """The layers with their sublayers, and the groups of units in them and of depth.

    `describe` gives the sublayers of (layer, dotted name, number), and adds the groups of their units to what is last.
    """
    groups: dict[Key, Group] = {}
    layers = []
    for index, layer in enumerate(modules):
        path = f"{prefix}{index}"
        layers.append(Layer(index, path, tuple(describe(layer, path, index, groups))))
    count = sum(len(layer.sublayers) for layer in layers)
    # after the units of all layers: groups are walked in this order when a budget is shared out
    groups["sublayer", -1] = Group("sublayer", -1, count)
    groups["layer", -1] = Group("layer", -1, len(layers))
    return layers, groups


def rows(module: Any, path: str, start: int = 0, size: int = 1) -> list[Slice]:
    """Rows of a linear module or entries of a norm: of its weight, and of its bias where it has one."""
    found = [Slice(f"{path}.weight", 0, start, size)]
    return [*found, Slice(f"{path}.bias", 0, start, size)] if module.bias is not None else found


def dense_group(
    key: Key, module: Any, path: str, readers: Sequence[str], writer: str, *, size: int = 1, parts: int = 1
) -> Group:
    """Units that are rows of the matrices which read their input, and columns of the one that writes their output.

    `readers` and `writer` are names of matrices in the module; a unit has `size` rows in each of the equal `parts` of a
    reader, which lie one below the other.
    """
    inner, output = module.get_submodule(writer).weight.shape[1], f"{path}.{writer}"
    slices = [
        entry
        for name in readers
        for part in range(parts)
        for entry in rows(module.get_submodule(name), f"{path}.{name}", part * inner, size)
    ]
    slices.append(Slice(f"{output}.weight", 1, size=size))
    return Group(*key, inner // size, tuple(slices), output, size, f"{path}.{readers[0]}")


def add_sublayer(kind: str, path: str, norm: str, group: Group, groups: dict[Key, Group]) -> list[Sublayer]:
    """A sublayer with one group of units, which is added to the others."""
    groups[group.key] = group
    return [Sublayer(kind, group.layer, path, group.consumer, norm, (group.key,))]


def vocabulary_group(model: nn.Module, words: str, inside: str) -> Group:
    """Rows of the word embeddings, and of matrices outside of the layers with a logit for each, tied or not."""
    count, slices = len(model.get_submodule(words).weight), [Slice(f"{words}.weight", 0)]
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and not name.startswith(inside) and len(module.weight) == count:
            slices += rows(module, name)
    return Group("vocabulary", -1, count, tuple(slices))


def width_slices(
    model: nn.Module, inside: str, writers: tuple[str, ...], readers: tuple[str, ...] = (), *, apart: str = " "
) -> list[Slice]:
    """All that reads or writes the residual of a post-norm encoder.

    Matrices in layers (`inside` is what their names begin with) whose names end as `writers` write, the others read;
    outside of them those read whose names end as `readers`. What begins with `apart` has a width of its own.
    """
    found: list[Slice] = []
    for name, module in model.named_modules():
        if name.startswith(apart):
            continue
        linear, within = isinstance(module, nn.Linear), name.startswith(inside)
        if isinstance(module, nn.LayerNorm) or (linear and within and name.endswith(writers)):
            found += rows(module, name)
        elif isinstance(module, nn.Embedding) or (linear and (within or name.endswith(readers))):
            found.append(Slice(f"{name}.weight", 1))
    return found
