"""Quantised storages: half a step of error, bytes as computed, heads of any length, branching, saving."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.models import bytes_of, numbers, tokens  # noqa: E402

from ctxprune.errors import FormatError, UsageError  # noqa: E402
from ctxprune.kv import Kivi, PrunedCache, Random, SnapKV, compress, prefill, ratio_for_bytes  # noqa: E402
from ctxprune.kv.cache.groups import KeyGroups, ValueGroups  # noqa: E402
from ctxprune.kv.cache.store import Counts, KeptTokens, Plain  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)
SMALL = Kivi(bits=4, group=16, residual=4)
DTYPES = [torch.float32, torch.bfloat16, torch.float16]


heads = st.lists(st.lists(st.integers(0, 60), min_size=2, max_size=2), min_size=1, max_size=3)
storages = st.builds(
    Kivi,
    bits=st.sampled_from([8, 4, 2]),
    group=st.sampled_from([8, 16, 32]),
    residual=st.integers(0, 40),
)


@settings(max_examples=150, deadline=None)
@given(heads, storages, st.sampled_from([8, 12, 32, 64]), st.sampled_from(DTYPES))
def test_bytes_are_those_of_the_storages_and_errors_half_a_step(each, storage, width, dtype):
    counts = Counts.of(torch.tensor(each))
    if width % min(storage.group, width):
        with pytest.raises(UsageError, match=f"heads of {width} channels"):
            storage.nbytes(5, width, dtype.itemsize)
        return
    flat = numbers(counts, width, dtype)
    packed = storage.pack(flat, flat, counts)
    expected = sum(storage.nbytes(count, width, dtype.itemsize) for row in each for count in row)
    assert bytes_of(*packed) == expected
    for part in packed:
        back = part.unpack(counts)
        assert back.dtype == dtype
        error = (back.double() - flat.double()).abs()
        if len(part.step):
            again = flat.double().abs().max() * (0 if dtype == torch.float32 else torch.finfo(dtype).eps / 2)
            assert error.max() <= part.step.double().max() / 2 * (1 + 1e-4) + again
        assert int((error.amax(dim=1) > 0).sum()) <= counts.total - len(part.rest)


@pytest.mark.parametrize("bits", [8, 4, 2])
def test_every_number_is_within_half_the_step_of_its_own_group(bits):
    counts = Counts.of(torch.tensor([[40, 64]]))
    flat = numbers(counts, 32, torch.float32)
    keys, values = Kivi(bits, group=8, residual=0).pack(flat, flat, counts)
    error = (keys.unpack(counts) - flat).abs().double().unflatten(0, (-1, 8))
    assert (error <= keys.step.double() / 2 * (1 + 1e-4)).all()
    true = (flat.unflatten(0, (-1, 8)).amax(dim=1) - flat.unflatten(0, (-1, 8)).amin(dim=1)) / (2**bits - 1)
    low = flat.unflatten(0, (-1, 8)).amin(dim=1).abs()
    ends = true * (1 + 2**-9) + low * 2**-10 / (2**bits - 1)
    assert (keys.step[:, 0].float() <= ends).all(), "the stored step is barely larger than the true one"
    error = (values.unpack(counts) - flat).abs().double().unflatten(1, (-1, 8))
    assert (error <= values.step.double() / 2 * (1 + 1e-4)).all()


def test_codes_are_those_of_the_definition():
    block = torch.tensor([[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 15.0]]).T.repeat(1, 8)
    keys, values = Kivi(4, group=8, residual=0).pack(block, block.T.contiguous(), Counts.of(torch.tensor([[8]])))
    assert keys.codes[0, :, 0].tolist() == [0 | 4 << 4, 1 | 5 << 4, 2 | 7 << 4, 3 | 15 << 4]
    assert values.codes[0, 0].tolist() == keys.codes[0, :, 0].tolist()
    assert keys.low.eq(0).all()
    assert keys.step.eq(1).all()


def test_groups_do_not_cross_heads():
    counts = Counts.of(torch.tensor([[11, 3], [8, 20]]))
    flat = numbers(counts, 16, torch.float32)
    packed = KeyGroups.pack(flat, counts, *_form(SMALL))
    alone = [
        KeyGroups.pack(part, Counts.of(torch.tensor([[len(part)]])), *_form(SMALL)).unpack(
            Counts.of(torch.tensor([[len(part)]]))
        )
        for part in flat.split([11, 3, 8, 20])
    ]
    assert torch.equal(packed.unpack(counts), torch.cat(alone))


def _form(storage):
    from ctxprune.kv.cache.groups import GroupLayout

    return GroupLayout(storage.bits, storage.group, storage.residual, storage.residual, 0), storage.fit_range


@pytest.mark.parametrize("value", [0.0, 3.0, -0.1, 1e-9, 1e5])
def test_equal_numbers_come_back(value):
    flat = torch.full((16, 8), value)
    counts = Counts.of(torch.tensor([[16]]))
    for part in Kivi(4, group=8, residual=0).pack(flat, flat, counts):
        assert (part.unpack(counts) - flat).abs().max() <= max(abs(value) * 2**-10, 2**-25)


def test_numbers_beyond_float16_have_their_ends_in_bfloat16():
    flat = torch.linspace(-2e5, 3e5, 128).view(16, 8)
    counts = Counts.of(torch.tensor([[16]]))
    keys, _ = Kivi(8, group=8, residual=0).pack(flat, flat, counts)
    assert keys.low.dtype == torch.bfloat16
    assert ((keys.unpack(counts) - flat).abs().view(2, 8, 8) <= keys.step.float() / 2 * 1.001).all()


@pytest.mark.parametrize("bad", [float("inf"), float("nan"), -float("inf")])
@pytest.mark.parametrize("place", [0, -1])
def test_numbers_that_are_none_are_refused(bad, place):
    flat = torch.zeros(20, 8)
    flat[place] = bad
    with pytest.raises(UsageError, match="not finite"):
        SMALL.pack(torch.zeros(20, 8), flat, Counts.of(torch.tensor([[20]])))


@pytest.mark.parametrize("options", [{"bits": 3}, {"bits": True}, {"group": 12}, {"group": 0}, {"residual": -1}])
def test_parameters_are_checked(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        Kivi(**options)


@pytest.mark.parametrize("each", [[[30, 30], [30, 30], [30, 30]], [[3, 40], [17, 0], [25, 12]]])
def test_rows_of_the_batch(each):
    counts, rows = Counts.of(torch.tensor(each)), torch.tensor([2, 0, 0])
    flat = numbers(counts, 16, torch.bfloat16)
    chosen = Counts.of(counts.each[rows])
    for part in SMALL.pack(flat, flat, counts):
        picked = part.rows(counts, rows)
        assert torch.equal(picked.unpack(chosen), part.unpack(counts)[counts.rows_of(rows)])
        assert bytes_of(picked) <= 3 * bytes_of(part)


@pytest.mark.parametrize("storage", [SMALL, Kivi(2, group=16, residual=0), Kivi(8, group=16, residual=100)])
def test_cache_holds_what_is_computed(decoders, storage):
    model = decoders("llama")
    cache = compress(model, CONTEXT, SnapKV(0.3, window=8), storage=storage)
    width = model.config.hidden_size // model.config.num_attention_heads
    per_head = storage.nbytes(42, width, 4) + 2 * 42 + 4
    assert cache.nbytes == 3 * 2 * per_head
    assert cache.bytes_ratio == cache.nbytes / (3 * 2 * 60 * 2 * width * 4)


def dequantised(cache):
    """The same cache with the numbers that come back, stored as they are."""
    twin = cache.copy()
    for layer in twin.layers:
        kept = layer.kept
        plain = (Plain(part.unpack(kept.counts)) for part in (kept.keys, kept.values))
        layer.kept = KeptTokens(*plain, kept.counts, kept.columns)
    return twin


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma"])
def test_text_is_that_of_the_dequantised_numbers(decoders, kind):
    model = decoders(kind)
    cache = compress(model, CONTEXT, Random(0.4), storage=SMALL)
    whole = torch.cat([CONTEXT, QUESTION], dim=1)
    options = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None}
    expected = model.generate(whole, cache=dequantised(cache), **options)
    assert torch.equal(model.generate(whole, cache=cache, **options), expected)


def test_saved_loaded_and_branched_it_says_the_same(decoders, tmp_path):
    model = decoders("llama")
    cache = compress(model, CONTEXT, SnapKV(0.4, window=8), storage=SMALL)
    cache.save(tmp_path / "c.safetensors")
    loaded = PrunedCache.load(tmp_path / "c.safetensors", model)
    assert loaded.nbytes == cache.nbytes
    assert [type(layer.kept.values) for layer in loaded.layers] == [ValueGroups] * 3
    assert [layer.kept.keys.form for layer in loaded.layers] == [layer.kept.keys.form for layer in cache.layers]
    with torch.no_grad():
        expected = model(QUESTION, cache=cache).logits
        for twin in (loaded.copy(), loaded.branch(2), loaded.to("cpu").branch(1)):
            rows = twin.layers[0].keys.shape[0]
            said = model(QUESTION.expand(rows, -1), cache=twin).logits
            assert (said - expected).abs().max() < 1e-5


def test_damaged_form_is_a_format_error(decoders, tmp_path):
    from safetensors import safe_open
    from safetensors.torch import save_file

    model, path = decoders("llama"), tmp_path / "c.safetensors"
    compress(model, CONTEXT, Random(0.4), storage=SMALL).save(path)
    with safe_open(path, "pt") as file:
        held = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        about = file.metadata()
    for form in (torch.empty(0, 3, 8, 4, 4, 0), torch.empty(0, 4)):
        save_file({**held, "1.keys.form": form}, path, about)
        with pytest.raises(FormatError):
            PrunedCache.load(path, model)


def test_beams_follow_their_rows(decoders):
    model = decoders("qwen2")
    cache = compress(model, CONTEXT, SnapKV(0.4, window=8), storage=SMALL)
    whole = torch.cat([CONTEXT, QUESTION], dim=1)
    options = {"max_new_tokens": 8, "do_sample": False, "num_beams": 3, "eos_token_id": None}
    expected = model.generate(whole, cache=dequantised(cache).branch(3), **options)
    assert torch.equal(model.generate(whole, cache=cache.branch(3), **options), expected)


def test_padded_rows_are_as_alone(decoders):
    model = decoders("llama")
    ids = torch.cat([torch.cat([torch.zeros(1, 20, dtype=torch.long), CONTEXT[:, :40]], dim=1), CONTEXT])
    mask = torch.ones_like(ids)
    mask[0, :20] = 0
    cache = compress(model, ids, Random(0.4), mask=mask, storage=SMALL)
    alone = compress(model, CONTEXT, Random(0.4), storage=SMALL)
    one, both = alone.layers[0].kept, cache.layers[0].kept
    assert both.counts.each.tolist() == [[24, 24], [36, 36]]
    assert (both.values.unpack(both.counts)[48:] - one.values.unpack(one.counts)).abs().max() < 1e-5


def test_rerotated_keys_are_packed_after_they_were_turned(decoders):
    model = decoders("llama")
    read = prefill(model, CONTEXT)
    plain = read.press(Random(0.4), positions="rerotated")
    packed = read.press(Random(0.4), positions="rerotated", storage=Kivi(8, group=16, residual=4))
    kept = packed.layers[1].kept
    step = float(kept.keys.step.float().max())
    assert (kept.keys.unpack(kept.counts) - plain.layers[1].kept.keys.flat).abs().max() <= step / 2 * 1.001


# growing: tokens read after the press


@settings(max_examples=60, deadline=None)
@given(
    st.floats(0.05, 1.0),
    st.one_of(st.none(), storages),
    st.integers(1, 400),
    st.sampled_from([32, 64]),
    st.sampled_from([2, 4]),
)
def test_ratio_for_bytes_fills_the_budget(share, storage, count, width, itemsize):
    from ctxprune.kv.selection import Plan, keep_count

    def measured(kept: int) -> int:
        chosen = (torch.arange(count) < kept).expand(1, 1, -1)
        flat = torch.ones(1, 1, count, width, dtype={2: torch.bfloat16, 4: torch.float32}[itemsize])
        held = KeptTokens.of(flat, flat, Plan(chosen), count)
        if storage is not None:
            packed = storage.pack(held.keys.flat, held.values.flat, held.counts)
            held = KeptTokens(*packed, held.counts, held.columns)
        return bytes_of(held)

    room = share * count * 2 * width * itemsize
    try:
        ratio = ratio_for_bytes(share, storage, count, width, itemsize)
    except UsageError:
        assert measured(1) > room
        return
    kept = keep_count(count, ratio)
    assert measured(kept) <= room
    assert kept == count or measured(kept + 1) > room


@pytest.mark.parametrize("storage", [None, Kivi(4, group=16, residual=8), Kivi(2, group=16, residual=0)])
def test_a_pressed_cache_is_within_its_share(decoders, storage):
    model = decoders("llama")
    ratio = ratio_for_bytes(0.2, storage, 60, 12, 4)
    assert 0.17 < compress(model, CONTEXT, Random(ratio), storage=storage).bytes_ratio <= 0.2


@pytest.mark.parametrize("share", [0, 1.1, float("nan"), True, "half"])
def test_shares_are_checked(share):
    with pytest.raises(UsageError, match="share"):
        ratio_for_bytes(share, None, 10, 64, 2)


def test_a_share_without_room_says_what_is_the_least():
    with pytest.raises(UsageError, match="262 bytes per head"):
        ratio_for_bytes(0.01, None, 10, 64, 2)
