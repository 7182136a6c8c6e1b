"""The pruner's own network: a post-norm encoder with query, key and value in one matrix, and two heads for tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import Family, find_module
from ctxprune.shrink.model.gate_hooks import width_hooks
from ctxprune.train.pruner_network import LayerShape, PrunerNetwork

_EMBEDDINGS = ("places", "types", "words")


class Pruner(Family):
    """`ctxprune.train.pruner_network.PrunerNetwork`, whose layers may each have a shape of their own."""

    name = "pruner"

    def matches(self, model: nn.Module) -> bool:
        """Whether it is the pruner's network."""
        return isinstance(model, PrunerNetwork)

    def describe(self, model: Any) -> Anatomy:
        """The model as it is now."""
        layers, groups = structure.describe_layers(model.layers, "layers.", _sublayers)
        vocabulary, width = model.words.weight.shape
        match = [Slice("match.weight", 0), Slice("match.weight", 0, start=width)]
        slices = (*match, *structure.width_slices(model, "", ("outer", "output")))
        groups["width", -1] = Group("width", -1, width, slices)
        groups["vocabulary", -1] = Group("vocabulary", -1, vocabulary, (Slice("words.weight", 0),))
        norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
        return Anatomy(self.name, width, tuple(layers), groups, "words", "embedding_norm", tuple(norms), post_norm=True)

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: Tensor) -> list[Any]:
        """The question's two vectors lie in the residual's width, too."""
        if group.kind != "width":
            return super().lay_gate(model, anatomy, group, gate)

        def both(_: nn.Module, __: Any, result: Tensor) -> Tensor:
            return result * gate.to(result.dtype).repeat(2)

        masked = [*_EMBEDDINGS, *(sublayer.output for sublayer in anatomy.sublayers)]
        return [
            *width_hooks(model, masked, anatomy.norms, gate),
            model.get_submodule("match").register_forward_hook(both),
        ]

    def drop_sublayer(self, model: Any, sublayer: Sublayer) -> None:
        """The norm alone stays: x -> norm(x)."""
        layer = model.layers[sublayer.layer]
        if sublayer.kind == "attention":
            layer.heads = 0
            del layer.attention, layer.output
        else:
            layer.neurons = 0
            del layer.inner, layer.outer

    def drop_layers(self, model: Any, kept: Sequence[int]) -> None:
        """Keep these layers."""
        model.layers = nn.ModuleList([model.layers[index] for index in kept])

    def adapt(self, model: Any) -> None:
        """The network's shape, and what layers say of theirs, follow the weights."""
        for layer in model.layers:
            output, outer = find_module(layer, "output"), find_module(layer, "outer")
            layer.heads = output.weight.shape[1] // layer.size if output is not None else 0
            layer.neurons = outer.weight.shape[1] if outer is not None else 0
        vocabulary, width = model.words.weight.shape
        shapes = tuple(LayerShape(layer.heads, layer.neurons) for layer in model.layers)
        model.shape = replace(model.shape, vocabulary=vocabulary, width=width, layers=shapes)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    found = []
    if layer.heads:
        # query, key and value are thirds of one matrix, each head by head
        heads = structure.dense_group(("head", index), layer, path, ["attention"], "output", size=layer.size, parts=3)
        found += structure.add_sublayer("attention", f"{path}.attention", f"{path}.attention_norm", heads, groups)
    if layer.neurons:
        neurons = structure.dense_group(("neuron", index), layer, path, ["inner"], "outer")
        found += structure.add_sublayer("ffn", f"{path}.inner", f"{path}.norm", neurons, groups)
    return found
