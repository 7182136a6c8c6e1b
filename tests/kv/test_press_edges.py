"""Every press on contexts that are short, padded, not to be pruned, or have a question behind them."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import PRESSES, presses  # noqa: E402
from kv.models import chosen_by_layer, decoder, tokens  # noqa: E402

from ctxprune.kv import compress, prefill  # noqa: E402

NAMES = PRESSES.names()
JOINT = {"kvzip.v1"}  # heads share one budget
UNEVEN = {"pyramidkv.v1"}  # layers do not keep the same count
OWN = {"learned_drop.v1", "simlayerkv.v1"}  # the ratio is a bound: how many stay depends on the context


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 9, 13, 29])
def test_short_contexts_keep_what_the_ratio_says(decoders, name, count):
    cache = compress(decoders("qwen2"), tokens(count), presses(0.5)[name])
    kept = torch.tensor(cache.kept)[:, 0]
    wanted = max(count // 2, 1)
    if name in OWN:
        assert ((kept >= wanted) & (kept <= count)).all()
    elif name in JOINT or name in UNEVEN:
        assert int(kept.sum()) == 6 * wanted
    else:
        assert (kept == wanted).all()


@pytest.mark.parametrize("name", NAMES)
def test_ratio_zero_changes_nothing(decoders, name):
    model, ids = decoders("llama"), tokens(30, rows=2)
    cache, whole = compress(model, ids, presses(0.0)[name]), prefill(model, ids).cache
    for ours, theirs in zip(cache.layers, whole.layers, strict=True):
        keys, values = ours.kept.read()
        assert torch.equal(keys, theirs.keys)
        assert torch.equal(values, theirs.values)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("question", [None, tokens(4, seed=1)])
def test_each_row_of_a_padded_batch_comes_out_as_alone(decoders, name, side, question):
    model, press = decoders("qwen2"), presses(0.6)[name]
    ids, lengths = tokens(45, rows=3), (45, 31, 6)
    mask = torch.zeros_like(ids)
    for row, length in enumerate(lengths):
        mask[row, slice(45 - length, None) if side == "left" else slice(length)] = 1
    both = chosen_by_layer(compress(model, ids.masked_fill(mask == 0, 0), press, mask=mask, question=question))
    for row in range(3):
        real = mask[row].bool()
        alone = chosen_by_layer(compress(model, ids[row : row + 1, real], press, question=question))
        for layer, chosen in alone.items():
            assert torch.equal(both[layer][row][:, real], chosen[0]), (row, layer)
            assert not both[layer][row][:, ~real].any()


@pytest.mark.parametrize("name", NAMES)
def test_the_questions_tokens_are_neither_counted_nor_kept(decoders, name):
    cache = compress(decoders("llama"), tokens(40), presses(0.5)[name], question=tokens(7, seed=2))
    assert cache.get_seq_length() == 40
    kept = torch.tensor(cache.kept)[:, 0]
    if name not in OWN:
        assert int(kept.sum()) == 6 * 20
        assert name in JOINT | UNEVEN or (kept == 20).all()
    assert all(int(layer.kept.columns.max()) < 40 for layer in cache.layers)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", NAMES)
def test_half_precision_works_on_the_cpu(name, dtype, half_decoders):
    model = half_decoders(dtype)
    cache = compress(model, tokens(50), presses(0.5)[name])
    with torch.no_grad():
        logits = model(tokens(3, seed=1), cache=cache).logits
    assert logits.isfinite().all()
    assert all(layer.kept.keys.flat.dtype == dtype for layer in cache.layers)


@pytest.mark.parametrize("name", NAMES)
def test_with_gradients_on_a_press_works_while_generate_runs(decoders, name):
    model, press, ids = decoders("llama"), presses(0.5)[name], tokens(40)
    with press(model):
        cache = model(ids).cache
    assert cache.kept == compress(model, ids, press).kept
    options = {"max_new_tokens": 5, "do_sample": False, "eos_token_id": None}
    with press(model):
        inside = model.generate(ids, **options)
    again = compress(model, ids, press)  # the last token of the context is in the cache, so one more has to follow
    new = inside[:, 40:41]
    assert torch.equal(model.generate(torch.cat([ids, new], dim=1), cache=again, **options)[:, :45], inside)


@pytest.fixture(scope="module")
def half_decoders():
    made = {}

    def get(dtype):
        if dtype not in made:
            made[dtype] = decoder("llama").to(dtype)
        return made[dtype]

    return get
