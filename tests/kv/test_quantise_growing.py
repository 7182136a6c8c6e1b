"""Quantised storages that pack tokens read after the press, too."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import bytes_of, numbers, tokens  # noqa: E402
from kv.stepwise import visible  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    AdaKV,
    Decoding,
    Kivi,
    ObservedAttention,
    PrunedCache,
    Random,
    SnapKV,
    StreamingLLM,
    compress,
)
from ctxprune.kv.cache.layer import PrunedLayer  # noqa: E402
from ctxprune.kv.cache.store import Counts, KeptTokens  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


GROWING = Kivi(bits=8, group=16, residual=8, grow=True)


def read_on(model, cache, ids, chunk: int):
    with torch.no_grad():
        return torch.cat([model(part, cache=cache).logits for part in ids.split(chunk, dim=1)], dim=1)


@pytest.mark.parametrize("chunk", [1, 7, 50])
@pytest.mark.parametrize("press", [Random(0.0), Random(0.4)])
def test_growing_packs_old_tokens_and_says_nearly_the_same(decoders, chunk, press):
    model, more = decoders("llama"), tokens(50, seed=2)
    cache = compress(model, CONTEXT, press, storage=GROWING)
    plain = compress(model, CONTEXT, press)
    said, expected = read_on(model, cache, more, chunk), read_on(model, plain, more, chunk)
    assert (said - expected).abs().max() < 0.1 * expected.abs().max()
    for layer, whole in zip(cache.layers, plain.layers, strict=True):
        assert layer.pressed == 60 + 32
        assert layer.get_seq_length() == 110
        assert layer.keys.shape[-2] == 18
        kept = layer.kept
        assert kept.counts.longest == whole.kept.counts.longest + 32
        assert kept.columns.view(2, -1)[:, -32:].tolist() == [list(range(60, 92))] * 2
        # the first layer's keys and values do not hang on what was packed before
    first, whole = cache.layers[0], plain.layers[0]
    for held, true, tail in zip(first.kept.read(), whole.kept.read(), (whole.keys, whole.values), strict=True):
        assert (held - torch.cat([true, tail[..., :32, :]], dim=-2)).abs().max() < 0.05
    assert torch.equal(first.keys, whole.keys[..., 32:, :])


def test_growing_holds_the_bytes_of_its_parts(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, Random(0.4), storage=GROWING)
    read_on(model, cache, tokens(50, seed=2), 10)
    kept = 36 + 32
    settled = Kivi(bits=8, group=16, residual=0).nbytes(kept, 12, 4) + 2 * kept + 4
    assert cache.nbytes == 3 * 2 * (settled + 18 * 2 * 12 * 4)


def test_what_was_packed_stays_as_it_was(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, Random(0.4), storage=GROWING)
    before = cache.layers[1].kept
    blocks = len(before.keys.codes) // 2
    read_on(model, cache, tokens(50, seed=2), 5)
    after = cache.layers[1].kept
    for head in range(2):
        each = len(after.keys.codes) // 2
        old = before.keys.codes[head * blocks : (head + 1) * blocks]
        assert torch.equal(after.keys.codes[head * each : head * each + blocks], old)


def test_growing_heads_of_different_counts():
    counts = Counts.of(torch.tensor([[3, 40], [17, 0]]))
    flat = numbers(counts, 16, torch.float32)
    storage = Kivi(8, group=8, residual=8, grow=True)
    columns = torch.cat([torch.arange(count) for count in (3, 40, 17, 0)]).short()
    kept = KeptTokens(*storage.pack(flat, flat, counts), counts, columns)
    assert kept.count_due(15) == 0
    assert kept.count_due(16) == 8
    assert kept.count_due(40) == 32
    new = numbers(Counts.of(torch.tensor([24])), 16, torch.float32, seed=3).view(1, 1, 24, 16).repeat(2, 2, 1, 1)
    for part in (new[..., :8, :], new[..., 8:, :]):
        kept = kept.append(part, part, 100)
    assert kept.counts.each.tolist() == [[27, 64], [41, 24]]
    expected = [torch.cat([part, new[0, 0]]) for part in flat.split([3, 40, 17, 0])]
    for packed in (kept.keys, kept.values):
        back = packed.unpack(kept.counts)
        assert (back - torch.cat(expected)).abs().max() <= packed.step.float().max() / 2 * 1.001
    assert bytes_of(kept.keys, kept.values) == sum(
        Kivi(8, group=8, residual=0).nbytes(count, 16, 4) for count in (27, 64, 41, 24)
    )
    assert kept.columns.split([27, 64, 41, 24])[0].tolist() == [0, 1, 2, *range(100, 108), *range(100, 116)]


def test_cropping_into_packed_tokens_is_refused(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, Random(0.4), storage=GROWING)
    read_on(model, cache, tokens(30, seed=2), 30)
    cache.crop(-14)
    assert cache.get_seq_length() == 76
    with pytest.raises(UsageError, match="cannot crop"):
        cache.crop(-1)


def test_growing_survives_saving_branching_and_rerotation(decoders, tmp_path):
    model, more = decoders("llama"), tokens(40, seed=2)
    cache = compress(model, CONTEXT, SnapKV(0.4, window=8), storage=GROWING, positions="rerotated")
    read_on(model, cache, more[:, :30], 5)
    cache.save(tmp_path / "c.safetensors")
    loaded = PrunedCache.load(tmp_path / "c.safetensors", model)
    twin = cache.branch(2)
    expected = read_on(model, cache, more[:, 30:], 2)
    assert (read_on(model, loaded, more[:, 30:], 2) - expected).abs().max() < 1e-5
    assert (read_on(model, twin, more[:, 30:].expand(2, -1), 2) - expected).abs().max() < 1e-4
    plain = compress(model, CONTEXT, SnapKV(0.4, window=8), positions="rerotated")
    assert (read_on(model, plain, more, 40)[:, 30:] - expected).abs().max() < 0.1 * expected.abs().max()


def test_columns_widen_when_they_grow_past_int16():
    counts = Counts.of(torch.tensor([[8, 8]]))
    flat = torch.zeros(16, 8)
    kept = KeptTokens(*Kivi(group=8, grow=True).pack(flat, flat, counts), counts, torch.arange(8).repeat(2).short())
    more = torch.zeros(1, 2, 8, 8)
    kept = kept.append(more, more, 32_760)
    assert kept.columns.dtype == torch.int32
    assert kept.columns[8:16].tolist() == list(range(32_760, 32_768))


# one budget of bytes


def test_contexts_read_with_gradients_are_packed(decoders):
    model = decoders("llama")
    with SnapKV(0.4, window=8)(model, storage=GROWING):
        said = model(CONTEXT)
        cache = said.cache if "cache" in said else said.past_key_values
        logits = [model(part, cache=cache).logits for part in tokens(40, seed=3).split(8, dim=1)]
    assert logits[-1].requires_grad
    assert not any(held.requires_grad for held in cache.layers[0].kept.tensors().values())


@torch.no_grad()
def test_padding_is_never_packed_while_writing(decoders):
    model, ids, later = decoders("qwen3"), tokens(60, rows=2, seed=4), tokens(30, rows=2, seed=9)
    mask = torch.ones(2, 90, dtype=torch.long)
    mask[0, :54] = 0
    caches = [
        compress(
            model,
            ids,
            Decoding(StreamingLLM(sinks=4), every=16, budget=40),
            mask=mask[:, :60],
            storage=Kivi(bits=8, group=8, residual=0, grow=grow),
        )
        for grow in (False, True)
    ]
    packed = 0
    for place in range(30):
        given = {
            "attention_mask": mask[:, : 61 + place],
            "position_ids": (mask.cumsum(-1) - 1)[:, 60 + place : 61 + place].clamp(min=0),
        }
        one, two = (model(later[:, place : place + 1], cache=cache, **given).logits for cache in caches)
        assert (one - two).abs().max() < 0.02 * one.abs().max()
        kept = caches[1].layers[0].kept
        columns = kept.counts.padded(kept.columns)[0, 0, : kept.counts.each[0, 0]]
        assert (columns >= 54).all()
        packed = max(packed, len(columns))
    assert packed > 16
    for left, right in zip(*(cache.layers for cache in caches), strict=True):
        assert torch.equal(visible(left)[0, :, 54:], visible(right)[0, :, 54:])


def test_sums_of_attention_stay_with_their_tokens(decoders):
    model, ids = decoders("qwen3"), tokens(90, seed=3)
    caches = []
    for grow in (False, True):
        cache = PrunedCache(model)
        storage = Kivi(bits=8, group=8, residual=0, grow=grow)
        Decoding(AdaKV(ObservedAttention()), every=16, budget=40)(model, storage=storage).begin(cache)
        read_on(model, cache, ids[:, :50], 50)
        read_on(model, cache, ids[:, 50:62], 1)
        caches.append(cache)
    uneven = False
    for left, right in zip(*(cache.layers for cache in caches), strict=True):
        uneven |= not left.kept.counts.even
        assert right.pressed > left.pressed
        assert torch.equal(visible(left), visible(right))
        one, two = sums_by_column(left), sums_by_column(right)
        assert one.max() > 0.5
        assert (one - two).abs().max() < 0.02
    assert uneven


def sums_by_column(layer: PrunedLayer):
    """The attention that each token read got, (kv_heads, tokens read); 0 for those that are not held."""
    counts, found = layer.kept.counts, torch.zeros(2, layer.get_seq_length())
    columns, longest = counts.padded(layer.kept.columns).long(), counts.longest
    tail = layer.attended.shape[-1] - longest
    for head in range(2):
        own = int(counts.each[0, head])
        found[head, columns[0, head, :own]] = layer.attended[0, head, :own]
        found[head, layer.pressed : layer.pressed + tail] = layer.attended[0, head, longest:]
    return found
