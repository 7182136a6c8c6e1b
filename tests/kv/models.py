"""Tiny random decoders, and the slow reference: the whole cache, with what was dropped masked in every layer."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from transformers import (
    DynamicCache,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    PhiConfig,
    PhiForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from ctxprune.kv import prefill
from ctxprune.kv.cache.masks import pressed_layers
from ctxprune.kv.cache.store import Counts
from ctxprune.kv.gates.gates import Gates
from ctxprune.kv.model.attention import attentions_of, find_argument
from ctxprune.kv.presses.base import Press
from ctxprune.kv.reading.view import LayerView

SIZES = {
    "vocab_size": 97,
    "hidden_size": 48,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 2048,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
DECODERS = {
    "llama": (LlamaForCausalLM, LlamaConfig, {}),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config, {}),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config, {"head_dim": 16}),
    "gemma": (GemmaForCausalLM, GemmaConfig, {"head_dim": 16}),
    "mistral": (MistralForCausalLM, MistralConfig, {"sliding_window": None}),
    "phi": (PhiForCausalLM, PhiConfig, {"partial_rotary_factor": 0.5}),
    "phi3": (Phi3ForCausalLM, Phi3Config, {"sliding_window": None}),
    "gemma3": (
        Gemma3ForCausalLM,
        Gemma3TextConfig,
        {
            "head_dim": 16,
            "sliding_window": 16,
            "layer_types": ["sliding_attention", "full_attention", "full_attention"],
        },
    ),
}


def decoder(name: str, attention: str = "sdpa"):
    """A random decoder of one architecture, float32, the same each time."""
    kind, config, extra = DECODERS[name]
    torch.manual_seed(11)
    model = kind(config(**{**SIZES, **extra}, attn_implementation=attention)).eval()
    for weight in model.parameters():  # larger than the usual start, so that attention is not flat
        weight.data.mul_(3.0 if weight.ndim > 1 else 1.0)
    return model


def random_gates(model, *, seed: int, bias: float = 1.5):
    """Random gates that close a good part, at different places in different layers."""
    gates = Gates.of(model, width=8, bias=bias, seed=seed)
    for weight in gates.parameters():  # larger than the usual start, as the weights of `decoder`
        weight.data.mul_(3.0 if weight.ndim > 1 else 1.0)
    return gates


def letters():
    """A tokenizer of single characters."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers
    from tokenizers.decoders import Fuse

    known = {letter: number + 3 for number, letter in enumerate(sorted(set(map(chr, range(32, 127))) | {"\n"}))}
    made = Tokenizer(models.WordLevel({"<pad>": 0, "<s>": 1, "</s>": 2, **known}, unk_token="<pad>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = Fuse()
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>", eos_token="</s>")


def tokens(count: int, rows: int = 1, seed: int = 0):
    """Random ids without the special ones, (rows, count)."""
    return torch.randint(3, SIZES["vocab_size"], (rows, count), generator=torch.Generator().manual_seed(seed))


def chosen_by_layer(cache):
    """For each layer what was kept, bool (batch, kv_heads, tokens); None for layers that are not pressed."""
    found = {}
    for number, layer in enumerate(cache.layers):
        if layer not in pressed_layers(cache):
            continue
        columns = layer.kept.counts.padded(layer.kept.columns).long()
        real = layer.kept.counts.real()
        real = torch.ones_like(columns, dtype=torch.bool) if real is None else real
        mask = torch.zeros(*columns.shape[:2], layer.pressed, dtype=torch.bool)
        for row, head in torch.cartesian_prod(*map(torch.arange, columns.shape[:2])):
            mask[row, head, columns[row, head][real[row, head]]] = True
        found[number] = mask
    return found


@contextmanager
def masked(model, chosen):
    """Within it the model does not see, in each layer, tokens that are not chosen."""

    def hide(module, args, kwargs):
        kept = chosen.get(module.layer_idx)
        mask = find_argument(module, "attention_mask", args, kwargs)
        hidden = find_argument(module, "hidden_states", args, kwargs)
        if kept is None:
            return None
        rows, heads = kept.shape[0], module.config.num_attention_heads
        new = hidden.shape[1]
        held = find_argument(module, "cache", args, kwargs).layers[module.layer_idx].keys.shape[-2]
        if mask is None:
            places = torch.arange(held + new)
            mask = (places[None] <= (torch.arange(new) + held)[:, None])[None, None]
        wide = torch.ones(rows, kept.shape[1], held + new, dtype=torch.bool)
        wide[..., : kept.shape[-1]] = kept
        wide = wide.repeat_interleave(heads // kept.shape[1], dim=1)[:, :, None]
        closed = torch.finfo(mask.dtype).min if mask.is_floating_point() else False
        return args, {**kwargs, "attention_mask": mask.expand(rows, heads, -1, -1).masked_fill(~wide, closed)}

    handles = [each.module.register_forward_pre_hook(hide, with_kwargs=True) for each in attentions_of(model)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def edits_of(model, context, press, question=None):
    """For each layer the keys and values that an editing press leaves, of the whole context; {} for other presses."""
    if not press.edits:
        return {}
    read, edited = prefill(model, context, question=question), {}
    for view, plan in zip(read.views, press.plans(read), strict=True):
        keys = view.keys if plan.keys is None else plan.keys
        values = view.values if plan.values is None else plan.values
        if plan.channels is not None:
            open_ = torch.zeros(*plan.channels.shape[:2], keys.shape[-1]).scatter_(-1, plan.channels, 1.0)
            keys = keys * open_[:, :, None]
        edited[view.attention.layer] = keys[..., : view.tokens, :], values[..., : view.tokens, :]
    return edited


def whole_cache(model, context, edited=None, **options):
    """The cache of the whole context, with keys and values of `edits_of` put in."""
    cache = DynamicCache(config=model.config)
    model(context, cache=cache, **options)
    for number, (keys, values) in (edited or {}).items():
        cache.layers[number].keys, cache.layers[number].values = keys, values
    return cache


@torch.no_grad()
def reference_logits(model, context, new, chosen, edited=None, **options):
    """Logits of `new` behind the whole context, with all that is not chosen masked."""
    cache = whole_cache(model, context, edited, **options)
    with masked(model, chosen):
        return model(new, cache=cache).logits


@torch.no_grad()
def reference_text(model, context, new, chosen, steps, edited=None):
    """Greedy ids behind the whole context, with all that is not chosen masked, one full step at a time."""
    cache = whole_cache(model, context, edited)
    said = []
    with masked(model, chosen):
        for _ in range(steps):
            new = model(new, cache=cache).logits[:, -1:].argmax(dim=-1)
            said.append(new)
    return torch.cat(said, dim=1)


@dataclass(frozen=True)
class Given(Press):
    """A press whose scores are given, (batch, kv_heads, n), so that a wrapper's work can be told by hand.

    Without numbers they are those of `view_of`, times a factor.
    """

    numbers: Any = None
    factor: float = 1.0

    def score(self, view):
        if self.numbers is None:
            return self.factor * view.keys[..., 0]
        return torch.as_tensor(self.numbers, dtype=torch.float32)


def view_of(scores, *, question=0, order=0, layers=1, head_dim=4, dtype=torch.float32):
    """A layer's view as far as choosing goes, for scores (batch, kv_heads, n), which stand in its keys."""
    shape = scores.shape
    states = torch.zeros(*shape, head_dim, dtype=dtype)
    states[..., 0] = scores
    turns = torch.zeros(1, shape[-1], head_dim)
    return LayerView(
        attention=SimpleNamespace(layer=order),
        order=order,
        layers=layers,
        keys=states,
        values=states,
        hidden=torch.zeros(shape[0], shape[-1], 8),
        cos=turns,
        sin=turns,
        question=question,
    )


def places(chosen):
    """For each head of the first row the places that are kept."""
    return [head.nonzero()[:, 0].tolist() for head in chosen[0]]


def numbers(counts: Counts, width: int, dtype, seed: int = 0):
    """Keys as models have them: channels with offsets and widths of their own."""
    made = torch.Generator().manual_seed(seed)
    spread = torch.randn(counts.total, width, generator=made) * torch.rand(width, generator=made) * 4
    return (spread + torch.randn(width, generator=made) * 20).to(dtype)


def bytes_of(*parts) -> int:
    return sum(held.untyped_storage().nbytes() for part in parts for held in part.tensors().values())
