"""KVzip against a second, eager reading of the context behind itself."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import chosen_by_layer, tokens  # noqa: E402
from transformers import DynamicCache  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import KVzip, SnapKV, compress, prefill  # noqa: E402

N = 60
CONTEXT = tokens(N, rows=2)
PIECES = ((0, 25), (22, 50), (47, 60))  # chunks of 25 with 3 tokens in front


@torch.no_grad()
def eager_local_scores(model, context):
    """The most attention on each position by its own chunk, as a share of that on the chunk and its repetition."""
    cache = DynamicCache(config=model.config)
    model(context, cache=cache)
    most = [torch.zeros(len(context), 2, N) for _ in range(model.config.num_hidden_layers)]
    for number, (start, end) in enumerate(PIECES):
        own = slice(number * 25, end)
        seen = model(context[:, start:end], cache=copy.deepcopy(cache), output_attentions=True).attentions
        for found, each in zip(most, seen, strict=True):
            weights = torch.cat([each[..., own], each[..., N:]], dim=-1)
            shares = weights[..., : end - own.start] / weights.sum(dim=-1, keepdim=True)
            found[..., own] = shares.unflatten(1, (2, -1)).amax(dim=(2, 3))
    return most


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_local_scores_are_those_of_an_eager_repetition_within_chunks(decoders, kind):
    press = KVzip(0.5, chunk=25, lead=3, local=True)
    read = prefill(decoders(kind), CONTEXT).remember()
    for ours, theirs in zip(press.scores(read), eager_local_scores(decoders(kind, "eager"), CONTEXT), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6)
    # Scores of both kinds are cached apart.
    whole = KVzip(0.5, chunk=25, lead=3).scores(read)
    assert not torch.equal(whole[0], press.scores(read)[0])


def test_one_chunk_of_all_tokens_is_the_same_locally(decoders):
    read = prefill(decoders("llama"), CONTEXT)
    for local, whole in zip(KVzip(0.5, local=True).scores(read), KVzip(0.5).scores(read), strict=True):
        assert torch.equal(local, whole)


@torch.no_grad()
def eager_scores(model, context, prompt=()):
    """The most attention on each position, by layer, from the model's own weights."""
    cache = DynamicCache(config=model.config)
    model(context, cache=cache)
    most = None
    for start, end in PIECES:
        lead = torch.tensor([prompt], dtype=torch.long).expand(len(context), -1)
        again = torch.cat([lead, context[:, start:end]], dim=1)
        seen = model(again, cache=copy.deepcopy(cache), output_attentions=True).attentions
        found = [each.unflatten(1, (2, -1))[..., :N].amax(dim=(2, 3)) for each in seen]
        most = found if most is None else [torch.maximum(*pair) for pair in zip(most, found, strict=True)]
    return most


@pytest.mark.parametrize("prompt", [(), (9, 8, 7)])
@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("kind", ["llama", "phi", "qwen3"])
def test_scores_are_the_most_attention_of_an_eager_repetition(decoders, kind, attention, prompt):
    press = KVzip(0.5, chunk=25, lead=3, prompt=prompt)
    found = press.scores(prefill(decoders(kind, attention), CONTEXT))
    for ours, theirs in zip(found, eager_scores(decoders(kind, "eager"), CONTEXT, prompt), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6)


def test_sliding_layers_read_the_repetition_too(decoders):
    model = decoders("gemma3", "eager")
    found = KVzip(0.5, chunk=25, lead=3).scores(prefill(model, CONTEXT))
    with torch.no_grad():
        cache = DynamicCache(config=model.config)
        model(CONTEXT, cache=cache)
        most = [torch.zeros_like(each) for each in found]
        for start, end in PIECES:
            seen = model(CONTEXT[:, start:end], cache=copy.deepcopy(cache), output_attentions=True).attentions
            for number, each in enumerate(seen[1:]):  # the first layer slides
                most[number] = torch.maximum(most[number], each.unflatten(1, (2, -1))[..., :N].amax(dim=(2, 3)))
    for ours, theirs in zip(found, most, strict=True):
        assert torch.allclose(ours, theirs, atol=2e-6)


@pytest.mark.parametrize("ratio", [0.3, 0.7, 0.95])
def test_the_lowest_of_all_layers_and_heads_go(decoders, ratio):
    model, press = decoders("llama"), KVzip(ratio, chunk=25, lead=3)
    read = prefill(model, CONTEXT)
    scores = torch.stack(press.scores(read), dim=1)  # (batch, layers, heads, n)
    chosen = torch.stack(list(chosen_by_layer(read.press(press)).values()), dim=1)
    count = int(N * (1 - ratio) + 1e-9)
    assert chosen.flatten(1).sum(dim=1).tolist() == [6 * count] * 2
    if count < 4:
        assert chosen[..., :count].all()
        return
    assert chosen[..., :4].all()
    for row in range(2):
        kept, gone = (scores[row][..., 4:][mask[row][..., 4:]] for mask in (chosen, ~chosen))
        assert kept.min() >= gone.max()


def test_uniform_keeps_the_same_count_in_each_head(decoders):
    press = KVzip(0.6, chunk=25, lead=3, uniform=True)
    read = prefill(decoders("llama"), CONTEXT)
    cache = read.press(press)
    assert cache.kept == [[[24, 24]] * 2] * 3
    for mask, scores in zip(chosen_by_layer(cache).values(), press.scores(read), strict=True):
        assert mask[..., :4].all()
        best = scores[..., 4:].topk(20, dim=-1).indices.sort(dim=-1).values + 4
        assert torch.equal(mask[..., 4:].nonzero()[:, -1].view(best.shape) + 4, best)


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_what_was_read_stays_as_it_is(decoders, kind):
    read = prefill(decoders(kind), CONTEXT)
    before = [(layer.keys.clone(), layer.values.clone(), layer.get_seq_length()) for layer in read.cache.layers]
    one = read.press(KVzip(0.5, chunk=25))
    for (keys, values, length), layer in zip(before, read.cache.layers, strict=True):
        assert torch.equal(keys, layer.keys)
        assert torch.equal(values, layer.values)
        assert length == layer.get_seq_length()
    assert one.kept == read.press(KVzip(0.5, chunk=25)).kept
    assert read.press(SnapKV(0.5, window=8)).kept == compress(decoders(kind), CONTEXT, SnapKV(0.5, window=8)).kept


@pytest.mark.parametrize("kind", ["llama", "gemma3"])
@pytest.mark.parametrize("question", [None, tokens(5, seed=1)])
def test_left_padded_rows_come_out_as_alone(decoders, kind, question):
    model, press = decoders(kind), KVzip(0.5, chunk=25, lead=3)
    ids, mask = CONTEXT.clone(), torch.ones_like(CONTEXT)
    ids[1, :19], mask[1, :19] = 0, 0
    both = chosen_by_layer(compress(model, ids, press, mask=mask, question=question))
    for row, start in ((0, 0), (1, 19)):
        alone = chosen_by_layer(compress(model, ids[row : row + 1, start:], press, question=question))
        for layer, chosen in alone.items():
            assert torch.equal(both[layer][row, :, start:], chosen[0])
            assert not both[layer][row, :, :start].any()


def test_right_padding_before_a_window_is_refused(decoders):
    ids, mask = CONTEXT.clone(), torch.ones_like(CONTEXT)
    ids[1, -19:], mask[1, -19:] = 0, 0
    with pytest.raises(UsageError, match="pad on the left"):
        compress(decoders("gemma3"), ids, KVzip(0.5), mask=mask)


def test_the_question_looks_as_well(decoders):
    model, question = decoders("llama", "eager"), tokens(5, seed=1)
    press = KVzip(0.5, chunk=25, lead=3)
    read = prefill(model, CONTEXT, question=question)
    with torch.no_grad():
        seen = model(torch.cat([CONTEXT, question.expand(2, -1)], dim=1), output_attentions=True).attentions
    for found, weights in zip(press.scores(read), seen, strict=True):
        asked = weights.unflatten(1, (2, -1))[..., -5:, :N].amax(dim=(2, 3))
        assert (found[..., :N] >= asked - 1e-6).all()
    assert sum(sum(heads[0]) for heads in read.press(press).kept) == 6 * 30


def test_in_a_with_block_the_model_is_left_as_it_was(decoders):
    model, press = decoders("llama"), KVzip(0.5, chunk=25)
    attention = model.model.layers[0].self_attn
    hooks = len(attention._forward_hooks)
    with press(model), torch.no_grad():
        cache = model(CONTEXT).cache
    assert cache.kept == compress(model, CONTEXT, press).kept
    del cache  # as long as a pruned cache exists, its model has the hooks that read it
    assert len(attention._forward_hooks) == hooks


def test_embeddings_cannot_be_repeated(decoders):
    model = decoders("llama")
    with KVzip(0.5)(model), torch.no_grad(), pytest.raises(UsageError, match="no ids to repeat"):
        model(inputs_embeds=model.model.embed_tokens(CONTEXT))


def test_a_layer_alone_has_no_scores(decoders):
    with pytest.raises(UsageError, match="alone"):
        KVzip(0.5).score(prefill(decoders("llama"), CONTEXT).views[0])


@pytest.mark.parametrize("options", [{"chunk": 0}, {"lead": -1}, {"sinks": 1.5}, {"prompt": (3, -1)}])
def test_parameters_out_of_range_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        KVzip(0.5, **options)
