"""The cache of a pressed context: bytes, positions, padding, copies, branches, cropping, beams, disk."""

from __future__ import annotations

import copy
import gc

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import NAMES, every  # noqa: E402
from kv.models import decoder, tokens  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import AdaKV, Kivi, Knorm, PrunedCache, Random, SnapKV, StreamingLLM, ThinK, compress  # noqa: E402
from ctxprune.kv.cache.pruned_cache import count_bytes  # noqa: E402
from ctxprune.kv.model.attention import attentions_of, decoder_of  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)
GREEDY = {"max_new_tokens": 6, "do_sample": False, "eos_token_id": None}


def logits(model, new, cache):
    with torch.no_grad():
        return model(new, cache=cache).logits


def storages(thing, seen=None):
    """Bytes of every storage that is reached from an object's attributes, each once."""
    found, visited, todo = {}, set(), [thing]
    while todo:
        each = todo.pop()
        if id(each) in visited or isinstance(each, (torch.nn.Module, type, torch.device, torch.dtype)):
            continue
        visited.add(id(each))
        if isinstance(each, torch.Tensor):
            if each.numel():
                found[each.untyped_storage().data_ptr()] = each.untyped_storage().nbytes()
        elif isinstance(each, dict):
            todo += each.values()
        elif isinstance(each, (list, tuple, set)):
            todo += each
        elif hasattr(each, "__dict__"):
            todo += vars(each).values()
        elif hasattr(each, "__slots__"):
            todo += [getattr(each, name) for name in each.__slots__ if hasattr(each, name)]
    return sum(found.values())


@pytest.mark.parametrize("name", NAMES)
def test_bytes_counted_are_bytes_held(decoders, name):
    model = decoders("llama")
    cache = compress(model, CONTEXT, every(0.5)[name])
    assert cache.nbytes == count_bytes(cache) == storages(cache)
    logits(model, QUESTION, cache)
    assert cache.nbytes == storages(cache)
    cache.crop(-3)
    assert cache.nbytes == storages(cache)
    assert 0 < cache.bytes_ratio < 1


@pytest.mark.parametrize("storage", [None, Kivi(bits=8), Kivi(bits=4), Kivi(bits=2)], ids=str)
def test_bytes_of_every_storage(decoders, storage):
    model = decoders("llama")
    for press in (SnapKV(0.5, window=8), AdaKV(SnapKV(0.5, window=8))):
        cache = compress(model, tokens(200), press, storage=storage)
        assert cache.nbytes == storages(cache)
        assert cache.branch(3).nbytes == storages(cache.branch(3))


def test_the_full_cache_is_counted_as_transformers_holds_it(decoders):
    model = decoders("llama")
    plain = DynamicCache(config=model.config)
    with torch.no_grad():
        model(CONTEXT, cache=plain)
    cache = compress(model, CONTEXT, SnapKV(0.5))
    assert cache.full_nbytes == count_bytes(plain)


@pytest.mark.parametrize("name", NAMES)
def test_ratio_0_changes_nothing(decoders, name):
    if name in ("byte_budget.v1", "token_budget.v1", "merge.v1", "think.v1", "per_layer.v1"):
        pytest.skip("has no ratio, or changes more than the count")
    model = decoders("llama")
    cache = compress(model, CONTEXT, every(0.0)[name])
    plain = DynamicCache(config=model.config)
    with torch.no_grad():
        model(CONTEXT, cache=plain)
    if name == "simlayerkv.v1":  # its threshold decides, not its ratio
        return
    for ours, theirs in zip(cache.layers, plain.layers, strict=True):
        keys, values = ours.kept.read()
        assert torch.equal(keys, theirs.keys)
        assert torch.equal(values, theirs.values)


@pytest.mark.parametrize(("ratio", "kept"), [(0.3, 42), (0.7, 18), (0.9, 6), (0.99, 1), (0.1, 54)])
def test_the_count_is_the_floor(decoders, ratio, kept):
    cache = compress(decoders("llama"), CONTEXT, Knorm(ratio))
    assert cache.kept == [[[kept, kept]]] * 3


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gemma", "phi", "phi3"])
@pytest.mark.parametrize("press", [SnapKV(0.5, window=8), AdaKV(SnapKV(0.5, window=8))], ids=["even", "ragged"])
def test_rerotated_keys_are_those_computed_at_the_new_positions(decoders, kind, press):
    model = decoders(kind)
    cache = compress(model, CONTEXT, press, positions="rerotated")
    layer = cache.layers[0]
    counts, columns = layer.kept.counts, layer.kept.counts.padded(layer.kept.columns).long()
    longest = max(count for layer_counts in cache.kept for count in layer_counts[0])
    keys = counts.padded(layer.kept.keys.unpack(counts))
    hidden = decoder_of(model).embed_tokens(CONTEXT)
    hidden = hidden * model.config.hidden_size**0.5 if kind == "gemma" else hidden
    hidden = decoder_of(model).layers[0].input_layernorm(hidden)
    attention = attentions_of(model)[0]
    width = decoder_of(model).rotary_emb(hidden, torch.arange(60)[None])[0].shape[-1]
    raw = attention.raw_inputs(hidden, torch.ones(1, 60, width)).keys
    for head in range(keys.shape[1]):
        count = int(counts.each[0, head])
        new = torch.arange(longest - count, longest)[None]
        cos, sin = decoder_of(model).rotary_emb(hidden, new)
        expected = attention.rotate(raw[:, head : head + 1, columns[0, head, :count]], cos, sin)
        assert (keys[0, head, :count] - expected[0, 0]).abs().max() < 1e-5
    with torch.no_grad():  # what follows stands right behind
        at = torch.arange(longest, longest + 5)[None]
        ours = model(QUESTION, cache=cache.copy()).logits
        assert torch.equal(
            ours, model(QUESTION, cache=cache.copy(), position_ids=at + len(CONTEXT[0]) - longest).logits
        )


def test_a_question_that_chose_leaves_no_gap(decoders):
    model = decoders("llama")
    press, ids, mask = StreamingLLM(0.5), tokens(60, rows=2), torch.ones(2, 60, dtype=torch.long)
    mask[1, :9] = 0
    moved = {"positions": "rerotated"}
    blind, aware = (compress(model, ids, press, mask=mask, question=each, **moved) for each in (None, QUESTION))
    assert torch.equal(blind.layers[0].shift, aware.layers[0].shift)
    blind, aware = (compress(model, CONTEXT, press, question=each, **moved) for each in (None, QUESTION))
    assert (logits(model, QUESTION, aware) - logits(model, QUESTION, blind)).abs().max() < 1e-5


def test_rerotated_text_is_that_of_a_dense_cache_of_the_kept(decoders):
    """One layer, so that keys do not depend on what was dropped: the kept tokens read alone give the same cache."""
    from kv.models import SIZES
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "num_hidden_layers": 1, "num_key_value_heads": 4})).eval()
    cache = compress(model, CONTEXT, StreamingLLM(0.5), positions="rerotated")
    alone = torch.cat([CONTEXT[:, :4], CONTEXT[:, -26:]], dim=1)
    whole, short = torch.cat([CONTEXT, QUESTION], dim=1), torch.cat([alone, QUESTION], dim=1)
    ours = model.generate(whole, cache=cache, **GREEDY)[:, whole.shape[1] :]
    assert torch.equal(ours, model.generate(short, **GREEDY)[:, short.shape[1] :])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("positions", ["original", "rerotated"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_of_a_padded_batch_are_rows_alone(decoders, name, side, positions):
    if name == "byte_budget.v1":
        pytest.skip("its budget is the whole batch's")
    if (name, positions) == ("think.v1", "rerotated"):
        with pytest.raises(UsageError, match="fewer channels"):
            compress(decoders("llama"), CONTEXT, every(0.5)[name], positions=positions)
        return
    model, press = decoders("llama"), every(0.5)[name]
    lengths, width = (60, 41), 60
    ids, mask = torch.zeros(2, width, dtype=torch.long), torch.zeros(2, width, dtype=torch.long)
    for row, length in enumerate(lengths):
        place = slice(width - length, width) if side == "left" else slice(0, length)
        ids[row, place], mask[row, place] = CONTEXT[0, :length], 1
    together = compress(model, ids, press, mask=mask, positions=positions)
    new = QUESTION.expand(2, -1)
    at = torch.tensor(lengths)[:, None] + torch.arange(5)
    whole = torch.cat([mask, torch.ones_like(new)], dim=1)
    with torch.no_grad():
        ours = model(new, cache=together, attention_mask=whole, position_ids=at).logits
    for row, length in enumerate(lengths):
        alone = compress(model, CONTEXT[:, :length], press, positions=positions)
        assert [kept[row] for kept in together.kept] == [kept[0] for kept in alone.kept]
        assert (ours[row] - logits(model, QUESTION, alone)[0]).abs().max() < 1e-4


def test_a_row_of_padding_alone_keeps_nothing(decoders):
    model = decoders("llama")
    ids, mask = CONTEXT.repeat(2, 1), torch.ones(2, 60, dtype=torch.long)
    mask[1] = 0
    cache = compress(model, ids, SnapKV(0.5, window=8), mask=mask)
    assert cache.kept[0] == [[30, 30], [0, 0]]
    for name, press in every(0.5).items():
        assert all(rows[1] == [0, 0] for rows in compress(model, ids, press, mask=mask).kept), name
    whole = torch.cat([mask, torch.ones(2, 5, dtype=torch.long)], dim=1)
    at = torch.tensor([[60], [0]]) + torch.arange(5)
    with torch.no_grad():
        said = model(QUESTION.expand(2, -1), cache=cache, attention_mask=whole, position_ids=at).logits
        assert (said[1] - model(QUESTION).logits[0]).abs().max() < 1e-5


def test_a_second_question_after_cropping_is_a_fresh_copy(decoders):
    model = decoders("qwen2")
    cache, other = compress(model, CONTEXT, SnapKV(0.5, window=8)), tokens(7, seed=2)
    fresh = cache.copy()
    logits(model, QUESTION, cache)
    cache.crop(-5)
    assert cache.get_seq_length() == 60
    assert torch.equal(logits(model, other, cache), logits(model, other, fresh))
    with pytest.raises(UsageError, match="cannot crop by -8"):
        cache.crop(-8)
    with pytest.raises(UsageError, match="cannot crop by 3"):
        cache.crop(3)


def test_branches_answer_as_copies(decoders):
    model = decoders("qwen2")
    cache = compress(model, CONTEXT, AdaKV(SnapKV(0.5, window=8)))
    questions = torch.cat([QUESTION, tokens(5, seed=4), tokens(5, seed=5)])
    many = logits(model, questions, cache.branch(3))
    for row, question in enumerate(questions):
        assert (many[row] - logits(model, question[None], cache.copy())[0]).abs().max() < 1e-5
    with pytest.raises(UsageError, match="holds 1 rows and the input has 3"):
        logits(model, questions, cache)
    for wrong in (0, -1, 2.0, True):
        with pytest.raises(UsageError, match="rows is"):
            cache.branch(wrong)


@pytest.mark.parametrize("positions", ["original", "rerotated"])
def test_deep_copies_of_a_cache_outlive_it(positions):
    model = decoder("llama")
    cache = compress(model, CONTEXT, Knorm(0.5), positions=positions)
    twin, shallow = copy.deepcopy(cache), copy.copy(cache)
    expected = logits(model, QUESTION, cache.copy())
    assert len(cache) == 3
    del cache
    assert torch.equal(logits(model, QUESTION, twin), expected)
    assert torch.equal(logits(model, QUESTION, shallow), expected)
    del twin, shallow
    assert not model.model._forward_pre_hooks


@pytest.mark.parametrize("positions", ["original", "rerotated"])
def test_copies_of_a_model_have_no_hooks_of_it(positions):
    model = decoder("llama")
    cache = compress(model, CONTEXT, Knorm(0.5), positions=positions)
    expected = logits(model, QUESTION, cache.copy())
    with SnapKV(0.9)(model):
        twin = copy.deepcopy(model)
    own = compress(twin, CONTEXT, Knorm(0.5), positions=positions)
    assert torch.equal(logits(twin, QUESTION, own), expected)
    assert own.kept == cache.kept


@pytest.mark.parametrize("positions", ["original", "rerotated"])
def test_beams(decoders, positions):
    model = decoders("qwen2")
    press, whole = AdaKV(SnapKV(0.5, window=8)), torch.cat([CONTEXT, QUESTION], dim=1)
    cache = compress(model, CONTEXT, press, positions=positions)
    beams = {**GREEDY, "num_beams": 3}
    branched = model.generate(whole, cache=cache.branch(3), **beams)
    with pytest.raises(UsageError, match="branch"):
        model.generate(whole, cache=cache.copy(), **beams)
    # one beam after another, scored by the same cache, finds no likelier text
    greedy = model.generate(whole, cache=cache.copy(), **GREEDY)

    def likelihood(text):
        with torch.no_grad():
            scores = model(text[:, 60:-1], cache=cache.copy()).logits.log_softmax(dim=-1)
        said = text[:, whole.shape[1] :]
        return float(scores[0, -said.shape[1] :].gather(1, said[0, :, None]).sum())

    assert likelihood(branched) >= likelihood(greedy) - 1e-4
    with press(model):
        assert model.generate(whole, **beams).shape == branched.shape


def test_saved_and_loaded(decoders, tmp_path):
    model = decoders("qwen2")
    kinds = [
        compress(model, CONTEXT, SnapKV(0.5, window=8)),
        compress(model, CONTEXT, AdaKV(SnapKV(0.5, window=8)), positions="rerotated"),
        compress(model, tokens(100), Knorm(0.5), storage=Kivi(bits=4)),
        compress(model, CONTEXT, ThinK(SnapKV(0.5, window=8), window=8)),
    ]
    for number, cache in enumerate(kinds):
        logits(model, QUESTION[:, :2], cache)
        cache.save(tmp_path / f"{number}.safetensors")
        again = PrunedCache.load(tmp_path / f"{number}.safetensors", model)
        assert again.kept == cache.kept
        assert again.press == cache.press
        assert again.nbytes == cache.nbytes
        assert torch.equal(logits(model, QUESTION, again), logits(model, QUESTION, cache))


def test_a_file_that_is_cut_or_another_model_s_is_refused(decoders, tmp_path):
    model, path = decoders("qwen2"), tmp_path / "cache.safetensors"
    compress(model, CONTEXT, SnapKV(0.5, window=8)).save(path)
    with pytest.raises(InputError, match="another model"):
        PrunedCache.load(path, decoders("llama"))
    whole = path.read_bytes()
    for size in (0, 7, 100, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError, match="not a whole safetensors file"):
            PrunedCache.load(path, model)
    with pytest.raises(InputError, match="no such caches"):
        PrunedCache.load(tmp_path / "none", model)
    with pytest.raises(InputError, match="the cache is empty"):
        PrunedCache(model).save(path)
    with pytest.raises(InputError, match="cannot write"):
        compress(model, CONTEXT, SnapKV(0.5, window=8)).save(tmp_path / "no" / "folder")
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(FormatError, match="no caches of this library"):
        PrunedCache.load(path, model)


def test_hooks_go_with_the_last_cache():
    model = decoder("llama")
    before = {name: len(module._forward_pre_hooks) for name, module in model.named_modules()}
    one = compress(model, CONTEXT, Random(0.5))
    two = one.copy()
    logits(model, QUESTION, one)
    del one
    gc.collect()
    assert model.model._forward_pre_hooks
    assert logits(model, QUESTION, two).isfinite().all()
    del two
    gc.collect()
    assert {name: len(module._forward_pre_hooks) for name, module in model.named_modules()} == before
    assert not [name for name in vars(model.model) if "ctxprune" in name]
