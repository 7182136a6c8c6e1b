"""Quantised keys and values that attention reads without a copy, against a decoded copy."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import numbers, tokens  # noqa: E402
from kv.test_quantise import SMALL, dequantised  # noqa: E402

from ctxprune.kv import AdaKV, Kivi, SnapKV, compress  # noqa: E402
from ctxprune.kv.cache import packed_states  # noqa: E402
from ctxprune.kv.cache.packed_states import PackedStates, join_states  # noqa: E402
from ctxprune.kv.cache.store import Counts, KeptTokens  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)
NEAR = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float64: 1e-12}
attention = torch.nn.functional.scaled_dot_product_attention


def states(each, storage, width=16, dtype=torch.float32):
    """Keys and values as attention gets them, and decoded copies of them."""
    counts = Counts.of(torch.tensor(each))
    made = torch.Generator().manual_seed(1)
    flat = numbers(counts, width, torch.float32).mul(0.05).to(dtype), numbers(counts, width, dtype, seed=2)
    tail = torch.randn(*counts.each.shape, 3, width, generator=made).to(dtype)
    packed = storage.pack(*flat, counts)
    kept = KeptTokens(*packed, counts, torch.zeros(counts.total, dtype=torch.int16))
    whole = (torch.cat([counts.padded(part.unpack(counts)), tail], dim=2) for part in packed)
    return join_states(kept, tail, tail), tuple(whole), counts


def query_of(key, heads: int, count: int = 1):
    made = torch.Generator().manual_seed(3)
    return torch.randn(key.shape[0], heads, count, key.shape[3], generator=made).to(key.dtype)


@pytest.fixture
def fused(monkeypatch):
    """The results of attention on packed numbers; None where a copy was decoded."""
    found, attend = [], packed_states._attend
    monkeypatch.setattr(packed_states, "_attend", lambda given: found.append(attend(given)) or found[-1])
    return found


@pytest.mark.parametrize("dtype", list(NEAR))
@pytest.mark.parametrize("bits", [8, 4, 2])
@pytest.mark.parametrize(("each", "residual"), [([[70, 70]], 4), ([[33, 33], [33, 33]], 0), ([[3, 3]], 8)])
def test_attention_is_that_of_a_decoded_copy(fused, each, residual, bits, dtype):
    storage = Kivi(bits, group=16, residual=residual)
    for width in (12, 16, 64, 128):
        if width % min(16, width) == 0:
            packed, whole, _ = states(each, storage, width, dtype)
            query = query_of(whole[0], 6)
            for scale in (None, 0.3):
                said = attention(query, *packed, scale=scale, enable_gqa=True)
                assert fused[-1] is said
                expected = attention(query, *whole, scale=scale, enable_gqa=True)
                assert said.dtype == dtype
                assert (said - expected).abs().max() < NEAR[dtype] * expected.abs().max()


def test_heads_of_different_counts_have_a_mask(fused):
    packed, whole, counts = states([[40, 3], [0, 57]], SMALL)
    query = query_of(whole[0], 2, 3)
    real = torch.nn.functional.pad(counts.real(), (0, 3), value=True)[:, :, None]
    for mask in (real, torch.zeros(real.shape).masked_fill(~real, torch.finfo(torch.float32).min)):
        said = attention(query, *packed, attn_mask=mask)
        assert fused[-1] is said
        assert (said - attention(query, *whole, attn_mask=mask)).abs().max() < 1e-4


@pytest.mark.parametrize(
    ("heads", "count", "options"),
    [(6, 40, {"enable_gqa": True}), (2, 3, {"is_causal": True}), (2, 1, {"dropout_p": 0.5}), (2, 50, {})],
)
def test_other_calls_get_a_copy(fused, heads, count, options):
    packed, whole, _ = states([[40, 40]], SMALL)
    query = query_of(whole[0], heads, count)
    torch.manual_seed(5)
    said = attention(query, *packed, **options)
    torch.manual_seed(5)
    assert fused == [None]
    assert torch.equal(said, attention(query, *whole, **options))


def test_every_other_function_reads_decoded_numbers():
    (keys, values), (whole, _), _ = states([[40, 40]], SMALL)
    assert type(keys) is PackedStates
    assert keys.shape == whole.shape
    assert keys.size(2) == len(whole[0, 0]) == len(keys[0, 0])
    for change in (lambda key: key.transpose(2, 3), lambda key: key[:, :, None].expand(-1, -1, 2, -1, -1), torch.exp):
        assert type(change(keys)) is torch.Tensor
        assert torch.equal(change(keys), change(whole))
    assert torch.equal(torch.cat([keys, values], dim=2)[:, :, : whole.shape[2]], whole)
    # As compiled code calls it, which no Python function stands before.
    with torch._C.DisableTorchFunctionSubclass():
        assert torch.equal(keys + 1, whole + 1)


def test_gradients_reach_the_query():
    packed, whole, _ = states([[40, 40]], SMALL)
    grads = []
    for pair in (packed, whole):
        query = query_of(whole[0], 4).requires_grad_()
        attention(query, *pair, enable_gqa=True).square().sum().backward()
        grads.append(query.grad)
    assert (grads[0] - grads[1]).abs().max() < 1e-4 * grads[1].abs().max()


@pytest.mark.parametrize("press", [SnapKV(0.4, window=8), AdaKV(SnapKV(0.4, window=8))])
@pytest.mark.parametrize("kernel", ["sdpa", "eager"])
def test_a_step_of_the_model_reads_packed_numbers(decoders, fused, kernel, press):
    model = decoders("llama", kernel)
    cache = compress(model, CONTEXT, press, storage=SMALL)
    copy = dequantised(cache)
    with torch.no_grad():
        for new in (QUESTION[:, :1], QUESTION[:, 1:2], QUESTION[:, 2:]):
            said = model(new, cache=cache).logits
            assert (said - model(new, cache=copy).logits).abs().max() < 1e-5
    # One call for each layer and step; eager attention reads copies.
    steps = [each for each in fused if each is not None]
    assert len(steps) == (6 if kernel == "sdpa" else 0)
