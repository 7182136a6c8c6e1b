"""GTE and its relatives (Nomic BERT): post-norm encoders with rotary positions and gated feed-forward parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
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
    replace_module,
)
from ctxprune.shrink.model.families.llama import WRITERS, adapt_neurons, attention, drop_layers, ffn, rows


class Gte(Family):
    """Encoders with `embeddings.word_embeddings` and layers of Llama's parts, with norms behind the additions."""

    name = "gte"

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has GTE's modules."""
        return find_base(model, _is_base) is not None

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = needed_base(model, _is_base)
        layers, groups = describe_layers(base.layers, f"{prefix}layers.", _sublayers)
        words = f"{prefix}embeddings.word_embeddings"
        count, width = base.embeddings.word_embeddings.weight.shape
        outside = [
            (name, module)
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear) and not name.startswith(f"{prefix}layers.")
        ]
        outputs = [entry for name, module in outside if len(module.weight) == count for entry in rows(module, name)]
        groups["vocabulary", -1] = Group("vocabulary", -1, count, (Slice(f"{words}.weight", 0), *outputs))
        norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
        # a language model's head keeps its own width between two matrices that are tied to the embeddings
        if not outputs:
            # behind a pooler the width is the pooler's own
            readers = [name for name, _ in outside if name.endswith("pooler.dense")] or [name for name, _ in outside]
            groups["width", -1] = Group("width", -1, width, tuple(_width_slices(model, f"{prefix}layers.", readers)))
        return Anatomy(
            self.name, width, tuple(layers), groups, words, f"{prefix}embeddings", tuple(norms), post_norm=True
        )

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """Leave the sublayer's norm alone: x -> norm(x)."""
        replace_module(model, sublayer.path, Nothing(pair=sublayer.kind == "attention"))

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers."""
        drop_layers(needed_base(model, _is_base)[1], kept)

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights."""
        base = needed_base(model, _is_base)[1]
        config = base.config
        config.vocab_size, config.hidden_size = base.embeddings.word_embeddings.weight.shape
        adapt_neurons(base)
        parts = [layer.self_attn for layer in base.layers if not isinstance(layer.self_attn, Nothing)]
        heads = {(part.o_proj.weight.shape[1] // part.head_dim, part.head_dim) for part in parts}
        if len(heads) == 1:
            config.num_attention_heads, config.head_dim = heads.pop()
        copy_sizes(model, config)


def _is_base(module: nn.Module) -> bool:
    layers = find_module(module, "layers")
    if not isinstance(layers, nn.ModuleList) or find_module(module, "embeddings.word_embeddings") is None:
        return False
    norms = ("post_attention_layernorm", "post_mlp_layernorm")
    plain = any(find_module(layer, "mlp.fc1") for layer in layers)  # Jina's, whose neurons have no gate
    return not plain and all(find_module(layer, part) is not None for layer in layers for part in norms)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    parts = [replace(part, norm=f"{path}.post_attention_layernorm") for part in attention(layer, path, index, groups)]
    return parts + [replace(part, norm=f"{path}.post_mlp_layernorm") for part in ffn(layer, path, index, groups)]


def _width_slices(model: nn.Module, inside: str, readers: Sequence[str]) -> list[Slice]:
    """All that reads or writes the residual."""
    found: list[Slice] = []
    for name, module in model.named_modules():
        if isinstance(module, nn.LayerNorm):
            found += rows(module, name)
        elif isinstance(module, nn.Embedding):
            found.append(Slice(f"{name}.weight", 1))
        elif isinstance(module, nn.Linear) and name.startswith(inside) and name.endswith(WRITERS):
            found += rows(module, name)
        elif isinstance(module, nn.Linear) and (name.startswith(inside) or name in readers):
            found.append(Slice(f"{name}.weight", 1))
    return found
