"""Gates that really drop say what hard gates over the whole text say."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import DECODERS, decoder, random_gates, tokens  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv.gates.dropping import dropping, gated_bytes, gated_cache  # noqa: E402
from ctxprune.kv.gates.forward import GatedForward  # noqa: E402
from ctxprune.kv.gates.gates import Gates  # noqa: E402
from ctxprune.kv.gates.layer import GatedLayer  # noqa: E402
from ctxprune.kv.model.attention import attentions_of, find_argument  # noqa: E402

TEXT = tokens(40)


def gates_of(model, bias=1.5):
    return random_gates(model, seed=3, bias=bias)


@torch.no_grad()
def dense(model, gates, ids, **options):
    with GatedForward(model, gates, math.inf) as seen:
        logits = model(ids, use_cache=False, **options).logits
    return logits, seen


@torch.no_grad()
def stepped(model, gates, ids, pieces, **options):
    """Logits of ids read in pieces of so many tokens, the cache, and what each layer held after each piece."""
    cache, said, held, at = gated_cache(model, gates), [], [], 0
    with dropping(model, gates):
        for count in pieces:
            mask = {"attention_mask": options["attention_mask"][:, : at + count]} if options else {}
            places = {"position_ids": options["position_ids"][:, at : at + count]} if options else {}
            said.append(model(ids[:, at : at + count], cache=cache, **mask, **places).logits)
            held.append([layer.held.tolist() for layer in cache.layers if isinstance(layer, GatedLayer)])
            at += count
    return torch.cat(said, dim=1), cache, held


PIECES = {"one": [1] * 40, "whole": [40], "several": [20, 1, 7, 1, 1, 10]}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
@pytest.mark.parametrize("kind", list(DECODERS))
def test_steps_equal_the_dense_forward(decoders, kind, pieces):
    model = decoders(kind)
    gates = gates_of(model)
    expected, seen = dense(model, gates, TEXT)
    assert 0.1 < seen.held() < 0.9
    ours, cache, held = stepped(model, gates, TEXT, pieces)
    assert (ours - expected).abs().max() < 1e-5
    rows = [int(count) - 1 for count in torch.tensor(pieces).cumsum(0)]
    for number, layer in enumerate(gates.layers):
        alive = (seen.logs[layer][0] > -math.inf).tril().sum(dim=-1)
        assert [step[number][0] for step in held] == alive[rows].tolist()
        assert cache.layers[layer].keys.shape[-2] == cache.layers[layer].values.shape[-2] == alive[-1]


def test_eager_attention_says_the_same(decoders):
    model = decoders("llama", "eager")
    gates = gates_of(model)
    expected, _ = dense(model, gates, TEXT)
    for pieces in PIECES.values():
        assert (stepped(model, gates, TEXT, pieces)[0] - expected).abs().max() < 1e-5


def test_memory_shrinks_as_the_count_says(decoders):
    model = decoders("llama")
    gates = gates_of(model)
    _, cache, held = stepped(model, gates, TEXT, PIECES["several"])
    per_token = 2 * 2 * 12 * 4 + 8 * 4 + 4  # two kv heads of 12, keys and values; the gate's part; the column
    assert gated_bytes(cache) == per_token * sum(count for (count,) in held[-1])
    assert {layer.get_seq_length() for layer in cache.layers} == {40}
    assert len({count for (count,) in held[-1]}) > 1  # layers drop by themselves


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_rows_of_a_batch_are_as_alone(decoders, pieces):
    model = decoders("qwen2")
    gates, ids = gates_of(model), tokens(40, rows=3)
    ours, cache, held = stepped(model, gates, ids, pieces)
    for number, row in enumerate(ids):
        alone, _, counts = stepped(model, gates, row[None], pieces)
        assert (ours[number] - alone[0]).abs().max() < 1e-5
        assert [[layer[number] for layer in step] for step in held] == [[c for (c,) in step] for step in counts]
    assert [layer.keys.shape[-2] for layer in cache.layers] == [max(counts) for counts in held[-1]]


def test_rows_can_be_put_in_another_order(decoders):
    model = decoders("llama")
    gates, ids = gates_of(model), tokens(40, rows=3)
    _, cache, _ = stepped(model, gates, ids[:, :30], [30])
    order = torch.tensor([2, 0, 0, 1])
    cache.reorder_cache(order)
    with torch.no_grad(), dropping(model, gates):
        ours = torch.cat([model(ids[order, at : at + 1], cache=cache).logits for at in range(30, 40)], dim=1)
    assert (ours - dense(model, gates, ids)[0][order, 30:]).abs().max() < 1e-5
    cache.batch_repeat_interleave(2)
    assert [len(layer.keys) for layer in cache.layers] == [8, 8, 8]
    cache.reset()
    assert [layer.get_seq_length() for layer in cache.layers] == [0, 0, 0]
    with torch.no_grad(), dropping(model, gates):
        assert (model(ids, cache=cache).logits - dense(model, gates, ids)[0]).abs().max() < 1e-5


def test_padding_on_the_left_changes_nothing(decoders):
    model = decoders("llama")
    gates, ids = gates_of(model), tokens(40, rows=2)
    mask = torch.ones_like(ids)
    mask[1, :9] = 0
    options = {"attention_mask": mask, "position_ids": (mask.cumsum(dim=1) - 1).clamp(min=0)}
    for attention in ("sdpa", "eager"):
        padded = decoders("llama", attention)
        for pieces in ([40], [20, 1, 1, 8, 10]):
            ours, _, held = stepped(padded, gates, ids, pieces, **options)
            alone, _, counts = stepped(model, gates, ids[1:, 9:], [pieces[0] - 9, *pieces[1:]])
            assert (ours[1, 9:] - alone[0]).abs().max() < 1e-5
            assert [layer[1] for layer in held[-1]] == [count for (count,) in counts[-1]]
    expected, _ = dense(model, gates, ids, **options)
    assert (ours[1, 9:] - expected[1, 9:]).abs().max() < 1e-5


def test_generate_needs_nothing_special(decoders):
    model = decoders("llama")
    gates, ids = gates_of(model), TEXT[:, :12]
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
    expected = ids
    for _ in range(12):
        expected = torch.cat([expected, dense(model, gates, expected)[0][:, -1:].argmax(dim=-1)], dim=1)
    with dropping(model, gates):
        assert torch.equal(model.generate(ids, **options), expected)
        cache = gated_cache(model, gates)
        assert torch.equal(model.generate(ids, cache=cache, **options), expected)
        assert torch.equal(model.generate(ids, cache=DynamicCache(), **options), expected)
        assert model.generate(ids, num_beams=2, **options).shape == expected.shape
    assert all(len(layer.columns[0]) < 23 for layer in cache.layers)


def test_open_gates_change_nothing_and_hooks_are_gone(decoders):
    model = decoders("llama")
    gates = gates_of(model, bias=1e4)
    with torch.no_grad():
        before = model(TEXT).logits
    assert (stepped(model, gates, TEXT, [40])[0] - before).abs().max() < 1e-5
    assert (dense(model, gates, TEXT)[0] - before).abs().max() < 1e-5
    with pytest.raises(ZeroDivisionError), dropping(model, gates):
        raise ZeroDivisionError
    with torch.no_grad():
        assert torch.equal(model(TEXT).logits, before)
    assert not any(each.module._forward_pre_hooks for each in attentions_of(model))


def test_shut_gates_leave_the_token_itself(decoders):
    model = decoders("llama")
    gates = gates_of(model, bias=-1e4)
    _, cache, held = stepped(model, gates, TEXT, [1] * 40)
    assert held[-1] == [[1], [1], [1]]
    assert all(layer.columns.tolist() == [[39]] for layer in cache.layers)


def test_misuse_is_refused(decoders):
    model = decoders("llama")
    gates = gates_of(model)
    cache = gated_cache(model, gates)
    with torch.no_grad(), pytest.raises(UsageError, match="without its gates"):
        model(TEXT, cache=cache)
    whole = DynamicCache(config=model.config)
    with torch.no_grad():
        model(TEXT, cache=whole)
        with dropping(model, gates), pytest.raises(UsageError, match="read without gates"):
            model(TEXT, cache=whole)
        with GatedForward(model, gates, 1.0), pytest.raises(UsageError, match="whole sequences"):
            model(TEXT, cache=whole)
        with dropping(model, gates), pytest.raises(UsageError, match="on the right"):
            model(TEXT, attention_mask=(torch.arange(40) < 30).long()[None])
        with dropping(model, gates), dropping(model, gates), pytest.raises(UsageError, match="two gates"):
            model(TEXT)
    _, cache, _ = stepped(model, gates, TEXT, [40])
    with pytest.raises(UsageError, match="crop"):
        cache.crop(-1)
    with pytest.raises(UsageError, match="hidden size"), dropping(model, Gates([0, 1], 48)):
        pass
    with pytest.raises(UsageError, match="alpha"):
        GatedForward(model, gates, 0.5)
    plain = decoder("llama")
    plain.set_attn_implementation("sdpa")
    plain.config._attn_implementation = "flash_attention_2"
    with pytest.raises(UsageError, match="flash_attention_2"), dropping(plain, gates):
        pass


@torch.no_grad()
def test_log_keep_is_the_product_over_steps(decoders):
    model = decoders("llama")
    gates = gates_of(model)
    hidden = {}

    def note(module, args, kwargs):
        hidden[module.layer_idx] = find_argument(module, "hidden_states", args, kwargs)

    handles = [each.module.register_forward_pre_hook(note, with_kwargs=True) for each in attentions_of(model)]
    with GatedForward(model, gates, 1.0) as seen:
        model(TEXT[:, :9], use_cache=False)
    for handle in handles:
        handle.remove()
    for layer in gates.layers:
        query, key = gates[layer].query(hidden[layer])[0], gates[layer].key(hidden[layer])[0]
        for n in range(9):
            for j in range(n + 1):
                keep = 1.0
                for t in range(j + 1, n + 1):
                    keep *= torch.sigmoid(query[t] @ key[j] / 8**0.5 + gates[layer].bias)
                assert float(seen.logs[layer][0, n, j].exp()) == pytest.approx(float(keep), abs=1e-5)
