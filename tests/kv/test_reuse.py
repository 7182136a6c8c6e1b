"""Joined passages against the full prefill, prefixes gone on from, and the store that holds passages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import NAMES, every  # noqa: E402
from kv.models import chosen_by_layer, decoder, reference_logits, tokens  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    Gates,
    KeyDiff,
    Knorm,
    LearnedDrop,
    PassageStore,
    QFilter,
    QFilters,
    Random,
    SnapKV,
    Tova,
    as_prefilled,
    compress,
    exactness,
    join,
    join_pressed,
    prefill,
    reuse_prefix,
)

PREFIX = tokens(9, seed=5)
PASSAGES = [tokens(count, seed=count) for count in (14, 11, 17)]
QUESTION = tokens(6, seed=6)
CONTEXT = torch.cat([PREFIX, *PASSAGES], dim=1)
KINDS = ["llama", "qwen2", "qwen3", "gemma", "mistral", "phi", "phi3"]


@torch.no_grad()
def full(model, ids=CONTEXT, new=QUESTION):
    cache = DynamicCache(config=model.config)
    model(ids, cache=cache)
    logits = model(new, cache=cache).logits
    cache.crop(-new.shape[1])
    return logits, cache


def pairs(cache):
    return [(layer.keys, layer.values) for layer in cache.layers]


@pytest.mark.parametrize("lead", [None, PREFIX])
@pytest.mark.parametrize("kind", KINDS)
def test_recomputing_all_is_the_full_prefill(decoders, kind, lead):
    model = decoders(kind)
    cache = join(PassageStore(model, lead=lead), PREFIX, PASSAGES, recompute=1)
    expected, whole = full(model)
    for ours, theirs in zip(pairs(cache), pairs(whole), strict=True):
        assert all((one - two).abs().max() < 1e-5 for one, two in zip(ours, theirs, strict=True))
    with torch.no_grad():
        assert (model(QUESTION, cache=cache).logits - expected).abs().max() < 1e-5


def test_recomputing_all_with_eager_attention_and_without_a_prefix(decoders):
    model = decoders("llama", "eager")
    expected, _ = full(model)
    cache = join(PassageStore(model), PREFIX, PASSAGES, recompute=1)
    assert (model(QUESTION, cache=cache).logits - expected).abs().max() < 1e-5
    expected, _ = full(model, CONTEXT[:, 9:])
    cache = join(PassageStore(model), [], PASSAGES, recompute=1)
    assert (model(QUESTION, cache=cache).logits - expected).abs().max() < 1e-5


@pytest.mark.parametrize("kind", KINDS)
def test_plain_joining_is_what_each_passage_says_alone(decoders, kind):
    """A joined passage's keys are those of the passage alone, read at the positions where it stands now."""
    model = decoders(kind)
    cache = join(PassageStore(model), PREFIX, PASSAGES, recompute=0)
    assert cache.get_seq_length() == CONTEXT.shape[1]
    start = PREFIX.shape[1]
    for passage in PASSAGES:
        alone, end = DynamicCache(config=model.config), start + passage.shape[1]
        with torch.no_grad():
            model(passage, cache=alone, position_ids=torch.arange(start, end)[None])
        for (keys, values), (own_keys, own_values) in zip(pairs(cache), pairs(alone), strict=True):
            assert (keys[:, :, start:end] - own_keys).abs().max() < 1e-5
            assert (values[:, :, start:end] - own_values).abs().max() < 1e-5
        start = end


def test_first_layer_is_exact_and_the_prefix_in_every_layer(decoders):
    model = decoders("qwen2")
    cache = join(PassageStore(model), PREFIX, PASSAGES, recompute=0)
    _, whole = full(model)
    for number, (ours, theirs) in enumerate(zip(pairs(cache), pairs(whole), strict=True)):
        end = None if number == 0 else PREFIX.shape[1]
        assert all(
            (one[:, :, :end] - two[:, :, :end]).abs().max() < 1e-5 for one, two in zip(ours, theirs, strict=True)
        )


def test_a_passage_read_behind_the_prefix_is_exact_when_it_comes_first(decoders):
    model = decoders("llama")
    cache = join(PassageStore(model, lead=PREFIX), PREFIX, PASSAGES, recompute=0)
    _, whole = full(model)
    end = PREFIX.shape[1] + PASSAGES[0].shape[1]
    for ours, theirs in zip(pairs(cache), pairs(whole), strict=True):
        assert all(
            (one[:, :, :end] - two[:, :, :end]).abs().max() < 1e-5 for one, two in zip(ours, theirs, strict=True)
        )


def test_more_recomputation_is_nearer(decoders):
    model = decoders("llama")
    store = PassageStore(model)
    found = [exactness(model, CONTEXT, join(store, PREFIX, PASSAGES, recompute=r), QUESTION) for r in (0, 0.5, 1)]
    assert found[0].kl > found[1].kl > found[2].kl
    assert found[0].mean_difference > found[1].mean_difference
    assert found[2].max_difference < 1e-5
    assert found[2].top1 == 1
    assert store.computed == 4


def test_the_tokens_that_change_most_are_computed_again_and_no_others(decoders):
    model = decoders("llama")
    store = PassageStore(model)
    plain, some = (join(store, PREFIX, PASSAGES, recompute=r) for r in (0, 0.25))
    _, whole = full(model)
    first = PREFIX.shape[1]
    change = (whole.layers[1].values - plain.layers[1].values)[:, :, first:].square().sum(dim=(0, 1, 3))
    chosen = change.argsort(descending=True)[: int(len(change) * 0.25)] + first
    moved = (some.layers[2].values != plain.layers[2].values).any(dim=-1)[0, 0].nonzero()[:, 0]
    assert moved.tolist() == sorted(chosen.tolist())
    assert (some.layers[1].values - whole.layers[1].values).abs().max() < 1e-5  # two layers are whole


def test_generate_takes_a_joined_cache_and_copies_stay_apart(decoders):
    model = decoders("qwen2")
    store = PassageStore(model)
    ids = torch.cat([CONTEXT, QUESTION], dim=1)
    cache = join(store, PREFIX, PASSAGES, recompute=1)
    options = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
    expected = model.generate(ids, **options)
    assert torch.equal(model.generate(ids, cache=cache.copy(), **options), expected)
    assert cache.get_seq_length() == CONTEXT.shape[1]
    assert store.get(PASSAGES[0]).get_seq_length() == PASSAGES[0].shape[1]


@pytest.mark.parametrize("press", [Knorm(0.5), SnapKV(0.5, window=4), Random(0.3)])
def test_pressed_passages_joined_say_what_the_joined_cache_says_with_the_rest_masked(decoders, press):
    model = decoders("llama")
    cache = join_pressed(PassageStore(model, press=press), PREFIX, PASSAGES)
    whole = join(PassageStore(model), PREFIX, PASSAGES, recompute=0)
    assert cache.get_seq_length() == CONTEXT.shape[1]
    chosen = chosen_by_layer(cache)
    from kv.models import masked

    with torch.no_grad(), masked(model, chosen):
        expected = model(QUESTION, cache=whole).logits
    with torch.no_grad():
        assert (model(QUESTION, cache=cache.copy()).logits - expected).abs().max() < 1e-5
    for layer, mask in chosen.items():
        assert mask[..., : PREFIX.shape[1]].all()
        start = PREFIX.shape[1]
        for passage in PASSAGES:
            alone = chosen_by_layer(compress(model, passage, press))[layer]
            assert torch.equal(mask[..., start : start + passage.shape[1]], alone)
            start += passage.shape[1]


def test_pressed_passages_behind_a_lead(decoders):
    model = decoders("qwen2")
    cache = join_pressed(PassageStore(model, press=KeyDiff(0.5), lead=PREFIX), PREFIX, PASSAGES[:1])
    ids = torch.cat([PREFIX, PASSAGES[0]], dim=1)
    with torch.no_grad():
        ours = model(QUESTION, cache=cache.copy()).logits
    assert (ours - reference_logits(model, ids, QUESTION, chosen_by_layer(cache))).abs().max() < 1e-5


NEED_KEYS_ALONE = "fixed_pattern keydiff knorm kvzip lagkv qfilter random streaming_llm"
NEED_MORE_THAN_A_QUESTION = "expected_attention learned_drop observed_attention merge"


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_presses_on_a_joined_cache(decoders, name, asked):
    """Each chooses as it would while reading, or says that it cannot."""
    model, press, short = decoders("llama"), every(0.5)[name], name.partition(".")[0]
    question = tokens(12, seed=6) if asked else None
    cache = join(PassageStore(model), PREFIX, PASSAGES, recompute=1)
    try:
        pressed = as_prefilled(model, cache, CONTEXT, question=question).press(press)
    except UsageError as error:
        assert "uses queries" in str(error) or "were not kept" in str(error)  # noqa: PT017
        assert short not in NEED_KEYS_ALONE.split()
        assert not asked or short in NEED_MORE_THAN_A_QUESTION.split()
        return
    theirs = compress(model, CONTEXT, press, question=question)
    assert pressed.kept == theirs.kept
    with torch.no_grad():
        assert (model(QUESTION, cache=pressed).logits - model(QUESTION, cache=theirs).logits).abs().max() < 1e-4
    assert cache.get_seq_length() == CONTEXT.shape[1]


def test_presses_that_need_more_say_so(decoders):
    model = decoders("llama")
    cache = join(PassageStore(model), PREFIX, PASSAGES, recompute=0)
    for press in (SnapKV(0.5, window=8), Tova(0.5)):
        with pytest.raises(UsageError, match="uses queries"):
            as_prefilled(model, cache, CONTEXT).press(press)
    with pytest.raises(UsageError, match="ids are given"):
        as_prefilled(model, cache, PREFIX)
    with pytest.raises(UsageError, match="pruned already"):
        as_prefilled(model, compress(model, CONTEXT, Knorm(0.5)), CONTEXT)


@pytest.mark.parametrize("kind", ["llama", "phi"])
def test_a_prefix_is_gone_on_from_exactly(decoders, kind):
    model = decoders(kind)
    cache = join(PassageStore(model), PREFIX, PASSAGES[:2], recompute=1)
    read = torch.cat([PREFIX, *PASSAGES[:2]], dim=1)
    new = torch.cat([PREFIX, PASSAGES[0], PASSAGES[2]], dim=1)
    again = reuse_prefix(cache, read, new)
    assert PREFIX.shape[1] + PASSAGES[0].shape[1] <= again.get_seq_length() < new.shape[1]
    with torch.no_grad():
        ours = model(new[:, again.get_seq_length() :], cache=again).logits[:, -1]
        theirs = model(new).logits[:, -1]
    assert (ours - theirs).abs().max() < 1e-5
    assert cache.get_seq_length() == read.shape[1]
    assert reuse_prefix(cache, read, read).get_seq_length() == read.shape[1] - 1  # one is left to read
    assert reuse_prefix(cache, read, torch.cat([read, QUESTION], dim=1)).get_seq_length() == read.shape[1]


def test_a_pressed_prefix_is_gone_on_from_only_behind_what_was_pressed(decoders):
    model = decoders("llama")
    cache = compress(model, PREFIX, Knorm(0.5))
    model(PASSAGES[0], cache=cache)
    read = torch.cat([PREFIX, PASSAGES[0]], dim=1)
    assert reuse_prefix(cache, read, torch.cat([PREFIX, QUESTION], dim=1)).get_seq_length() >= PREFIX.shape[1]
    with pytest.raises(UsageError, match="pressed together"):
        reuse_prefix(cache, read, QUESTION)
    with pytest.raises(UsageError, match="ids are given"):
        reuse_prefix(cache, PREFIX, read)


def test_threads_compute_each_passage_once(decoders):
    model = decoders("llama")
    store = PassageStore(model)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: store.get(PASSAGES[number % 3]), range(48)))
    assert store.computed == 3
    assert len({id(cache) for cache in found}) == 3


def test_the_least_recently_used_leave_first(decoders):
    model = decoders("llama")
    sizes = [PassageStore(model).get(passage).nbytes for passage in PASSAGES]
    store = PassageStore(model, limit_bytes=sizes[0] + max(sizes[1:]))
    store.get(PASSAGES[0]), store.get(PASSAGES[1]), store.get(PASSAGES[0]), store.get(PASSAGES[2])
    assert store.nbytes == sizes[0] + sizes[2] <= store.limit_bytes
    store.get(PASSAGES[0])
    assert store.computed == 3
    store.get(PASSAGES[1])
    assert store.computed == 4
    none = PassageStore(model, limit_bytes=0)
    assert none.get(PASSAGES[0]).get_seq_length() == PASSAGES[0].shape[1]
    assert (len(none), none.nbytes) == (0, 0)


@pytest.mark.parametrize("press", [None, KeyDiff(0.5)])
def test_passages_come_back_from_disk(decoders, tmp_path, press):
    model = decoders("qwen2")
    joining = join_pressed if press else lambda *args: join(*args, recompute=0)
    one = PassageStore(model, folder=tmp_path / "new", press=press)
    two = PassageStore(model, folder=tmp_path / "new", press=press)
    caches = [joining(store, PREFIX, PASSAGES) for store in (one, two)]
    assert (one.computed, two.computed) == (4, 0)
    with torch.no_grad():
        logits = [model(QUESTION, cache=cache).logits for cache in caches]
    assert torch.equal(*logits)
    assert not list((tmp_path / "new").glob(".*"))  # nothing half written


def test_cut_and_foreign_files_are_refused(decoders, tmp_path):
    model = decoders("qwen2")
    store = PassageStore(model, folder=tmp_path)
    paths = []
    for passage in PASSAGES[:2]:
        store.get(passage)
        paths.append(tmp_path / f"{store.key(passage)}.safetensors")
    whole = paths[0].read_bytes()
    paths[1].write_bytes(whole)
    paths[0].write_bytes(whole[:-7])
    store.clear()
    with pytest.raises(FormatError, match="not a whole"):
        store.get(PASSAGES[0])
    with pytest.raises(FormatError, match="another passage"):
        store.get(PASSAGES[1])
    other = PassageStore(decoders("llama"), folder=tmp_path)
    assert other.key(PASSAGES[0]) != store.key(PASSAGES[0])
    (tmp_path / f"{other.key(PASSAGES[0])}.safetensors").write_bytes(whole)
    with pytest.raises(InputError, match="another model"):
        other.get(PASSAGES[0])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the folder"):
        PassageStore(model, folder=tmp_path / "file")


def test_keys_depend_on_ids_press_lead_and_kind_of_numbers(decoders):
    model = decoders("llama")
    stores = [PassageStore(model, press=Knorm(0.5)), PassageStore(model, lead=PREFIX), PassageStore(model)]
    stores.append(PassageStore(decoder("llama").to(torch.bfloat16)))
    assert len({store.key(ids) for store in stores for ids in PASSAGES}) == 12
    assert stores[2].key(PASSAGES[0]) == stores[2].key(PASSAGES[0][0].tolist())


def test_keys_depend_on_what_a_press_learned(decoders):
    model, one = decoders("llama"), torch.ones(3, 2, 12)
    learned = [QFilter(0.5, QFilters(one)), QFilter(0.5, QFilters(2 * one)), LearnedDrop(0.5, Gates(range(3), 48))]
    learned.append(LearnedDrop(0.5, Gates(range(3), 48, seed=1)))
    assert len({PassageStore(model, press=press).key(PASSAGES[0]) for press in learned}) == 4
    again = PassageStore(model, press=QFilter(0.5, QFilters(one.clone())))
    assert again.key(PASSAGES[0]) == PassageStore(model, press=learned[0]).key(PASSAGES[0])


def test_bad_input(decoders):
    model = decoders("llama")
    store = PassageStore(model)
    for share in (-0.1, 1.1, float("nan"), "half", True):
        with pytest.raises(UsageError, match="recompute is"):
            join(store, PREFIX, PASSAGES, recompute=share)
    with pytest.raises(UsageError, match="no passage"):
        join(store, PREFIX, [])
    for ids in (tokens(4, rows=2), torch.zeros(1, 0, dtype=torch.long), torch.zeros(1, 3)):
        with pytest.raises(UsageError, match="the ids are"):
            store.get(ids)
    with pytest.raises(UsageError, match="pressed passages"):
        join(PassageStore(model, press=Knorm(0.5)), PREFIX, PASSAGES)
    with pytest.raises(UsageError, match="whole passages"):
        join_pressed(store, PREFIX, PASSAGES)
    with pytest.raises(UsageError, match="limit_bytes"):
        PassageStore(model, limit_bytes=-1)
    with pytest.raises(UsageError):
        PassageStore(decoders("gemma3"))


def test_a_model_is_left_as_it_was_when_recomputing_fails(decoders, monkeypatch):
    model = decoder("llama")
    store = PassageStore(model)
    join(store, PREFIX, PASSAGES, recompute=0)
    hooks = [len(module._forward_pre_hooks) for module in model.modules()]
    last = model.model.layers[2].mlp
    monkeypatch.setattr(last, "forward", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        join(store, PREFIX, PASSAGES, recompute=0.5)
    assert [len(module._forward_pre_hooks) for module in model.modules()] == hooks


def test_exactness_of_the_prefill_itself(decoders):
    model = decoders("llama")
    whole = prefill(model, CONTEXT).cache
    found = exactness(model, CONTEXT, whole, QUESTION)
    assert (found.max_difference, found.kl, found.top1) == (0, 0, 1)
    assert exactness(model, CONTEXT, whole, QUESTION, full=whole) == found
