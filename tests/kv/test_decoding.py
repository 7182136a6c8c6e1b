"""Budgets that hold while tokens are written: in tokens and bytes, in generate, beams and drafts; what is refused."""

from __future__ import annotations

import copy
import pickle

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.models import decoder, letters, tokens  # noqa: E402
from kv.stepwise import DECODING, most_tokens, visible  # noqa: E402

from ctxprune.errors import BudgetError, UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    AdaKV,
    Adaptive,
    ByteBudget,
    Composed,
    Decoding,
    ExpectedAttention,
    FixedPattern,
    Kivi,
    Knorm,
    KVzip,
    Merge,
    PerLayer,
    Pipeline,
    PrunedCache,
    PyramidKV,
    SimLayerKV,
    SnapKV,
    StreamingLLM,
    ThinK,
    TokenBudget,
    Tova,
    compress,
    generate_with_drafts,
    prefill,
)
from ctxprune.kv.cache.store import Counts  # noqa: E402
from ctxprune.kv.model.attention import attentions_of, find_argument  # noqa: E402
from ctxprune.kv.model.hooks import Hooks  # noqa: E402
from ctxprune.kv.reading.limits import LayerSize  # noqa: E402

STREAM = Decoding(StreamingLLM(sinks=2), every=4, budget=16)
GREEDY = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
STORAGES = [None, Kivi(bits=8, group=8, residual=4), Kivi(bits=2, group=16, residual=0)]


def watched(model, look):
    """Hooks that call `look` with the cache of every call of the model, when the call has ended."""
    hooks = Hooks()
    hooks.after(
        model.model, lambda module, args, kwargs, output: look(kwargs.get("cache", kwargs.get("past_key_values")))
    )
    return hooks


@settings(max_examples=12, deadline=None)
@given(
    press=st.sampled_from(list(DECODING)),
    every=st.integers(1, 9),
    room=st.integers(1, 20),
    in_bytes=st.booleans(),
    storage=st.sampled_from(STORAGES),
    prompt=st.integers(1, 40),
    steps=st.lists(st.integers(1, 12), min_size=1, max_size=12),
    rows=st.integers(1, 2),
    left=st.integers(0, 6),
    kind=st.sampled_from(["qwen3", "gemma3"]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_no_call_ends_over_the_budget(
    decoders, press, every, room, in_bytes, storage, prompt, steps, rows, left, kind, dtype
):
    model = decoders(kind, dtype=dtype)
    cache = PrunedCache(model)
    budget = {"nbytes": 2000 * (every + room) * rows} if in_bytes else {"budget": every + room}
    Decoding(DECODING[press], every=every, **budget)(model, storage=storage).begin(cache)
    ids = tokens(prompt + sum(steps), rows)
    mask = torch.ones_like(ids)
    mask[0, : min(left, prompt - 1)] = 0
    seen, refused = 0, ""
    with torch.no_grad():
        for part in ids.split([prompt, *steps], dim=1):
            seen += part.shape[1]
            try:
                model(part, cache=cache, attention_mask=mask[:, :seen])
            except BudgetError as error:
                refused = str(error)
                break
            assert cache.get_seq_length() == seen
            if in_bytes:
                assert cache.nbytes <= budget["nbytes"]
            else:
                assert most_tokens(cache) <= budget["budget"]
    assert not refused or (in_bytes and "one kept token a head" in refused)


@torch.no_grad()
def test_a_budget_of_bytes_is_used_up(decoders):
    model = decoders("qwen3")
    for storage in STORAGES[::2]:
        cache, most = PrunedCache(model), 0
        Decoding(Knorm(), every=2, nbytes=12_000)(model, storage=storage).begin(cache)
        for part in tokens(70).split(1, dim=1):
            model(part, cache=cache)
            most = max(most, cache.nbytes)
        # Short of a group of keys in each of six heads, and two tokens.
        assert 12_000 - 6 * 2 * (16 * 16 * 4 + 2 * 128) / 2 < most <= 12_000
        kept = cache.kept[0][0][0]
    assert kept > 30  # in two bits


def test_nothing_is_dropped_within_the_budget(decoders):
    model, ids = decoders("llama"), tokens(20)
    whole = model.generate(ids, max_new_tokens=12, **GREEDY)
    with Decoding(SnapKV(window=4), every=4, budget=40)(model):
        assert torch.equal(model.generate(ids, max_new_tokens=12, **GREEDY), whole)
        assert torch.equal(
            model.generate(ids, max_new_tokens=12, num_beams=3, **GREEDY),
            model.generate(ids, max_new_tokens=12, num_beams=3, **GREEDY),
        )
    assert not model.model._forward_hooks


@pytest.mark.parametrize("options", [{}, {"do_sample": True}, {"num_beams": 3}, {"prompt_lookup_num_tokens": 3}])
def test_generate_within_a_budget(decoders, options):
    model, ids, held = decoders("llama"), tokens(30), []
    with STREAM(model), watched(model, lambda cache: held.append((most_tokens(cache), cache.get_seq_length()))):
        made = model.generate(ids, max_new_tokens=40, **{**GREEDY, **options})
    assert made.shape == (1, 70)
    assert max(tokens for tokens, _ in held) <= 16
    assert held[-1][1] >= 69 - ("prompt_lookup_num_tokens" in options)


def test_drafts_of_as_many_tokens_as_between_presses_need_three_times_the_budget(decoders):
    model, ids = decoders("llama"), tokens(10).repeat(1, 6)
    options = {"max_new_tokens": 20, "prompt_lookup_num_tokens": 16, **GREEDY}
    with Decoding(StreamingLLM(sinks=1), every=16, budget=48)(model):
        assert model.generate(ids, **options).shape == (1, 80)
    with Decoding(StreamingLLM(sinks=1), every=16, budget=47)(model):
        with pytest.raises(UsageError, match=r"cannot crop by -16: .* 15 at most.*drafts .* larger budget"):
            model.generate(ids, **options)
        assert model.generate(ids, **{**options, "prompt_lookup_num_tokens": 15}).shape == (1, 80)


def test_generate_says_what_single_steps_say(decoders):
    model, ids = decoders("qwen2"), tokens(30)
    with STREAM(model):
        made = model.generate(ids, max_new_tokens=20, **GREEDY)
    cache, new, said = compress(model, ids[:, :-1], STREAM), ids[:, -1:], []
    with torch.no_grad():
        for _ in range(20):
            new = model(new, cache=cache).logits[:, -1:].argmax(dim=-1)
            said.append(new)
    one = compress(model, ids, STREAM)
    assert visible(one.layers[0]).sum() == 2 * 12
    # The cache of `compress` is pressed on in generate, outside of the block.
    more = compress(model, ids[:, :-1], STREAM)
    again = model.generate(ids, cache=more, max_new_tokens=20, **GREEDY)
    assert torch.equal(again[:, 30:], torch.cat(said, dim=1))
    assert most_tokens(more) <= 16
    assert made.shape == again.shape


@torch.no_grad()
def test_beams_are_reordered_with_what_a_press_needs(decoders):
    model, ids, order = decoders("llama"), tokens(24, rows=3, seed=6), torch.tensor([2, 0, 0])
    later = tokens(10, rows=3, seed=7)
    for press in ("snapkv", "adakv_observed"):
        ours, apart = PrunedCache(model), PrunedCache(model)
        session = Decoding(DECODING[press], every=4, budget=16)(model)
        session.begin(ours)
        session.begin(apart)
        for part in ids.split(1, dim=1):
            model(part, cache=ours)
            model(part[order], cache=apart)
        ours.reorder_cache(order)
        for part in later.split(1, dim=1):
            found, expected = model(part, cache=ours).logits, model(part, cache=apart).logits
        assert (found - expected).abs().max() < 1e-5
        twin = ours.branch(2)
        assert torch.equal(model(later[:, :1], cache=ours.copy()).logits, model(later[:, :1], cache=ours).logits)
        model(later[:, :1].repeat_interleave(2, dim=0), cache=twin)


@torch.no_grad()
def test_crops_that_reach_evicted_tokens_are_refused(decoders):
    model, cache = decoders("llama"), compress(decoders("llama"), tokens(40), STREAM)
    cache.crop(-4)  # as many as `every`: drafts in a prompt
    with pytest.raises(UsageError, match="cannot crop"):
        cache.crop(-4)
    model(tokens(3), cache=cache)
    cache.crop(-3)


@pytest.mark.parametrize("storage", [None, Kivi(bits=8, group=8, residual=8)])
def test_prefill_chunks_of_generate_are_pressed(decoders, storage):
    model, ids, held = decoders("qwen3"), tokens(61), []
    press = SnapKV(0.75, window=4)
    look = watched(model, lambda cache: held.append(cache.layers[0].keys.shape[-2]))
    with press(model, storage=storage), look:
        made = model.generate(ids, max_new_tokens=6, prefill_chunk_size=10, **GREEDY)
    assert held == [0] * 7 + [1, 2, 3, 4, 5]
    assert "_prefill" not in vars(model)
    cache = compress(model, ids, press, chunk=10, storage=storage)
    assert cache.kept == [[[15, 15]]] * 3
    with torch.no_grad():
        again = model.generate(torch.cat([ids, made[:, 61:62]], dim=1), cache=cache, max_new_tokens=5, **GREEDY)
    assert torch.equal(again, made)


def test_chunks_hold_little_at_a_time(decoders):
    model, ids, peak = decoders("qwen2"), tokens(640), []

    def look(module, args, kwargs, output):
        peak.append(find_argument(module, "cache", args, kwargs).nbytes)

    # In front of the hooks that press: each layer is counted with the whole chunk.
    handles = [each.module.register_forward_hook(look, with_kwargs=True, prepend=True) for each in attentions_of(model)]
    cache = compress(model, ids, StreamingLLM(0.75), chunk=40)
    for handle in handles:
        handle.remove()
    assert 0.25 * cache.full_nbytes < cache.nbytes < 0.26 * cache.full_nbytes
    assert cache.nbytes < max(peak) < 0.3 * cache.full_nbytes


@pytest.mark.parametrize(
    "press",
    [
        KVzip(0.5),
        ExpectedAttention(0.5),
        SimLayerKV(0.5),
        FixedPattern(0.5),
        Adaptive(SnapKV()),
        Merge(SnapKV()),
        ThinK(SnapKV()),
        ByteBudget(SnapKV(), nbytes=10_000),
        Composed((Knorm(), SnapKV())),
        AdaKV(ExpectedAttention(0.5)),
    ],
)
def test_presses_that_cannot_choose_again_are_refused(decoders, press):
    with pytest.raises(UsageError, match="cannot press in steps: it "):
        Decoding(press, budget=512)
    with pytest.raises(UsageError, match=r"presses at the end"):
        compress(decoders("llama"), tokens(20), press, chunk=10)
    with press(decoders("llama")), pytest.raises(UsageError, match="cannot press in steps"):
        decoders("llama").generate(tokens(20), max_new_tokens=2, prefill_chunk_size=10, **GREEDY)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "budget and nbytes are both None: give budget= in tokens of a head"),
        ({"budget": 100, "nbytes": 1000}, "budget is 100, nbytes is 1000: leave out budget"),
        ({"budget": 64}, "budget is 64 and every is 64: .* raise budget to 65 or more, or set every from 1 to 63"),
        ({"budget": 1, "every": 1}, "budget is 1 and every is 1: .* raise budget to 2 or more$"),
        ({"budget": 64, "every": 0}, "every is 0: give a whole number from 1 up"),
        ({"budget": 0}, "budget is 0: give a whole number from 1 up, or None"),
        ({"budget": 0, "nbytes": 100}, "budget is 0: give a whole number from 1 up, or None"),
        ({"nbytes": 0}, "nbytes is 0: give a whole number from 1 up, or None"),
        ({"nbytes": "1e6"}, "nbytes is '1e6'"),
        ({"budget": True}, "budget is True"),
    ],
)
def test_wrong_parameters(options, said):
    with pytest.raises(UsageError, match=said):
        Decoding(SnapKV(), **options)


@pytest.mark.parametrize(
    "press", [PyramidKV(), PerLayer(Knorm(), ratios=(0.3, 0.7)), TokenBudget(Knorm(), tokens=9), AdaKV(PyramidKV())]
)
def test_presses_with_a_budget_of_their_own_are_refused(press):
    with pytest.raises(UsageError, match="has a budget of its own"):
        Decoding(press, budget=512)


@pytest.mark.parametrize("press", [SnapKV(0.75), AdaKV(SnapKV(0.75)), Knorm(ratio=0.75)])
def test_ratios_that_would_not_be_used_are_refused(press):
    with pytest.raises(UsageError, match=r"ratio of \w+ is 0.75, which Decoding would not use: leave the ratio out"):
        Decoding(press, budget=512)


@torch.no_grad()
def test_bytes_that_are_too_few_for_the_model(decoders):
    with pytest.raises(BudgetError, match=r"nbytes is 1000: one kept token a head and 64 tokens .* raise nbytes"):
        compress(decoders("llama"), tokens(100), Decoding(SnapKV(window=8), nbytes=1000))


def test_wrong_uses(decoders):
    model, ids = decoders("llama"), tokens(20)
    with pytest.raises(UsageError, match="Decoding got the class SnapKV"):
        Decoding(SnapKV, budget=100)
    with pytest.raises(UsageError, match="before the question is read"):
        compress(model, ids, STREAM, question=tokens(3))
    with pytest.raises(UsageError, match="chunk is 0"):
        compress(model, ids, SnapKV(), chunk=0)
    with pytest.raises(UsageError, match="presses while the model reads"):
        prefill(model, ids).press(STREAM)
    with pytest.raises(UsageError, match="aware=False"):
        Pipeline(model, letters(), STREAM, aware=True)
    with pytest.raises(UsageError, match="has no rotary embedding shared"):
        STREAM(decoders("gemma3"), positions="rerotated")
    mask = torch.ones_like(ids)
    mask[:, 18:] = 0
    for act in (lambda: compress(model, ids, STREAM, mask=mask), lambda: prefill(model, ids, mask=mask, chunk=4)):
        with pytest.raises(UsageError, match="padding is on the right"):
            act()
    cache = PrunedCache(model)
    Decoding(AdaKV(SnapKV(window=2)), every=2, budget=12)(model, positions="rerotated").begin(cache)
    with pytest.raises(UsageError, match="heads keep different counts"):
        model(ids, cache=cache)
    with pytest.raises(BudgetError, match=r"nbytes is 20000: one kept token a head and 64 tokens"):
        compress(model, tokens(90), Decoding(SnapKV(), nbytes=20_000))


def test_a_cache_is_saved_once_it_is_no_longer_pressed(decoders, tmp_path):
    model, ids = decoders("llama"), tokens(30)
    cache = compress(model, ids, Decoding(DECODING["adakv_observed"], every=4, budget=16))
    assert cache.layers[0].recent is not None
    assert cache.press["press"] == "Decoding"
    with pytest.raises(UsageError, match=r"pressed while tokens are read, which a file .*end_steps"):
        cache.save(tmp_path / "c.safetensors")
    twin = cache.copy()
    twin.end_steps()
    twin.save(tmp_path / "c.safetensors")
    loaded = PrunedCache.load(tmp_path / "c.safetensors", model)
    assert loaded.layers[0].recent is None
    with torch.no_grad():
        assert torch.equal(model(ids[:, :1], cache=loaded).logits, model(ids[:, :1], cache=cache.copy()).logits)


@torch.no_grad()
def test_a_cache_whose_press_would_not_run_is_not_read_on():
    model = decoder("llama")
    new, cache = tokens(1), compress(model, tokens(10), STREAM)  # below the budget: nothing is pressed yet
    loaded, other = pickle.loads(pickle.dumps(cache)), copy.deepcopy(model)
    with pytest.raises(UsageError, match="not attached to"):
        other(new, cache=cache)
    keep = PrunedCache(other)  # now the other model has hooks
    with pytest.raises(UsageError, match="filled by another LlamaModel"):
        other(new, cache=cache)
    with pytest.raises(UsageError, match="has lost its press"):
        model(new, cache=loaded)
    loaded.end_steps()
    model(new, cache=loaded)
    model(new, cache=cache)
    del cache, keep
    assert loaded.get_seq_length() == 11


def test_copies_share_the_modules_of_the_model(decoders):
    cache = compress(decoders("llama"), tokens(20), STREAM, positions="rerotated")
    assert copy.deepcopy(cache).steps.rotary is cache.steps.rotary


def test_a_cache_that_was_read_before_is_refused(decoders):
    model = decoders("llama")
    ids = tokens(1, 24)
    cache = compress(model, ids, SnapKV(0.5, window=4))
    with STREAM(model), pytest.raises(UsageError, match="not read under Decoding"):
        model(ids[:, :1], cache=cache)
    mine = compress(model, ids, STREAM)
    with STREAM(model):
        model(ids[:, :1], cache=mine)
    assert most_tokens(mine) <= 16


def test_a_pipeline_answers_within_a_budget():
    from kv.models import SIZES
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = letters()
    torch.manual_seed(3)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(tokenizer)})).eval()
    pipeline = Pipeline(model, tokenizer, Decoding(Tova(), every=8, budget=40), max_new_tokens=5)
    answers = pipeline("The bridge opened in 1912. " * 6, ["When?", "What?"])
    assert [answer.tokens for answer in answers] == [162, 162]
    assert all(answer.kept <= 40 for answer in answers)


def test_drafts_of_passages_go_with_a_budget(decoders):
    model, ids, held = decoders("llama"), tokens(30), []
    with watched(model, lambda cache: held.append(most_tokens(cache))):
        cache = compress(model, ids[:, :-1], STREAM)
        made = generate_with_drafts(model, ids, [ids[0].tolist()], max_new_tokens=15, cache=cache, **GREEDY)
    assert made.ids.shape[1] <= 45
    assert max(held) <= 16


@pytest.mark.parametrize("widths", [(32, 16), (16, 48), (16, 16)])
def test_bytes_of_keys_and_values_of_unequal_width_are_not_underrated(widths):
    storage, count = Kivi(bits=4, group=16, residual=4), 50
    counts = Counts.of(torch.full((1, 2), count))
    packed = storage.pack(torch.randn(2 * count, widths[0]), torch.randn(2 * count, widths[1]), counts)
    held = sum(tensor.nbytes for part in packed for tensor in part.tensors().values())
    size = LayerSize(
        tokens=count,
        recent=0,
        seen=100,
        heads=2,
        width=sum(widths),
        widest=max(widths),
        itemsize=4,
        input_bytes=0,
        layers=1,
        other_bytes=0,
        nbytes=0,
        score_bytes=0,
        storage=storage,
    )
    predicted = size.kept_bytes([count] * 2) - 2 * 4 - 2 * count * 2  # counts, and columns of 16 bits
    assert predicted == held if widths[0] == widths[1] else predicted >= held
