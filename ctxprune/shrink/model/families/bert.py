"""BERT and its relatives (MiniLM, RoBERTa, XLM-R, ELECTRA): post-norm encoders with plain feed-forward parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ctxprune.shrink.model.anatomy import Anatomy, Group, Slice, Sublayer
from ctxprune.shrink.model.families.base import Family, describe_layers, find_module

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ctxprune.shrink.model.anatomy import Key

__all__ = ["Bert"]


class Bert(Family):
    """Encoders with `embeddings` and `encoder.layer`, under any head."""

    name = "bert"

    def matches(self, model: nn.Module) -> bool:
        """Whether the model has BERT's modules."""
        return _base(model) is not None

    def describe(self, model: nn.Module) -> Anatomy:
        """The model as it is now."""
        prefix, base = _found(model)
        layers, groups = describe_layers(base.encoder.layer, f"{prefix}encoder.layer.", _sublayers)
        words = f"{prefix}embeddings.word_embeddings"
        count, width = base.embeddings.word_embeddings.weight.shape
        if _through(model, base):
            groups["width", -1] = Group("width", -1, width, tuple(_width_slices(model, prefix)))
        outputs = [
            part
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear)
            and not name.startswith(f"{prefix}encoder.")
            and len(module.weight) == count
            for part in _both(name, 0)
        ]  # of models with a language modelling head, tied to the embeddings or not
        groups["vocabulary", -1] = Group("vocabulary", -1, count, (Slice(f"{words}.weight", 0), *outputs))
        norms = [name for name, module in model.named_modules() if isinstance(module, nn.LayerNorm)]
        return Anatomy(
            self.name, width, tuple(layers), groups, words, f"{prefix}embeddings", tuple(norms), post_norm=True
        )

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
        _, base = _found(model)
        base.encoder.layer = nn.ModuleList([base.encoder.layer[index] for index in kept])
        base.config.num_hidden_layers = len(kept)

    def adapt(self, model: nn.Module) -> None:
        """Heads and sizes of modules and configuration follow the weights."""
        _, base = _found(model)
        # configurations have one number for all layers: it is set where all layers agree
        config, inner, heads = base.config, set(), set()
        config.vocab_size, config.hidden_size = base.embeddings.word_embeddings.weight.shape
        for place, layer in enumerate(base.encoder.layer):
            attention, dense = find_module(layer, "attention.self"), find_module(layer, "intermediate.dense")
            if attention is not None:
                attention.layer_idx = place  # as a model of so many layers has it when it is read back
                attention.all_head_size = attention.query.weight.shape[0]
                attention.num_attention_heads = attention.all_head_size // attention.attention_head_size
                heads.add((attention.num_attention_heads, attention.all_head_size))
            if dense is not None:
                inner.add(dense.weight.shape[0])
        if len(inner) == 1:
            config.intermediate_size = inner.pop()
        if len(heads) == 1 and next(iter(heads))[1] == config.hidden_size:  # which is what it takes a head's size from
            config.num_attention_heads = heads.pop()[0]


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


def _base(model: nn.Module) -> tuple[str, Any] | None:
    for name, module in model.named_modules():
        layers = find_module(module, "encoder.layer")
        if find_module(module, "embeddings") is None or not isinstance(layers, nn.ModuleList):
            continue
        if all(find_module(layer, "attention") is not None for layer in layers):
            return (f"{name}." if name else ""), module
    return None


def _found(model: nn.Module) -> tuple[str, Any]:
    found = _base(model)
    if found is None:
        raise TypeError(f"{type(model).__name__} is not a BERT model")
    return found


def _through(model: nn.Module, base: Any) -> bool:
    """Whether the residual has one width from the embeddings to the head, and no head keeps a width of its own."""
    own = any(name.endswith(("embeddings_project", "transform.dense")) for name, _ in model.named_modules())
    return not own and len(base.embeddings.LayerNorm.weight) == base.embeddings.word_embeddings.weight.shape[1]


def _both(path: str, axis: int, start: int = 0, size: int = 1) -> tuple[Slice, Slice]:
    """Rows of a linear module: of its weight and of its bias."""
    return Slice(f"{path}.weight", axis, start, size), Slice(f"{path}.bias", axis, start, size)


def _sublayers(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    return [*_attention(layer, path, index, groups), *_ffn(layer, path, index, groups)]


def _attention(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    attention = find_module(layer, "attention.self")
    if attention is None:
        return []
    own, size = f"{path}.attention.self", attention.attention_head_size
    output = f"{path}.attention.output.dense"
    rows = [entry for part in ("query", "key", "value") for entry in _both(f"{own}.{part}", 0, size=size)]
    count = attention.query.weight.shape[0] // size
    group = Group("head", index, count, (*rows, Slice(f"{output}.weight", 1, size=size)), output, size, f"{own}.query")
    groups[group.key] = group
    norm = f"{path}.attention.output.LayerNorm"
    return [Sublayer("attention", index, f"{path}.attention", output, norm, (group.key,))]


def _ffn(layer: Any, path: str, index: int, groups: dict[Key, Group]) -> list[Sublayer]:
    dense = find_module(layer, "intermediate.dense")
    if dense is None:
        return []
    inner, output = f"{path}.intermediate.dense", f"{path}.output.dense"
    count = dense.weight.shape[0]
    group = Group("neuron", index, count, (*_both(inner, 0), Slice(f"{output}.weight", 1)), output, 1, inner)
    groups[group.key] = group
    return [Sublayer("ffn", index, f"{path}.output", output, f"{path}.output.LayerNorm", (group.key,))]


def _width_slices(model: nn.Module, prefix: str) -> list[Slice]:
    """All that reads or writes the residual."""
    writers = ("attention.output.dense", "output.dense")
    # with a pooler the classifier reads the pooler's outputs, which keep their own width
    pooled = any(name.endswith("pooler.dense") for name, _ in model.named_modules())
    readers = ("pooler.dense",) if pooled else ("classifier", "classifier.dense")
    found = []
    for name, module in model.named_modules():
        inside = name.startswith(f"{prefix}encoder.layer.")
        if isinstance(module, nn.Embedding):
            found.append(Slice(f"{name}.weight", 1))
        elif isinstance(module, nn.LayerNorm):
            found += [Slice(f"{name}.weight", 0), Slice(f"{name}.bias", 0)]
        elif isinstance(module, nn.Linear) and inside and name.split(".layer.", 1)[1].split(".", 1)[1] in writers:
            found += _both(name, 0)
        elif isinstance(module, nn.Linear) and (inside or name.endswith(readers)):
            found.append(Slice(f"{name}.weight", 1))
    return found
