"""Pruned caches read by flex attention and FlashAttention, as by the attention functions that take dense masks."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import every  # noqa: E402
from kv.models import chosen_by_layer, decoder, reference_logits, tokens  # noqa: E402
from transformers import AttentionInterface  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import AdaKV, Decoding, Knorm, SnapKV, compress, prefill  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)
RAGGED = AdaKV(SnapKV(0.5, window=8))


@pytest.fixture
def without_compiling():
    """flex attention as plain torch code: transformers compiles it where it can."""
    torch.compiler.set_stance("force_eager")
    yield
    torch.compiler.set_stance("default")


@pytest.mark.usefixtures("without_compiling")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["llama", "gemma3"])
@pytest.mark.parametrize("press", ["snapkv.v1", "adakv.v1", "kvzip.v1"])
def test_flex_attention_says_the_same(kind, press):
    flex, dense = decoder(kind, "flex_attention"), decoder(kind)
    cache = compress(flex, CONTEXT, every(0.5)[press])
    chosen = chosen_by_layer(cache)
    assert any(not mask.all() for mask in chosen.values())
    for new in (QUESTION[:, :1], QUESTION):
        with torch.no_grad():
            ours = flex(new, cache=cache.copy()).logits
        assert (ours - reference_logits(dense, CONTEXT, new, chosen)).abs().max() < 1e-5


@pytest.mark.usefixtures("without_compiling")
@pytest.mark.filterwarnings("ignore")
@torch.no_grad()
def test_flex_attention_reads_what_was_pressed_again():
    press, said, held = Decoding(AdaKV(SnapKV(window=2)), every=3, budget=16), [], []
    for model in (decoder("llama", "flex_attention"), decoder("llama")):
        cache = compress(model, CONTEXT[:, :30], press)
        first = cache.layers[0].kept.columns.tolist()
        said.append(torch.cat([model(QUESTION[:, place : place + 1], cache=cache).logits for place in range(5)], dim=1))
        held.append([layer.kept.columns.tolist() for layer in cache.layers])
        assert held[-1][0] != first
        assert not all(layer.kept.counts.even for layer in cache.layers)
    assert held[0] == held[1]
    assert (said[0] - said[1]).abs().max() < 1e-5


@pytest.mark.usefixtures("without_compiling")
@pytest.mark.filterwarnings("ignore")
def test_flex_attention_reads_padded_batches():
    flex, dense, rows = decoder("llama", "flex_attention"), decoder("llama"), tokens(60, rows=2)
    mask = torch.ones_like(rows)
    mask[1, :20] = 0
    given = {"attention_mask": torch.cat([mask, torch.ones(2, 5, dtype=torch.long)], dim=1)}
    given["position_ids"] = torch.tensor([[60], [40]]) + torch.arange(5)
    said = []
    for model in (flex, dense):
        cache = compress(model, rows, RAGGED, mask=mask)
        with torch.no_grad():
            said.append(model(QUESTION.expand(2, -1), cache=cache, **given).logits)
    assert (said[0] - said[1]).abs().max() < 1e-5


def flash(module, query, key, value, attention_mask, scaling=None, **_):
    """What FlashAttention computes: causal attention aligned at the end, without a mask over heads and tokens."""
    assert attention_mask is None or attention_mask.ndim == 2
    seen, new = key.shape[-2], query.shape[-2]
    open_ = torch.ones(new, seen, dtype=torch.bool).tril(seen - new)[None, None]
    if attention_mask is not None:
        open_ = open_ & attention_mask.bool()[:, None, None]
    group = query.shape[1] // key.shape[1]
    key, value = (each.repeat_interleave(group, dim=1) for each in (key, value))
    states = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=open_, scale=scaling)
    return states.transpose(1, 2).contiguous(), None


@pytest.fixture
def flash_llama(monkeypatch):
    """A model that calls FlashAttention, with a stand-in for the kernel: the masks are those of transformers."""
    monkeypatch.setitem(AttentionInterface._global_mapping, "flash_attention_2", flash)
    model = decoder("llama")
    # Not by the configuration's property: transformers would look for the package.
    model.config._attn_implementation_internal = "flash_attention_2"
    return model


@pytest.mark.parametrize("press", ["knorm.v1", "snapkv.v1", "expected_attention.v1", "pyramidkv.v1"])
def test_flash_attention_says_the_same(flash_llama, press):
    cache = compress(flash_llama, CONTEXT, every(0.5)[press])
    chosen = chosen_by_layer(cache)
    for new in (QUESTION[:, :1], QUESTION):
        with torch.no_grad():
            ours = flash_llama(new, cache=cache.copy()).logits
        assert (ours - reference_logits(decoder("llama"), CONTEXT, new, chosen)).abs().max() < 1e-5


def test_flash_attention_refuses_heads_of_different_counts(flash_llama):
    cache = compress(flash_llama, CONTEXT, RAGGED)
    with pytest.raises(UsageError, match=r"different counts, which FlashAttention cannot mask: .*flex_attention"):
        flash_llama(QUESTION, cache=cache)


def test_flash_attention_reads_rows_of_one_length(flash_llama):
    """Padding of the context is dropped with the rest: what is kept of rows of one length needs no mask."""
    rows = tokens(60, rows=2)
    mask = torch.ones_like(rows)
    mask[:, :20] = 0
    given = {"attention_mask": torch.cat([mask, torch.ones(2, 5, dtype=torch.long)], dim=1)}
    given["position_ids"] = torch.full((2, 1), 40) + torch.arange(5)
    said = []
    for model in (flash_llama, decoder("llama")):
        cache = compress(model, rows, Knorm(0.5), mask=mask)
        with torch.no_grad():
            said.append(model(QUESTION.expand(2, -1), cache=cache, **given).logits)
    assert (said[0] - said[1]).abs().max() < 1e-5
    mask[1, :30] = 0
    cache = compress(flash_llama, rows, Knorm(0.5), mask=mask)
    with pytest.raises(UsageError, match="heads or rows keep different counts"):
        flash_llama(QUESTION.expand(2, -1), cache=cache, **given)


@pytest.mark.skipif(not find_spec("flash_attn"), reason="needs the package flash_attn, which needs a GPU to build")
@pytest.mark.skipif(not torch.cuda.is_available(), reason="FlashAttention needs a GPU")
def test_the_real_kernel_says_the_same():
    real, dense = (decoder("llama", each).to("cuda", torch.bfloat16) for each in ("flash_attention_2", "sdpa"))
    context, question = CONTEXT.cuda(), QUESTION.cuda()
    cache = compress(real, context, SnapKV(0.5, window=8))
    # The same kept tokens for both kernels.
    other = cache.copy()
    other.attach(dense)
    with torch.no_grad():
        ours, theirs = real(question, cache=cache).logits, dense(question, cache=other).logits
    assert (ours - theirs).abs().max() < 5e-2 * theirs.abs().max()


def test_attention_of_another_kind_is_refused(flash_llama, monkeypatch):
    monkeypatch.setitem(AttentionInterface._global_mapping, "own_masks", flash)
    cache = prefill(flash_llama, CONTEXT).press(Knorm(0.5))
    flash_llama.config._attn_implementation_internal = "own_masks"
    with pytest.raises(UsageError, match="makes its own masks"):
        flash_llama(QUESTION, cache=cache)
