"""A cache pressed while it is read says what the whole one says with the same tokens masked, in every call."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import DECODERS, decoder, tokens  # noqa: E402
from kv.stepwise import DECODING, PRESSES, difference, most_tokens, recording, visible  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import Decoding, ObservedAttention, PrunedCache, StreamingLLM, Tova, compress, prefill  # noqa: E402
from ctxprune.kv.reading.limits import RatioLimit  # noqa: E402
from ctxprune.kv.reading.stepwise import StepSession  # noqa: E402
from ctxprune.kv.selection import keep_count  # noqa: E402

IDS = tokens(60)
# A prompt over the budget, single tokens of which two are cropped, drafts of which three are rejected, a second turn.
WRITING = [
    *(IDS[:, :30], *IDS[:, 30:37].split(1, dim=1), 2, *IDS[:, 37:40].split(1, dim=1)),
    *(IDS[:, 40:44], 3, *IDS[:, 44:50].split(1, dim=1), IDS[:, 50:58]),
]
CHUNKS = [*IDS[:, :48].split(12, dim=1), IDS[:, 48:53]]
FEW = ("streaming_llm", "adakv")


def writing(press):
    return Decoding(press, every=4, budget=20)


def chunked(model, press):
    return StepSession(model, press, RatioLimit(press), positions="original", storage=None, about={})


@pytest.mark.parametrize("name", list(DECODING))
def test_logits_while_writing(decoders, name):
    model = decoders("llama")
    assert difference(model, writing(DECODING[name])(model), WRITING) < 1e-5


@pytest.mark.parametrize("name", list(PRESSES))
def test_logits_between_chunks(decoders, name):
    model = decoders("llama")
    assert difference(model, chunked(model, PRESSES[name]), CHUNKS) < 1e-5


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind != "llama"])
def test_logits_of_other_models(decoders, kind, name):
    model = decoders(kind)
    steps = WRITING if kind != "gemma3" else [each for each in WRITING if not isinstance(each, int)]
    assert difference(model, writing(DECODING[name])(model), steps) < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("name", list(PRESSES))
@pytest.mark.parametrize("kind", [kind for kind in DECODERS if kind != "llama"])
def test_logits_of_every_press_and_model(decoders, kind, name):
    model = decoders(kind)
    steps = WRITING if kind != "gemma3" else [each for each in WRITING if not isinstance(each, int)]
    if name in DECODING:
        assert difference(model, writing(DECODING[name])(model), steps) < 1e-5
    assert difference(model, chunked(model, PRESSES[name]), CHUNKS) < 1e-5


@pytest.mark.parametrize("name", ["snapkv", "adakv_observed", "keydiff"])
def test_rows_with_padding(decoders, name):
    model, ids = decoders("qwen2"), tokens(40, rows=3, seed=4)
    mask = torch.ones_like(ids)
    mask[0, :13], mask[2, :3] = 0, 0
    parts = [ids[:, :12], ids[:, 12:24], *ids[:, 24:].split(1, dim=1)]
    assert difference(model, writing(DECODING[name])(model), parts, mask) < 1e-5


def test_a_padded_row_keeps_what_it_keeps_alone(decoders):
    model, ids = decoders("llama"), tokens(40, rows=2, seed=4)
    mask = torch.ones_like(ids)
    mask[0, :8] = 0
    for press in (PRESSES["snapkv"], PRESSES["adakv_observed"]):
        both = compress(model, ids, press, mask=mask, chunk=8)
        alone = compress(model, ids[:1, 8:], press, chunk=8)
        for layer, own in zip(both.layers, alone.layers, strict=True):
            assert torch.equal(visible(layer)[:1, :, 8:], visible(own))


def test_chunks_keep_as_many_as_one_reading(decoders):
    model = decoders("llama")
    for name, press in PRESSES.items():
        chunked, whole = compress(model, IDS, press, chunk=13), compress(model, IDS, press)
        totals = [[sum(row) for layer in cache.kept for row in layer] for cache in (chunked, whole)]
        assert totals[0] == totals[1], name
        assert chunked.layers[0].recent is None
        assert vars(chunked)["steps"] is None
        assert chunked.press == whole.press
    only = compress(model, IDS, PRESSES["snapkv"], chunk=60)
    assert torch.equal(only.layers[2].kept.columns, compress(model, IDS, PRESSES["snapkv"]).layers[2].kept.columns)


@torch.no_grad()
@pytest.mark.parametrize("name", ["snapkv", "tova", "adakv_observed"])
def test_cropped_tokens_leave_no_trace_in_the_choice(decoders, name):
    model, caches = decoders("llama"), []
    for cropped in (0, 8):
        cache = PrunedCache(model)
        Decoding(DECODING[name], every=8, budget=32)(model).begin(cache)
        model(IDS[:, :24], cache=cache)
        for place in range(40, 40 + cropped):
            model(IDS[:, place : place + 1], cache=cache)
        cache.crop(-cropped)
        model(IDS[:, 24:31], cache=cache)
        caches.append((cache, model(IDS[:, 31:36], cache=cache).logits))
    (one, expected), (two, found) = caches
    assert int(visible(one.layers[0])[0, 0].sum()) < 36  # pressed behind the crop
    assert (found - expected).abs().max() < 1e-5
    for left, right in zip(one.layers, two.layers, strict=True):
        assert torch.equal(visible(left), visible(right))


@torch.no_grad()
def test_crops_that_leave_no_queries_are_refused(decoders):
    model = decoders("llama")
    cache = compress(model, IDS[:, :20], Decoding(DECODING["snapkv"], every=4, budget=40))
    with pytest.raises(UsageError, match=r"cannot crop by -5: .*queries.* by 4 tokens at most"):
        cache.crop(-5)
    cache.crop(-4)
    assert cache.get_seq_length() == 16
    with pytest.raises(UsageError, match="by 0 tokens at most"):
        cache.crop(-1)
    cache.crop(-16)  # nothing is left that would need queries
    assert cache.get_seq_length() == 0


@torch.no_grad()
@pytest.mark.parametrize("name", ["observed_attention", "adakv_observed"])
def test_tokens_whose_attention_was_summed_up_are_not_cropped(decoders, name):
    model = decoders("llama")
    cache = compress(model, IDS[:, :40], Decoding(DECODING[name], every=4, budget=16))
    with pytest.raises(UsageError, match=r"cannot crop by -2: the press has summed up .* by 0 tokens at most"):
        cache.crop(-2)
    assert {layer.get_seq_length() for layer in cache.layers} == {40}
    model(IDS[:, 40:43], cache=cache)
    cache.crop(-3)  # read after the press: nothing of them is in the sums yet
    assert {layer.get_seq_length() for layer in cache.layers} == {40}


@torch.no_grad()
def test_a_refused_crop_changes_no_layer(decoders):
    cache = compress(decoders("llama"), IDS[:, :40], DECODING["knorm"])
    model = decoders("llama")
    model(IDS[:, 40:44], cache=cache)
    cache.layers[2].pressed += 2  # as if its storage had packed two of them
    with pytest.raises(UsageError, match="cannot crop by -5"):
        cache.crop(-5)
    assert {layer.keys.shape[-2] for layer in cache.layers} == {4}


@torch.no_grad()
@pytest.mark.parametrize("kind", [Tova, ObservedAttention])
def test_choices_are_those_of_attention_weights(kind):
    """Against the weights that eager attention gives, with the tokens dropped so far masked."""
    model = decoder("llama", "eager")
    cache, every, budget, ids = PrunedCache(model), 3, 12, tokens(30, seed=8)
    Decoding(kind(), every=every, budget=budget)(model).begin(cache)
    sums = [torch.zeros(2, 30) for _ in cache.layers]
    held = [torch.zeros(2, 30, dtype=torch.bool) for _ in cache.layers]
    presses = 0
    for place in range(30):
        with recording(model, cache) as calls:
            weights = model(ids[:, place : place + 1], cache=cache, output_attentions=True).attentions
        for number, layer in enumerate(cache.layers):
            before = calls[-1].get(number, torch.zeros(1, 2, 0, dtype=torch.bool))[0]
            if place and int(before.sum()) < int(held[number].sum()):
                presses += 1
                if kind is Tova:
                    scores = sums[number].mean(dim=0).expand(2, -1).clone()
                    scores[:, place - 1] = 1.0
                else:
                    scores = sums[number] / (2 * (place - torch.arange(30)))
                scores = scores.masked_fill(~held[number], -1.0)
                expected = scores.topk(budget - every, dim=-1).indices.sort(dim=-1).values
                assert before.nonzero()[:, 1].view(2, -1).tolist() == expected.tolist()
                held[number][:, :place] = before
            held[number][:, place] = True
            now = weights[number][0, :, -1].view(2, 2, -1).sum(dim=1)  # over the group
            spread = torch.zeros(2, 30)
            spread[held[number]] = now.flatten()
            sums[number] = spread if kind is Tova else sums[number] + spread
            assert torch.equal(visible(layer)[0], held[number][:, : place + 1])
    assert presses == 3 * 6  # from the 13th token on, every third, in three layers


@torch.no_grad()
def test_a_stream_at_consecutive_positions_is_a_fresh_text():
    """In one layer, keys hang on nothing but token and position: the held tokens alone give the same logits."""
    torch.manual_seed(11)
    from kv.models import SIZES
    from transformers import LlamaConfig, LlamaForCausalLM

    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "num_hidden_layers": 1})).eval()
    for weight in model.parameters():
        weight.data.mul_(3.0 if weight.ndim > 1 else 1.0)
    for prompt in (5, 40):
        cache, ids = PrunedCache(model), tokens(90, seed=5)
        Decoding(StreamingLLM(sinks=2), every=3, budget=16)(model, positions="rerotated").begin(cache)
        for part in (ids[:, :prompt], *ids[:, prompt:].split(1, dim=1)):
            logits = model(part, cache=cache).logits[:, -1]
            if cache.get_seq_length() > prompt:
                held = visible(cache.layers[0])[0, 0].nonzero()[:, 0]
                assert len(held) <= 16
                assert (model(ids[:, held]).logits[:, -1] - logits).abs().max() < 1e-4
        assert held.tolist()[:2] == [0, 1]
        assert held.tolist()[2:] == list(range(92 - len(held), 90))


@torch.no_grad()
@pytest.mark.parametrize("name", ["snapkv", "observed_attention"])
def test_calls_of_as_many_tokens_as_between_presses_are_single_ones(decoders, name):
    """So that a text can be read in such calls where a budget is measured."""
    model, ids = decoders("llama"), tokens(48, seed=9)
    caches, last = [PrunedCache(model), PrunedCache(model)], []
    for cache, size in zip(caches, (1, 4), strict=True):
        Decoding(DECODING[name], every=4, budget=16)(model).begin(cache)
        for part in ids.split(size, dim=1):
            logits = model(part, cache=cache).logits[:, -1]
        assert most_tokens(cache) == 16
        last.append(logits)
    assert (last[0] - last[1]).abs().max() < 1e-5
    for one, two in zip(*(cache.layers for cache in caches), strict=True):
        assert torch.equal(visible(one), visible(two))


def test_contexts_read_in_chunks_can_be_pressed_at_the_end(decoders):
    model, question = decoders("gemma3"), tokens(5, seed=1)
    for asked in (None, question):
        for press in (PRESSES["snapkv"], PRESSES["streaming_llm"]):
            one, two = prefill(model, IDS, question=asked), prefill(model, IDS, question=asked, chunk=17)
            assert one.question == two.question
            one, two = one.press(press), two.press(press)
            assert one.kept == two.kept
            with torch.no_grad():
                found = model(question, cache=one).logits - model(question, cache=two).logits
            assert found.abs().max() < 1e-4
    assert one.kept[0][0][0] == keep_count(60, 0.6)
