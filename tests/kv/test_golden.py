"""A pruned cache says what the whole one says with the dropped tokens masked: every press, architecture and ratio.

Presses that change what stays (`edits`) are held against the whole cache with their keys and values put in; what these
are is tested with each of them.
"""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.matrix import NAMES, every  # noqa: E402
from kv.models import DECODERS, chosen_by_layer, edits_of, reference_logits, reference_text, tokens  # noqa: E402

from ctxprune.kv import compress, prefill  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


@pytest.mark.parametrize("ratio", [0.3, 0.7])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", list(DECODERS))
def test_logits_are_those_of_the_masked_cache(decoders, kind, name, ratio):
    model = decoders(kind)
    press = every(ratio)[name]
    cache = compress(model, CONTEXT, press)
    chosen, edited = chosen_by_layer(cache), edits_of(model, CONTEXT, press)
    assert any(not mask.all() for mask in chosen.values())
    for new in (QUESTION[:, :1], QUESTION):
        with torch.no_grad():
            ours = model(new, cache=cache.copy()).logits
        assert (ours - reference_logits(model, CONTEXT, new, chosen, edited)).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_eager_attention_says_the_same(decoders, kind, name):
    model = decoders(kind, "eager")
    press = every(0.5)[name]
    cache = compress(model, CONTEXT, press)
    with torch.no_grad():
        ours = model(QUESTION, cache=cache.copy()).logits
    chosen, edited = chosen_by_layer(cache), edits_of(model, CONTEXT, press)
    assert (ours - reference_logits(model, CONTEXT, QUESTION, chosen, edited)).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_greedy_text_is_that_of_the_masked_cache(decoders, name):
    model = decoders("qwen2")
    press = every(0.6)[name]
    cache = compress(model, CONTEXT, press)
    edited = edits_of(model, CONTEXT, press)
    expected = reference_text(model, CONTEXT, QUESTION, chosen_by_layer(cache), 20, edited)
    whole = torch.cat([CONTEXT, QUESTION], dim=1)
    options = {"max_new_tokens": 20, "do_sample": False, "eos_token_id": None}
    assert torch.equal(model.generate(whole, cache=cache, **options)[:, whole.shape[1] :], expected)


@pytest.mark.parametrize("name", NAMES)
def test_pressing_a_read_context_is_pressing_while_reading(decoders, name):
    model, press = decoders("llama"), every(0.5)[name]
    one, two = compress(model, CONTEXT, press), prefill(model, CONTEXT).press(press)
    assert one.kept == two.kept
    with torch.no_grad():
        assert torch.equal(model(QUESTION, cache=one).logits, model(QUESTION, cache=two).logits)


@pytest.mark.parametrize("name", NAMES)
def test_asking_a_read_context_is_reading_it_with_the_question(decoders, name):
    model, press = decoders("llama"), every(0.5)[name]
    one, two = compress(model, CONTEXT, press, question=QUESTION), prefill(model, CONTEXT).ask(QUESTION).press(press)
    assert one.kept == two.kept
    assert one.get_seq_length() == two.get_seq_length() == CONTEXT.shape[1]
    with torch.no_grad():
        difference = model(QUESTION, cache=one).logits - model(QUESTION, cache=two).logits
    assert difference.abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_the_question_that_chose_is_forgotten_by_all_layers(decoders, name):
    model, press = decoders("gemma3"), every(0.5)[name]
    ways = compress(model, CONTEXT, press, question=QUESTION), prefill(model, CONTEXT).ask(QUESTION).press(press)
    edited = {}
    if press.edits:
        edited = edits_of(model, CONTEXT, press, QUESTION)
    for cache in ways:
        assert [layer.get_seq_length() for layer in cache.layers] == [60, 60, 60]
        with torch.no_grad():
            ours = model(QUESTION, cache=cache.copy()).logits
        expected = reference_logits(model, CONTEXT, QUESTION, chosen_by_layer(cache), edited)
        assert (ours - expected).abs().max() < 1e-5
