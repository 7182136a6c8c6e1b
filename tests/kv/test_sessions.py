"""Sessions of presses on one model: one at a time presses a cache, they end in any order, and copies have none."""

from __future__ import annotations

import copy
import pickle

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import decoder, tokens  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import Decoding, Knorm, PrunedCache, SnapKV, StreamingLLM, compress  # noqa: E402
from ctxprune.kv.model.hooks import Hooks  # noqa: E402

STREAM = Decoding(StreamingLLM(sinks=2), every=4, budget=16)
GREEDY = {"do_sample": False, "eos_token_id": None, "pad_token_id": 0}
SNAP = SnapKV(0.75, window=4)


@pytest.mark.parametrize("chunk", [None, 10])
@pytest.mark.parametrize(
    ("outer", "inner"),
    [
        (STREAM, SNAP),
        (SNAP, STREAM),
        (STREAM, Decoding(Knorm(), every=4, budget=16)),
        (STREAM, STREAM),
        (SNAP, SNAP),
        (STREAM, STREAM.press),
    ],
)
def test_two_sessions_on_one_model_are_refused(outer, inner, chunk):
    model = decoder("llama")
    for length in (12, 40):  # below the budget, and above
        with outer(model), inner(model), pytest.raises(UsageError, match="two presses are open"):
            model.generate(tokens(length), max_new_tokens=2, prefill_chunk_size=chunk, **GREEDY)
    with outer(model), pytest.raises(UsageError, match="two presses are open"), torch.no_grad():
        compress(model, tokens(12), STREAM)
    with outer(model):  # nothing is left behind by the calls that failed
        model.generate(tokens(40), max_new_tokens=2, prefill_chunk_size=chunk, **GREEDY)
    assert "_prefill" not in vars(model)


def test_sessions_that_end_in_any_order(decoders):
    model, ids, options = decoders("llama"), tokens(40), {"max_new_tokens": 2, "return_dict_in_generate": True}
    first, second = SnapKV(0.5, window=4)(model), SNAP(model)
    for session in (first, second):
        with pytest.raises(UsageError, match="not open"):
            session.__exit__(None, None, None)
    with pytest.raises(UsageError, match="not open"):
        STREAM(model).__exit__(None, None, None)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    cache = model.generate(ids, prefill_chunk_size=10, **options, **GREEDY).past_key_values
    second.__exit__(None, None, None)
    assert [layer.kept.counts.longest for layer in cache.layers] == [10] * 3
    assert "_prefill" not in vars(model)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_of_a_model_within_a_session_press_nothing(duplicate):
    model = decoder("llama")
    with SNAP(model):
        twin = duplicate(model)
    assert twin._prefill.__self__ is twin
    options = {"max_new_tokens": 2, "prefill_chunk_size": 10, "return_dict_in_generate": True}
    cache = twin.generate(tokens(40), **options, **GREEDY).past_key_values
    assert {layer.keys.shape[-2] for layer in cache.layers} == {41}


@torch.no_grad()
def test_an_interrupted_call_does_not_hold_its_cache():
    model = decoder("llama")
    cache = PrunedCache(model)

    def interrupt(*_):
        raise KeyboardInterrupt

    with SNAP(model), Hooks() as hooks:
        hooks.before(model.model, interrupt)
        with pytest.raises(KeyboardInterrupt):
            model(tokens(40), cache=cache)
    with SNAP(model):
        model(tokens(40), cache=cache)
    assert cache.kept == [[[10, 10]]] * 3
