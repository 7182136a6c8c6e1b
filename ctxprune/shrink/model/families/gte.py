"""GTE and its relatives (Nomic BERT): post-norm encoders with rotary positions and gated feed-forward parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from torch import nn

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Sublayer
from ctxprune.shrink.model.families.base import LayeredFamily, Nothing, copy_sizes, find_module, replace_module
from ctxprune.shrink.model.families.llama import WRITERS, adapt_neurons, attention, ffn


class Gte(LayeredFamily):
    """Encoders with `embeddings.word_embeddings` and layers of Llama's parts, with norms behind the additions."""

    name = "gte"

    def is_base(self, module: nn.Module) -> bool:
        """Whether layers have GTE's norms."""
        layers = find_module(module, "layers")
        if not isinstance(layers, nn.ModuleList) or find_module(module, "embeddings.word_embeddings") is None:
            return False
        norms = ("post_attention_layernorm", "post_mlp_layernorm")
        plain = any(find_module(layer, "mlp.fc1") for layer in layers)  # Jina's, whose neurons have no gate
        return not plain and all(find_module(layer, part) is not None for layer in layers for part in norms)

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        words, inside = f"{prefix}embeddings.word_embeddings", f"{prefix}layers."
        layers, groups = structure.describe_layers(base.layers, inside, _sublayers)
        width = base.embeddings.word_embeddings.weight.shape[1]
        groups["vocabulary", -1] = structure.vocabulary_group(model, words, inside)
        norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
        # a language model's head keeps its own width between two matrices that are tied to the embeddings
        if len(groups["vocabulary", -1].slices) == 1:
            linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
            outside = [name for name in linear if not name.startswith(inside)]
            # behind a pooler the width is the pooler's own
            readers = [name for name in outside if name.endswith("pooler.dense")] or outside
            slices = structure.width_slices(model, inside, WRITERS, tuple(readers))
            groups["width", -1] = Group("width", -1, width, tuple(slices))
        return Anatomy(
            self.name, width, tuple(layers), groups, words, f"{prefix}embeddings", tuple(norms), post_norm=True
        )

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """Leave the sublayer's norm alone: x -> norm(x)."""
        replace_module(model, sublayer.path, Nothing(pair=sublayer.kind == "attention"))

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights."""
        base = self.base(model)[1]
        config = base.config
        config.vocab_size, config.hidden_size = base.embeddings.word_embeddings.weight.shape
        adapt_neurons(base)
        parts = [layer.self_attn for layer in base.layers if not isinstance(layer.self_attn, Nothing)]
        heads = {(part.o_proj.weight.shape[1] // part.head_dim, part.head_dim) for part in parts}
        if len(heads) == 1:
            config.num_attention_heads, config.head_dim = heads.pop()
        copy_sizes(model, config)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    parts = [replace(part, norm=f"{path}.post_attention_layernorm") for part in attention(layer, path, index, groups)]
    return parts + [replace(part, norm=f"{path}.post_mlp_layernorm") for part in ffn(layer, path, index, groups)]
