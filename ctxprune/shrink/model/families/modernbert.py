"""ModernBERT: a pre-norm encoder with fused matrices, some layers of which see a window and some the whole text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import LayeredFamily, Nothing, copy_sizes, find_module

_OWN_NORM = "first_attention_norm"
"""Of the configuration: whether the first layer has a norm before its attention, as layers that were further up do."""


class Modernbert(LayeredFamily):
    """Encoders with `embeddings.tok_embeddings` and layers of `attn` (Wqkv, Wo) and `mlp` (Wi, Wo)."""

    name = "modernbert"

    def is_base(self, module: nn.Module) -> bool:
        """Whether there are layers and ModernBERT's embeddings."""
        layers = find_module(module, "layers")
        return isinstance(layers, nn.ModuleList) and find_module(module, "embeddings.tok_embeddings") is not None

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        words, inside = f"{prefix}embeddings.tok_embeddings", f"{prefix}layers."
        layers, groups = structure.describe_layers(base.layers, inside, _sublayers)
        width = base.embeddings.tok_embeddings.weight.shape[1]
        groups["vocabulary", -1] = structure.vocabulary_group(model, words, inside)
        own = tuple(f"{prefix}{part}" for part in ("embeddings.", "final_norm", "layers."))
        entries = [entry for entry in model.named_modules() if entry[0].startswith(own)]
        norms = [(name, module) for name, module in entries if isinstance(module, nn.LayerNorm)]
        # a language model's head has a width of its own between two matrices that are tied to the embeddings
        if len(groups["vocabulary", -1].slices) == 1:
            slices = [
                Slice(f"{words}.weight", 1),
                *(entry for name, norm in norms for entry in structure.rows(norm, name)),
            ]
            for name, module in entries:
                if isinstance(module, nn.Linear):
                    slices += structure.rows(module, name) if name.endswith(".Wo") else [Slice(f"{name}.weight", 1)]
            # what a head makes of the residual keeps its own width
            heads = [name for name in ("head.dense", "classifier") if find_module(model, name) is not None]
            slices += [Slice(f"{name}.weight", 1) for name in heads[:1]]
            groups["width", -1] = Group("width", -1, width, tuple(slices))
        return Anatomy(
            self.name, width, tuple(layers), groups, words, f"{prefix}embeddings",
            tuple(name for name, _ in norms), post_norm=False, bidirectional=True,
        )  # fmt: skip

    def complete(self, model: nn.Module, config: Mapping[str, Any]) -> None:
        """A norm before the first layer's attention, where that layer has been further up."""
        base = self.base(model)[1]
        if config.get(_OWN_NORM):
            norm = base.layers[0].mlp_norm
            base.layers[0].attn_norm = nn.LayerNorm(norm.normalized_shape, norm.eps, bias=norm.bias is not None)

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers, each with the span that it sees."""
        super().drop_layers(model, kept)
        base = self.base(model)[1]
        turns = base.rotary_emb
        for gone in set(turns.layer_types) - set(base.config.layer_types):
            # a model that is built with the layers that are left has angles of their kinds alone
            for name in ("inv_freq", "original_inv_freq", "attention_scaling"):
                delattr(turns, f"{gone}_{name}")
            del turns.rope_type[gone]
        turns.layer_types = sorted(set(base.config.layer_types))

    def adapt(self, model: nn.Module) -> None:
        """Places of layers and sizes of the configuration follow the weights."""
        base = self.base(model)[1]
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


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    found = []
    if not isinstance(layer.attn, Nothing):
        here, size = f"{path}.attn", layer.attn.head_dim
        # query, key and value are thirds of one matrix, each head by head
        heads = structure.dense_group(("head", index), layer.attn, here, ["Wqkv"], "Wo", size=size, parts=3)
        found += structure.add_sublayer("attention", here, f"{path}.attn_norm", heads, groups)
    if not isinstance(layer.mlp, Nothing):
        # the second half of Wi is the gate
        neurons = structure.dense_group(("neuron", index), layer.mlp, f"{path}.mlp", ["Wi"], "Wo", parts=2)
        found += structure.add_sublayer("ffn", f"{path}.mlp", f"{path}.mlp_norm", neurons, groups)
    return found
