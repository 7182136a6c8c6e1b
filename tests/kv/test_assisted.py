"""Assisted and prompt-lookup decoding of transformers behind a pruned cache: the text is that of greedy decoding."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import decoder, tokens  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import AdaKV, Decoding, Kivi, PrunedCache, SnapKV, StreamingLLM, compress  # noqa: E402

IDS = tokens(10).repeat(1, 5)  # repeats itself, so that the prompt has candidates
LOOKUP = {"prompt_lookup_num_tokens": 5}
OPTIONS = {"max_new_tokens": 12, "do_sample": False, "eos_token_id": None}
PRESS = SnapKV(0.5, window=8)
PACKED = {"bits": 4, "group": 8, "residual": 8}
CACHES = {
    "plain": (PRESS, {}),
    "ragged": (AdaKV(PRESS), {}),
    "quantised": (PRESS, {"storage": Kivi(**PACKED)}),
    "growing": (PRESS, {"storage": Kivi(**PACKED, grow=True)}),
    "rerotated": (PRESS, {"positions": "rerotated"}),
    "decoding": (Decoding(SnapKV(window=8), every=8, budget=90), {}),
    "pressed chunks": (PRESS, {"chunk": 9}),
}


def greedy(model, ids=IDS, **options):
    return model.generate(ids, **{**OPTIONS, **options})


# Heads of 12 channels cannot be quantised, and the layers of Gemma 3 share no rotary embedding.
@pytest.mark.parametrize(
    ("kind", "held"),
    [("llama", held) for held in CACHES if held not in ("quantised", "growing")]
    + [("gemma", held) for held in CACHES]
    + [("gemma3", held) for held in CACHES if held != "rerotated"],
)
def test_text_is_greedy(decoders, kind, held):
    model, (press, options) = decoders(kind), CACHES[held]
    for read in (2, 49):  # what is new is longer than the cache, and one token
        cache = compress(model, IDS[:, :read], press, **options)
        expected = greedy(model, cache=cache.copy())
        made = greedy(model, cache=cache, **LOOKUP)
        assert torch.equal(made, expected)
        assert cache.get_seq_length() == expected.shape[1] - 1


def test_the_model_reads_nothing_twice(decoders):
    model, lengths = decoders("llama"), []
    cache = compress(model, IDS[:, :40], PRESS)
    handle = model.model.layers[0].register_forward_hook(lambda module, args, output: lengths.append(args[0].shape[1]))
    greedy(model, cache=cache, **LOOKUP)
    handle.remove()
    assert 10 <= lengths[0] <= 10 + 5  # ten new tokens, five candidates
    assert max(lengths[1:]) <= 6


@pytest.mark.parametrize("name", ["llama", "phi"])
def test_another_model_drafts(decoders, name):
    model = decoders(name)
    cache = compress(model, IDS[:, :30], PRESS)
    expected = greedy(model, cache=cache.copy())
    for assistant in (copy.deepcopy(model), decoder("mistral")):  # one that is always right, and one that never is
        assert torch.equal(greedy(model, cache=cache.copy(), assistant_model=assistant), expected)


def test_a_cache_filled_within_a_block(decoders):
    model, cache = decoders("llama"), DynamicCache(config=decoders("llama").config)
    with torch.no_grad(), PRESS(model):
        model(IDS[:, :40], cache=cache)
    expected = greedy(model, cache=copy.deepcopy(cache))
    assert torch.equal(greedy(model, cache=cache, **LOOKUP), expected)


def test_a_second_question_behind_the_first(decoders):
    model = decoders("llama")
    cache = compress(model, IDS, PRESS)
    one = torch.cat([IDS, tokens(6, seed=4)], dim=1)
    first = greedy(model, one, cache=cache, **LOOKUP)
    cache.crop(IDS.shape[1] - cache.get_seq_length())
    assert torch.equal(greedy(model, one, cache=cache, **LOOKUP), first)
    longer = torch.cat([first, tokens(5, seed=5)], dim=1)
    assert torch.equal(greedy(model, longer, cache=cache.copy()), greedy(model, longer, cache=cache, **LOOKUP))


def test_left_padding(decoders):
    model = decoders("qwen2")
    padded = torch.cat([torch.zeros(1, 7, dtype=torch.long), IDS], dim=1)
    mask = (torch.arange(57) >= 7).long()[None]
    cache = compress(model, padded[:, :40], PRESS, mask=mask[:, :40])
    expected = greedy(model, padded, attention_mask=mask, cache=cache.copy())
    assert torch.equal(greedy(model, padded, attention_mask=mask, cache=cache, **LOOKUP), expected)


def test_all_ids_in_an_ordinary_call_stay_a_mistake(decoders):
    model = decoders("llama")
    cache = compress(model, IDS[:, :40], PRESS)
    greedy(model, cache=cache.copy(), **LOOKUP)
    where = torch.arange(50)[None]
    with torch.no_grad(), pytest.raises(UsageError, match="positions among the 40 that the cache has read"):
        model(IDS, cache=cache, position_ids=where)


def test_a_cache_that_holds_all_ids_is_refused(decoders):
    model = decoders("llama")
    with pytest.raises(UsageError, match="holds 50 tokens, and no id behind them is given"):
        greedy(model, cache=compress(model, IDS, PRESS), **LOOKUP)
    with pytest.raises(UsageError, match="positions among the 50 that the cache has read"):
        greedy(model, IDS[:, :30], cache=compress(model, IDS, PRESS), **LOOKUP)


@pytest.mark.parametrize("wrong", [1, None, 1.5])
def test_what_is_no_number_of_tokens_is_not_cropped(decoders, wrong):
    with pytest.raises(UsageError, match="cannot crop by"):
        compress(decoders("llama"), IDS, PRESS).crop(wrong)


def test_budgets_hold_while_candidates_are_read(decoders):
    model = decoders("llama")
    cache = compress(model, IDS, Decoding(StreamingLLM(sinks=1), every=8, budget=24))
    ids = torch.cat([IDS, IDS[:, :3]], dim=1)
    assert greedy(model, ids, cache=cache, **LOOKUP).shape == (1, 53 + 12)
    assert all(layer.kept.counts.longest + layer.keys.shape[-2] <= 24 for layer in cache.layers)


def test_candidates_that_were_packed_are_refused(decoders):
    model = decoders("gemma")
    cache = compress(model, IDS[:, :40], PRESS, storage=Kivi(bits=4, group=8, residual=0, grow=True))
    with pytest.raises(UsageError, match=r"pruned or packed; drafts .* residual \(Kivi\)"):
        greedy(model, cache=cache, **LOOKUP)


def test_an_empty_cache_is_read_as_ever(decoders):
    model = decoders("llama")
    assert torch.equal(greedy(model, cache=PrunedCache(model), **LOOKUP), greedy(model))
