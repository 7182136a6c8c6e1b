"""Llama and its relatives (Qwen2, Qwen3, Mistral): pre-norm decoders, grouped queries, gated feed-forward parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from torch import nn

from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Layer, Slice, Sublayer
from ctxprune.shrink.model.families.base import LayeredFamily, Nothing, copy_sizes, find_module, has_parameter
from ctxprune.shrink.model.modules import active_shares

WRITERS = ("down_proj", "o_proj", "out_proj")
INNER = ("dt_proj", "x_proj")


class Llama(LayeredFamily):
    """Decoders whose layers have `self_attn` with q, k, v and o, and `mlp` with gate, up and down."""

    name = "llama"
    marker: ClassVar[str] = "mlp.down_proj"  # what some layer has

    def is_base(self, module: nn.Module) -> bool:
        """Whether layers have the family's feed-forward parts, or had them."""
        layers = find_module(module, "layers")
        if not isinstance(layers, nn.ModuleList) or not len(layers) or find_module(module, "embed_tokens") is None:
            return False
        names = {path for layer in layers for path, _ in layer.named_modules()}
        # a model whose feed-forward parts have all been removed is still of its family
        return self.marker in names or ("mlp" in names and all(isinstance(layer.mlp, Nothing) for layer in layers))

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has Llama's modules, and one feed-forward part a layer."""
        found = self.find_base(model)
        return found is not None and all(find_module(layer, "mlp.experts") is None for layer in found[1].layers)

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        layers, groups = structure.describe_layers(base.layers, f"{prefix}layers.", _sublayers)
        return residual_anatomy(self.name, model, (prefix, base), layers, groups)

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights."""
        base = self.base(model)[1]
        adapt_residual(base)
        adapt_neurons(base)
        copy_sizes(model, base.config)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    return [*attention(layer, path, index, groups), *ffn(layer, path, index, groups)]


def attention(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    """The attention part of a layer, if it is there, and its group of key and value heads."""
    own = find_module(layer, "self_attn")
    if own is None or isinstance(own, Nothing):
        return []
    here, size = f"{path}.self_attn", own.head_dim
    count = own.k_proj.weight.shape[0] // size
    # query heads of one group stand side by side, so a group is one block of the output matrix
    block = own.o_proj.weight.shape[1] // count
    slices = [
        *structure.rows(own.q_proj, f"{here}.q_proj", size=block),
        *structure.rows(own.k_proj, f"{here}.k_proj", size=size),
        *structure.rows(own.v_proj, f"{here}.v_proj", size=size),
        Slice(f"{here}.o_proj.weight", 1, size=block),
    ]
    group = Group("kv_group", index, count, tuple(slices), f"{here}.o_proj", block, f"{here}.q_proj")
    return structure.add_sublayer("attention", here, f"{path}.input_layernorm", group, groups)


def ffn(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    """The feed-forward part of a layer, if it is there, and its group of neurons."""
    if find_module(layer, "mlp.down_proj") is None:
        return []
    group = gated_neurons(layer.mlp, f"{path}.mlp", index)
    return structure.add_sublayer("ffn", f"{path}.mlp", f"{path}.post_attention_layernorm", group, groups)


def gated_neurons(part: Any, path: str, index: int) -> Group:
    """The neurons of a gated feed-forward part."""
    return structure.dense_group(("neuron", index), part, path, ["gate_proj", "up_proj"], "down_proj")


def residual_anatomy(
    name: str, model: nn.Module, found: tuple[str, Any], layers: Sequence[Layer], groups: dict[Key, Group],
    *, words: str = "embed_tokens", more: Sequence[Slice] = (),
) -> Anatomy:  # fmt: skip
    """The description with what all pre-norm decoders share: width, vocabulary, norms.

    `words` is the name of the base's word embeddings, `more` what reads or writes the residual and is no linear module.
    """
    prefix, base = found
    inside, embedded, norms = f"{prefix}layers.", f"{prefix}{words}", []
    slices = list(more)
    for path, module in model.named_modules():
        last = path.rpartition(".")[2]
        if isinstance(module, nn.Linear) and path.startswith(inside) and last in WRITERS:
            slices += structure.rows(module, path)
        elif isinstance(module, nn.Linear) and not (path.startswith(inside) and last in INNER):
            slices.append(Slice(f"{path}.weight", 1))
        # norms of queries and keys are over a head, those in mixers over channels: not over the residual
        elif (
            "norm" in last and not path.endswith(("k_norm", "mixer.norm", "q_norm")) and has_parameter(module, "weight")
        ):
            norms.append(path)
            slices.append(Slice(f"{path}.weight", 0))
    slices.append(Slice(f"{embedded}.weight", 1))
    width = base.get_submodule(words).weight.shape[1]
    groups["width", -1] = Group("width", -1, width, tuple(slices))
    groups["vocabulary", -1] = structure.vocabulary_group(model, embedded, inside)
    return Anatomy(
        name, width, tuple(layers), groups, embedded, embedded, tuple(norms), post_norm=False,
        active=active_shares(model),
    )  # fmt: skip


def adapt_neurons(base: Any) -> None:
    """Neurons of plain feed-forward parts, and of the configuration where all have as many, follow the weights."""
    inner = set()
    for layer in base.layers:
        down = find_module(layer, "mlp.down_proj")
        if down is not None:
            layer.mlp.intermediate_size = down.weight.shape[1]
            inner.add(down.weight.shape[1])
    if len(inner) == 1:
        base.config.intermediate_size = inner.pop()


def adapt_residual(base: Any) -> None:
    """Heads, places in the cache, width and vocabulary of the configuration follow the weights."""
    base.config.vocab_size, base.config.hidden_size = base.embed_tokens.weight.shape
    # a configuration has one number of heads: it is set where all layers agree
    place, counts = 0, set()
    for layer in base.layers:
        own = find_module(layer, "self_attn")
        if own is None or isinstance(own, Nothing):
            continue
        own.layer_idx, place = place, place + 1  # a cache's first layer must be one that is there
        counts.add((own.q_proj.weight.shape[0] // own.head_dim, own.k_proj.weight.shape[0] // own.head_dim))
        base.config.head_dim = own.head_dim
    if len(counts) == 1:
        base.config.num_attention_heads, base.config.num_key_value_heads = counts.pop()
