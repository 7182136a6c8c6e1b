"""Llama and its relatives (Qwen2, Qwen3, Mistral): pre-norm decoders, grouped queries, gated feed-forward parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Layer, Slice, Sublayer
from ctxprune.shrink.model.families.base import (
    Family,
    Nothing,
    copy_sizes,
    describe_layers,
    find_base,
    find_module,
    has_parameter,
    replace_module,
)
from ctxprune.shrink.model.modules import active_shares


class Llama(Family):
    """Decoders whose layers have `self_attn` with q, k, v and o, and `mlp` with gate, up and down."""

    name = "llama"

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has Llama's modules, and one feed-forward part a layer."""
        found = base_of(model, "mlp.down_proj")
        return found is not None and all(find_module(layer, "mlp.experts") is None for layer in found[1].layers)

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = found_base(model, "mlp.down_proj")
        layers, groups = describe_layers(base.layers, f"{prefix}layers.", _sublayers)
        return residual_anatomy(self.name, model, (prefix, base), layers, groups)

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """The sublayer and its norm go: x -> x."""
        drop_sublayer(model, sublayer)

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers."""
        drop_layers(found_base(model, "mlp.down_proj")[1], kept)

    def adapt(self, model: nn.Module) -> None:
        """Sizes of modules and configuration follow the weights."""
        _, base = found_base(model, "mlp.down_proj")
        adapt_residual(base)
        adapt_neurons(base)
        copy_sizes(model, base.config)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    return [*attention(layer, path, index, groups), *ffn(layer, path, index, groups)]


def base_of(model: nn.Module, marker: str) -> tuple[str, Any] | None:
    """The dotted prefix and the module of the decoder whose layers have attention or `marker`, and nothing else."""

    def is_base(module: nn.Module) -> bool:
        layers = find_module(module, "layers")
        if not isinstance(layers, nn.ModuleList) or not len(layers) or find_module(module, "embed_tokens") is None:
            return False
        names = {path for layer in layers for path, _ in layer.named_modules()}
        # a model whose feed-forward parts have all been removed is still of its family
        return marker in names or ("mlp" in names and all(isinstance(layer.mlp, Nothing) for layer in layers))

    return find_base(model, is_base)


def found_base(model: nn.Module, marker: str) -> tuple[str, Any]:
    """The same, where it is known to be there."""
    found = base_of(model, marker)
    if found is None:
        raise TypeError(f"{type(model).__name__} is not a decoder of this family")
    return found


def rows(module: Any, path: str, start: int = 0, size: int = 1) -> list[Slice]:
    """Rows of a linear module: of its weight, and of its bias where it has one."""
    found = [Slice(f"{path}.weight", 0, start, size)]
    return [*found, Slice(f"{path}.bias", 0, start, size)] if module.bias is not None else found


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
        *rows(own.q_proj, f"{here}.q_proj", size=block),
        *rows(own.k_proj, f"{here}.k_proj", size=size),
        *rows(own.v_proj, f"{here}.v_proj", size=size),
        Slice(f"{here}.o_proj.weight", 1, size=block),
    ]
    group = Group("kv_group", index, count, tuple(slices), f"{here}.o_proj", block, f"{here}.q_proj")
    groups[group.key] = group
    return [Sublayer("attention", index, here, f"{here}.o_proj", f"{path}.input_layernorm", (group.key,))]


def ffn(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    """The feed-forward part of a layer, if it is there, and its group of neurons."""
    down = find_module(layer, "mlp.down_proj")
    if down is None:
        return []
    here = f"{path}.mlp"
    slices = [
        *rows(layer.mlp.gate_proj, f"{here}.gate_proj"),
        *rows(layer.mlp.up_proj, f"{here}.up_proj"),
        Slice(f"{here}.down_proj.weight", 1),
    ]
    count = down.weight.shape[1]
    group = Group("neuron", index, count, tuple(slices), f"{here}.down_proj", 1, f"{here}.gate_proj")
    groups[group.key] = group
    return [Sublayer("ffn", index, here, f"{here}.down_proj", f"{path}.post_attention_layernorm", (group.key,))]


WRITERS = ("down_proj", "o_proj", "out_proj")
INNER = ("dt_proj", "x_proj")


def residual_anatomy(
    name: str, model: nn.Module, found: tuple[str, Any], layers: Sequence[Layer], groups: dict[Key, Group],
    *, words: str = "embed_tokens", more: Sequence[Slice] = (),
) -> Anatomy:  # fmt: skip
    """The description with what all pre-norm decoders share: width, vocabulary, norms.

    `words` is the name of the base's word embeddings, `more` what reads or writes the residual and is no linear module.
    """
    prefix, base = found
    vocabulary, width = base.get_submodule(words).weight.shape
    inside, width_slices, outside, norms = f"{prefix}layers.", list(more), [], []
    for path, module in model.named_modules():
        last = path.rpartition(".")[2]
        if isinstance(module, nn.Linear) and not path.startswith(inside):
            outside.append(path)
            width_slices.append(Slice(f"{path}.weight", 1))
        elif isinstance(module, nn.Linear):
            if last in WRITERS:
                width_slices += rows(module, path)
            elif last not in INNER:
                width_slices.append(Slice(f"{path}.weight", 1))
        # norms of queries and keys are over a head, those in mixers over channels: not over the residual
        elif (
            "norm" in last and not path.endswith(("k_norm", "mixer.norm", "q_norm")) and has_parameter(module, "weight")
        ):
            norms.append(path)
            width_slices.append(Slice(f"{path}.weight", 0))
    width_slices.append(Slice(f"{prefix}{words}.weight", 1))
    heads = [path for path in outside if model.get_submodule(path).weight.shape[0] == vocabulary]
    vocabulary_slices = [Slice(f"{prefix}{words}.weight", 0)]
    for path in heads:
        vocabulary_slices += rows(model.get_submodule(path), path)
    groups["width", -1] = Group("width", -1, width, tuple(width_slices))
    groups["vocabulary", -1] = Group("vocabulary", -1, vocabulary, tuple(vocabulary_slices))
    embedded = f"{prefix}{words}"
    return Anatomy(
        name,
        width,
        tuple(layers),
        groups,
        embedded,
        embedded,
        tuple(norms),
        post_norm=False,
        active=active_shares(model),
    )


def drop_sublayer(model: nn.Module, sublayer: Sublayer) -> None:
    """Put nothing where a pre-norm sublayer was, and no norm before it."""
    replace_module(model, sublayer.path, Nothing(pair=sublayer.kind == "attention"))
    replace_module(model, sublayer.norm, nn.Identity())


def drop_layers(base: Any, kept: Sequence[int]) -> None:
    """Keep these layers of a decoder; per-layer settings of the configuration are cut with them."""
    base.layers = nn.ModuleList([base.layers[index] for index in kept])
    base.config.num_hidden_layers = len(kept)
    types = vars(base.config).get("layer_types")  # of the class where a configuration derives it from other settings
    if types:
        base.config.layer_types = [types[index] for index in kept]


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
