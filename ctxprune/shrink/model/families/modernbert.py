"""ModernBERT: a pre-norm encoder with fused matrices, some layers of which see a window and some the whole text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import (
    Family,
    Nothing,
    copy_sizes,
    describe_layers,
    find_base,
    find_module,
    needed_base,
)
from ctxprune.shrink.model.families.llama import drop_layers, drop_sublayer, rows

_OWN_NORM = "first_attention_norm"
"""Of the configuration: whether the first layer has a norm before its attention, as layers that were further up do."""


class Modernbert(Family):
    """Encoders with `embeddings.tok_embeddings` and layers of `attn` (Wqkv, Wo) and `mlp` (Wi, Wo)."""

    name = "modernbert"

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has ModernBERT's modules."""
        return find_base(model, _is_base) is not None

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = needed_base(model, _is_base)
        layers, groups = describe_layers(base.layers, f"{prefix}layers.", _sublayers)
        words = f"{prefix}embeddings.tok_embeddings"
        count, width = base.embeddings.tok_embeddings.weight.shape
        outputs = [
            entry
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear)
            and not name.startswith(prefix or "layers.")
            and len(module.weight) == count
            for entry in rows(module, name)
        ]
        groups["vocabulary", -1] = Group("vocabulary", -1, count, (Slice(f"{words}.weight", 0), *outputs))
        inside = tuple(f"{prefix}{part}" for part in ("embeddings.", "final_norm", "layers."))
        norms = [
            (name, module)
            for name, module in model.named_modules()
            if isinstance(module, nn.LayerNorm) and name.startswith(inside)
        ]
        # a language model's head has a width of its own between two matrices that are tied to the embeddings
        if not outputs:
            width_slices = [entry for name, module in norms for entry in _vector(module, name)]
            width_slices += _width_slices(model, f"{prefix}layers.")
            groups["width", -1] = Group("width", -1, width, (Slice(f"{words}.weight", 1), *width_slices))
        return Anatomy(
            self.name, width, tuple(layers), groups, words, f"{prefix}embeddings",
            tuple(name for name, _ in norms), post_norm=False, bidirectional=True,
        )  # fmt: skip

    def complete(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """A norm before the first layer's attention, where that layer has been further up."""
        base = needed_base(model, _is_base)[1]
        if config.get(_OWN_NORM):
            norm = base.layers[0].mlp_norm
            base.layers[0].attn_norm = nn.LayerNorm(norm.normalized_shape, norm.eps, bias=norm.bias is not None)

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """The sublayer and its norm go: x -> x."""
        drop_sublayer(model, sublayer)

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers, each with the span that it sees."""
        base = needed_base(model, _is_base)[1]
        drop_layers(base, kept)
        turns = base.rotary_emb
        for gone in set(turns.layer_types) - set(base.config.layer_types):
            # a model that is built with the layers that are left has angles of their kinds alone
            for name in ("inv_freq", "original_inv_freq", "attention_scaling"):
                delattr(turns, f"{gone}_{name}")
            del turns.rope_type[gone]
        turns.layer_types = sorted(set(base.config.layer_types))

    def adapt(self, model: nn.Module) -> None:
        """Places of layers and sizes of the configuration follow the weights."""
        base = needed_base(model, _is_base)[1]
        config, inner, heads = base.config, set(), set()
        config.vocab_size, config.hidden_size = base.embeddings.tok_embeddings.weight.shape
        for place, layer in enumerate(base.layers):
            layer.layer_idx = place
            if not isinstance(layer.attn, Nothing):
                layer.attn.layer_idx = place
                heads.add((layer.attn.Wo.weight.shape[1] // layer.attn.head_dim, layer.attn.Wo.weight.shape[1]))
            if not isinstance(layer.mlp, Nothing):
                inner.add(layer.mlp.Wo.weight.shape[1])
        if isinstance(base.layers[0].attn_norm, nn.LayerNorm):
            setattr(config, _OWN_NORM, True)
        if len(inner) == 1:
            config.intermediate_size = inner.pop()
        if len(heads) == 1 and next(iter(heads))[1] == config.hidden_size:  # which is what it takes a head's size from
            config.num_attention_heads = heads.pop()[0]
        copy_sizes(model, config)


def _is_base(module: nn.Module) -> bool:
    layers = find_module(module, "layers")
    return isinstance(layers, nn.ModuleList) and find_module(module, "embeddings.tok_embeddings") is not None


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    found = []
    if not isinstance(layer.attn, Nothing):
        here, output, size = f"{path}.attn.Wqkv", f"{path}.attn.Wo", layer.attn.head_dim
        inner = layer.attn.Wo.weight.shape[1]
        # query, key and value are thirds of one matrix, each head by head
        parts = [entry for part in range(3) for entry in rows(layer.attn.Wqkv, here, part * inner, size)]
        slices = (*parts, Slice(f"{output}.weight", 1, size=size))
        groups["head", index] = Group("head", index, inner // size, slices, output, size, here)
        found.append(Sublayer("attention", index, f"{path}.attn", output, f"{path}.attn_norm", (("head", index),)))
    if not isinstance(layer.mlp, Nothing):
        here, output, inner = f"{path}.mlp.Wi", f"{path}.mlp.Wo", layer.mlp.Wo.weight.shape[1]
        # the second half of Wi is the gate
        parts = [entry for start in (0, inner) for entry in rows(layer.mlp.Wi, here, start)]
        groups["neuron", index] = Group("neuron", index, inner, (*parts, Slice(f"{output}.weight", 1)), output, 1, here)
        found.append(Sublayer("ffn", index, f"{path}.mlp", output, f"{path}.mlp_norm", (("neuron", index),)))
    return found


def _width_slices(model: nn.Module, inside: str) -> list[Slice]:
    """Matrices that read or write the residual; what a head makes of it keeps its own width."""
    found: list[Slice] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and name.startswith(inside):
            found += rows(module, name) if name.endswith(".Wo") else [Slice(f"{name}.weight", 1)]
    heads = [name for name in ("head.dense", "classifier") if find_module(model, name) is not None]
    return found + [Slice(f"{name}.weight", 1) for name in heads[:1]]


def _vector(norm: nn.LayerNorm, name: str) -> list[Slice]:
    return [Slice(f"{name}.{part}", 0) for part, _ in norm.named_parameters()]
