"""Models whose layers share keys and values, or are no attention at all: read, copied and moved with the rest."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import every  # noqa: E402
from kv.models import SIZES, chosen_by_layer, edits_of, tokens, whole_cache  # noqa: E402
from transformers import (  # noqa: E402
    Gemma3nForCausalLM,
    Gemma3nTextConfig,
    Qwen3NextConfig,
    Qwen3NextForCausalLM,
)

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import Gates, Knorm, SnapKV, compress, prefill  # noqa: E402
from ctxprune.kv.model.attention import attentions_of, bind_arguments, cache_layer_of, find_argument  # noqa: E402
from ctxprune.kv.model.hooks import Hooks  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


@pytest.fixture(scope="module")
def sharing():
    torch.manual_seed(3)
    kinds = ["sliding_attention", "full_attention", "full_attention", "sliding_attention"]
    sizes = {**SIZES, "num_hidden_layers": 6, "head_dim": 16, "sliding_window": 16}
    return Gemma3nForCausalLM(
        Gemma3nTextConfig(
            **sizes,
            vocab_size_per_layer_input=97,
            hidden_size_per_layer_input=16,
            num_kv_shared_layers=2,
            layer_types=[*kinds, "sliding_attention", "full_attention"],
            altup_num_inputs=2,
            laurel_rank=8,
            activation_sparsity_pattern=None,
        )
    ).eval()


@torch.no_grad()
def reference(model, new, chosen, edited):
    cache = whole_cache(model, CONTEXT, edited)

    def hide(module, args, kwargs):
        kept = chosen.get(cache_layer_of(module))
        if kept is None:
            return None
        mask, count = find_argument(module, "attention_mask", args, kwargs), new.shape[1]
        if mask is None:
            mask = torch.ones(1, 1, count, 60 + count, dtype=torch.bool)
        wide = torch.nn.functional.pad(kept, (0, count), value=True).repeat_interleave(2, dim=1)[:, :, None]
        return (), {**bind_arguments(module, args, kwargs), "attention_mask": mask & wide}

    with Hooks() as hooks:
        for each in attentions_of(model):
            hooks.before(each.module, hide)
        return model(new, cache=cache).logits


@pytest.mark.parametrize("name", sorted({*every(0.5)} - {"byte_budget.v1", "learned_drop.v1"}))
def test_layers_that_share_keys_see_what_is_kept(sharing, name):
    press = every(0.5)[name]
    cache = compress(sharing, CONTEXT, press)
    assert len(cache.kept) == 2
    chosen, edited = chosen_by_layer(cache), edits_of(sharing, CONTEXT, press)
    for new in (QUESTION[:, :1], QUESTION):
        with torch.no_grad():
            ours = sharing(new, cache=cache.copy()).logits
        assert (ours - reference(sharing, new, chosen, edited)).abs().max() < 1e-5


def test_gates_need_layers_with_their_own_keys(sharing):
    with pytest.raises(UsageError, match="layers that share keys"):
        Gates.of(sharing)


@pytest.fixture(scope="module")
def hybrid():
    torch.manual_seed(3)
    sizes = {**SIZES, "num_hidden_layers": 2, "head_dim": 16, "layer_types": ["linear_attention", "full_attention"]}
    linear = {"linear_num_value_heads": 2, "linear_num_key_heads": 2, "linear_key_head_dim": 8}
    return Qwen3NextForCausalLM(
        Qwen3NextConfig(
            **sizes,
            **linear,
            linear_value_head_dim=8,
            num_experts=2,
            num_experts_per_tok=1,
            moe_intermediate_size=16,
            shared_expert_intermediate_size=16,
        )
    ).eval()


@torch.no_grad()
def test_states_of_linear_attention_are_not_shared(hybrid):
    cache = compress(hybrid, CONTEXT, Knorm(0.5))
    assert [type(layer).__name__ for layer in cache.layers] == ["LinearAttentionLayer", "PrunedLayer"]
    twin = cache.copy()
    expected = hybrid(QUESTION, cache=cache.copy()).logits
    assert torch.equal(hybrid(QUESTION, cache=twin).logits, expected)
    read = prefill(hybrid, CONTEXT)
    asked = read.ask(QUESTION)
    for _ in range(2):
        assert torch.equal(hybrid(QUESTION, cache=read.press(Knorm(0.5))).logits, expected)
    assert asked.views[0].total == 65
    states = [each for kind in ("conv_states", "recurrent_states") for each in getattr(cache.layers[0], kind).values()]
    held = sum(each.untyped_storage().nbytes() for each in states)
    assert cache.nbytes == held + sum(each.untyped_storage().nbytes() for each in cache.layers[1].tensors().values())
    assert cache.to("meta").layers[0].conv_states[0].device.type == "meta"


@torch.no_grad()
def test_the_question_that_chose_is_forgotten_by_linear_attention(hybrid):
    blind, aware = (compress(hybrid, CONTEXT, Knorm(0.5), question=each) for each in (None, QUESTION))
    assert blind.kept == aware.kept
    assert (hybrid(QUESTION, cache=blind).logits - hybrid(QUESTION, cache=aware).logits).abs().max() < 1e-5


def test_padding_on_the_right_of_windows(hybrid, sharing):
    mask = torch.ones(2, 60, dtype=torch.long)
    mask[1, 50:] = 0
    for model in (hybrid, sharing):
        with pytest.raises(UsageError, match="padding is on the right"):
            compress(model, tokens(60, rows=2), Knorm(0.5), mask=mask)
        assert compress(model, tokens(60, rows=2), Knorm(0.5), mask=mask.flip(1)).kept[0][1] == [25, 25]


def test_cropping_where_a_layer_cannot_go_back(hybrid, sharing):
    for model in (hybrid, sharing):
        cache = compress(model, CONTEXT, Knorm(0.5))
        with torch.no_grad():
            model(QUESTION, cache=cache)
        with pytest.raises(UsageError, match="cannot be cropped"):
            cache.crop(-5)
        cache.crop(0)
        assert cache.get_seq_length() == 65


def test_queries_that_come_with_gates(hybrid):
    """Qwen3-Next projects gates of the output together with its queries."""
    cache = compress(hybrid, CONTEXT, SnapKV(0.5, window=8))
    assert cache.kept == [[[30, 30]]]
    assert prefill(hybrid, CONTEXT).views[0].queries(8).shape == (1, 4, 8, 16)
