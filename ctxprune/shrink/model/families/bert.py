"""BERT and its relatives (MiniLM, RoBERTa, XLM-R, ELECTRA, DeBERTa-v2): post-norm encoders with plain neurons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from ctxprune.errors import UsageError
from ctxprune.shrink.model import structure
from ctxprune.shrink.model.anatomy import Anatomy, Group, Key, Slice, Sublayer
from ctxprune.shrink.model.families.base import LayeredFamily, copy_sizes, find_module
from ctxprune.shrink.model.modules import Factorised
from ctxprune.shrink.model.subject import config_value
from ctxprune.utils.foreign import optional_member


class Bert(LayeredFamily):
    """Encoders with `embeddings` and `encoder.layer`, under any head.

    DeBERTa's heads have projections of relative positions, too, where these do not share those of the content; the
    embeddings of relative positions belong to the width. Its older models mix neighbours behind the first layer: they
    keep that layer and the width.
    """

    name = "bert"

    def is_base(self, module: nn.Module) -> bool:
        """Whether there are embeddings and layers with attention."""
        layers = find_module(module, "encoder.layer")
        return (
            isinstance(layers, nn.ModuleList)
            and find_module(module, "embeddings") is not None
            and all(find_module(layer, "attention") is not None for layer in layers)
        )

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = self.base(model)
        layers, groups = structure.describe_layers(base.encoder.layer, f"{prefix}encoder.layer.", _sublayers)
        words, width = f"{prefix}embeddings.word_embeddings", _width(base)
        if _through(model, base):
            groups["width", -1] = Group("width", -1, width, tuple(_width_slices(model, prefix)))
        groups["vocabulary", -1] = structure.vocabulary_group(model, words, f"{prefix}encoder.")
        projected = find_module(base, "embeddings_project") is not None  # ELECTRA's table may be narrower
        own = f"{prefix}embeddings." if projected else " "
        norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
        norms = [name for name in norms if not name.startswith(own)]
        embedded = f"{prefix}embeddings_project" if projected else f"{prefix}embeddings"
        return Anatomy(self.name, width, tuple(layers), groups, words, embedded, tuple(norms), post_norm=True)

    def drop_sublayer(self, model: nn.Module, sublayer: Sublayer) -> None:
        """Leave the sublayer's norm alone: x -> norm(x)."""
        layer = model.get_submodule(sublayer.path.rsplit(".", 1)[0])
        if sublayer.kind == "attention":
            layer.attention = _NormOnly(layer.attention.output.LayerNorm, attention=True)
        else:
            layer.intermediate = nn.Identity()
            layer.output = _NormOnly(layer.output.LayerNorm, attention=False)

    def drop_layers(self, model: nn.Module, kept: Sequence[int]) -> None:
        """Keep these layers."""
        base = self.base(model)[1]
        if find_module(base, "encoder.conv") is not None and 0 not in kept:
            raise UsageError("the convolution behind the first layer needs that layer", where="kept", hint="keep it")
        base.encoder.layer = nn.ModuleList([base.encoder.layer[index] for index in kept])
        if sizes := config_value(base, "head_sizes"):
            base.config.head_sizes = [sizes[index] for index in kept]
        base.config.num_hidden_layers = len(kept)

    def narrow_heads(self, model: nn.Module, layer: int, size: int) -> None:
        """The configuration gets each layer's size of heads: weights do not tell few heads from small ones."""
        base = self.base(model)[1]
        if not config_value(base, "head_sizes"):
            parts = [find_module(entry, "attention.self") for entry in base.encoder.layer]
            base.config.head_sizes = [part.attention_head_size if part is not None else 0 for part in parts]
        base.config.head_sizes[layer] = size

    def lay_gate(self, model: nn.Module, anatomy: Anatomy, group: Group, gate: torch.Tensor) -> list[Any]:
        """Of dimensions of heads queries and values are scaled, which is as if keys were too."""
        if group.kind != "dimension":
            return super().lay_gate(model, anatomy, group, gate)

        def scale(_: nn.Module, __: Any, result: torch.Tensor) -> torch.Tensor:
            return result * gate.to(result.dtype).repeat(*[1] * (gate.ndim - 1), group.block)

        own = group.reader.rpartition(".")[0]
        return [model.get_submodule(f"{own}.{name}").register_forward_hook(scale) for name in ("query", "value")]

    def adapt(self, model: nn.Module) -> None:
        """Heads and sizes of modules and configuration follow the weights."""
        base = self.base(model)[1]
        # configurations have one number for all layers: it is set where all layers agree
        config, inner, heads = base.config, set(), set()
        config.vocab_size, words = base.embeddings.word_embeddings.weight.shape
        config.hidden_size = _width(base)
        if find_module(base, "embeddings_project") is None and optional_member(config, "embedding_size") is not None:
            config.embedding_size = words
        for place, layer in enumerate(base.encoder.layer):
            attention, dense = find_module(layer, "attention.self"), find_module(layer, "intermediate.dense")
            if attention is not None:
                if sizes := config_value(base, "head_sizes"):
                    attention.attention_head_size = sizes[place]
                if "layer_idx" in vars(attention):  # as a model of so many layers has it when it is read back
                    attention.layer_idx = place
                attention.all_head_size = attention.get_submodule(_projections(attention)[0]).weight.shape[0]
                attention.num_attention_heads = attention.all_head_size // attention.attention_head_size
                heads.add((attention.num_attention_heads, attention.all_head_size))
            if dense is not None:
                inner.add(dense.weight.shape[0])
        if len(inner) == 1:
            config.intermediate_size = inner.pop()
        if len(heads) == 1 and next(iter(heads))[1] == config.hidden_size:  # which is what it takes a head's size from
            config.num_attention_heads = heads.pop()[0]
        copy_sizes(model, config)


class _NormOnly(nn.Module):
    """What is left of a sublayer: its norm, under the name that it had."""

    def __init__(self, norm: nn.Module, *, attention: bool) -> None:
        super().__init__()
        self.attention = attention
        if attention:
            self.output = nn.Module()
            self.output.LayerNorm = norm
        else:
            self.LayerNorm = norm

    def forward(self, hidden_states: torch.Tensor, *given: Any, **_: Any) -> Any:
        """Of attention the pair that BertAttention gives; of the feed-forward part what BertOutput gives."""
        if self.attention:
            return self.output.LayerNorm(hidden_states), None
        return self.LayerNorm(given[0])


def _through(model: nn.Module, base: Any) -> bool:
    """Whether the residual has one width from the embeddings to the head, and no head keeps a width of its own."""
    own = ("embed_proj", "encoder.conv", "generator_predictions.dense", "transform.dense")
    if any(name.endswith(own) for name, _ in model.named_modules()):
        return False
    # embeddings of relative positions are read as a table: with a norm behind it they can be masked there
    relative = find_module(base, "encoder.rel_embeddings")
    return relative is None or find_module(base, "encoder.LayerNorm") is not None


def _width(base: Any) -> int:
    """Of the residual: that of the projected embeddings where ELECTRA's table has another."""
    projection = find_module(base, "embeddings_project")
    weight = base.embeddings.word_embeddings.weight.T if projection is None else projection.weight
    return int(weight.shape[0])


def _projections(attention: Any) -> list[str]:
    """Names of the matrices that have rows of each head, those of queries first."""
    return [name for name, module in attention.named_children() if isinstance(module, (nn.Linear, Factorised))]


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    found = []
    attention = find_module(layer, "attention.self")
    if attention is not None:
        names, size = [f"self.{name}" for name in _projections(attention)], attention.attention_head_size
        own = f"{path}.attention"
        group = structure.dense_group(("head", index), layer.attention, own, names, "output.dense", size=size)
        found += structure.add_sublayer("attention", own, f"{own}.output.LayerNorm", group, groups)
        if "scaling" in vars(attention):  # others take it from the size of the heads as it is: smaller ones differ
            heads = range(group.count)
            places = [Slice(part.parameter, part.axis, head * size) for part in group.slices for head in heads]
            cut = Group("dimension", index, size, tuple(places), block=group.count, reader=group.reader)
            groups[cut.key] = cut
    if find_module(layer, "intermediate.dense") is not None:
        neurons = structure.dense_group(("neuron", index), layer, path, ["intermediate.dense"], "output.dense")
        found += structure.add_sublayer("ffn", f"{path}.output", f"{path}.output.LayerNorm", neurons, groups)
    return found


def _width_slices(model: nn.Module, prefix: str) -> list[Slice]:
    """All that reads or writes the residual."""
    # with a pooler the classifier reads the pooler's outputs, which keep their own width
    pooled = any(name.endswith("pooler.dense") for name, _ in model.named_modules())
    readers = ("pooler.dense",) if pooled else ("classifier", "classifier.dense")
    projection = find_module(model, f"{prefix}embeddings_project")
    first = [] if projection is None else structure.rows(projection, f"{prefix}embeddings_project")
    apart = " " if projection is None else f"{prefix}embeddings"  # the table keeps its own width
    return first + structure.width_slices(model, f"{prefix}encoder.layer.", (".output.dense",), readers, apart=apart)
