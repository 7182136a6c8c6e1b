"""Expected attention against the average over sampled later queries, and its mean rotation against the models' own."""

from __future__ import annotations

import copy
import re
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.architectures import SCALED, build  # noqa: E402
from kv.models import DECODERS, SIZES, decoder, tokens  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import ExpectedAttention, compress, prefill  # noqa: E402

N, AHEAD = 60, 16


def rotated(view, states):
    """`states` (..., d) turned by the mean of the rotations of the next positions, each taken by itself."""
    flat = states.reshape(1, 1, -1, states.shape[-1])
    cos, sin = (each[:, :, None].expand(-1, -1, flat.shape[2], -1) for each in view.future(AHEAD))
    turned = [view.attention.rotate(flat, cos[:, at], sin[:, at]) for at in range(AHEAD)]
    return torch.stack(turned).mean(dim=0).view(states.shape)


@torch.no_grad()
def statistics(view):
    queries = view.raw_inputs(4).queries[0].double()
    mean = queries.mean(dim=1)
    return mean, torch.stack([torch.cov(each.T, correction=0) for each in queries])


@pytest.mark.parametrize("kind", list(DECODERS))
def test_later_positions_are_those_of_the_model(decoders, kind):
    model = decoders(kind)
    short, long = prefill(model, tokens(N)), prefill(model, tokens(N + AHEAD))
    for one, other in zip(short.views, long.views, strict=True):
        cos, sin = one.future(AHEAD)
        assert torch.equal(cos[0], other.cos[0, N:])
        assert torch.equal(sin[0], other.sin[0, N:])


@pytest.mark.parametrize("kind", ["llama", "phi", "gemma3"])
@torch.no_grad()
def test_scores_are_the_closed_form(decoders, kind):
    for view in prefill(decoders(kind), tokens(N)).views:
        mean, spread = statistics(view)
        width = view.head_dim
        turn = rotated(view, torch.eye(width)).double().T  # columns are turned basis vectors
        expected = torch.zeros(view.kv_heads, N - 4, dtype=torch.double)
        group = len(mean) // view.kv_heads
        for head in range(len(mean)):
            keys = view.keys[0, head // group, 4:].double() * view.rule.scaling
            middle, around = turn @ mean[head], turn @ spread[head] @ turn.T
            logits = torch.stack([key @ middle + key @ around @ key / 2 for key in keys])
            expected[head // group] += logits.softmax(dim=0) / group
        norms = view.values[0, :, 4:].norm(dim=-1)
        scores = ExpectedAttention(future=AHEAD).score(view)[0]
        assert torch.allclose(scores[:, 4:].double(), expected * norms, rtol=1e-4)
        assert (scores[:, :4] > scores[:, 4:].max()).all()
        added = ExpectedAttention(future=AHEAD, epsilon=0.5).score(view)[0]
        assert torch.allclose(added[:, 4:].double(), (expected + 0.5) * norms, rtol=1e-4)


@torch.no_grad()
def test_expected_attention_is_the_average_over_sampled_queries(decoders):
    view = prefill(decoders("qwen2"), tokens(N)).views[1]
    mean, spread = statistics(view)
    torch.manual_seed(0)
    expected = torch.zeros(view.kv_heads, N - 4, dtype=torch.double)
    group = len(mean) // view.kv_heads
    for head in range(len(mean)):
        around = spread[head] + 1e-9 * torch.eye(12)
        sampled = torch.distributions.MultivariateNormal(mean[head], around).sample((40_000,))
        later = rotated(view, sampled.float())
        paid = (later @ view.keys[0, head // group, 4:].T * view.rule.scaling).double().exp().mean(dim=0)
        expected[head // group] += paid / paid.sum() / group
    scores = ExpectedAttention(future=AHEAD).score(view)[0, :, 4:] / view.value_norms[0, :, 4:]
    assert torch.allclose(scores.double(), expected, rtol=0.02)


def test_the_mean_query_alone_is_what_no_covariance_leaves(decoders):
    view = prefill(decoders("llama"), tokens(N)).views[0]
    with torch.no_grad():
        mean, _ = statistics(view)
        keys = view.keys[0, :, 4:].repeat_interleave(2, dim=0)
        logits = torch.einsum("hd,hnd->hn", rotated(view, mean.float()), keys)
        paid = (logits * view.rule.scaling).softmax(dim=-1).view(2, 2, -1).mean(dim=1)
        scores = ExpectedAttention(future=AHEAD, covariance=False).score(view)[0, :, 4:]
    assert torch.allclose(scores, paid * view.value_norms[0, :, 4:], rtol=1e-4)


@torch.no_grad()
def test_positions_of_a_padded_row_go_on_from_its_own(decoders):
    model, ids = decoders("llama"), tokens(N)
    padded = torch.cat([torch.zeros(1, 7, dtype=torch.long), ids], dim=1)
    mask = torch.ones_like(padded)
    mask[:, :7] = 0
    read = prefill(model, padded, mask=mask)
    view = read.views[1].row(0, read.real[0].nonzero()[:, 0])
    alone = prefill(model, ids).views[1]
    assert torch.equal(view.future(AHEAD)[0], alone.future(AHEAD)[0])
    assert torch.allclose(ExpectedAttention().score(view), ExpectedAttention().score(alone), atol=1e-6)


def test_a_question_changes_nothing(decoders):
    model, press = decoders("qwen2"), ExpectedAttention(0.6)
    one = compress(model, tokens(N), press)
    two = compress(model, tokens(N), press, question=tokens(9, seed=3))
    for blind, aware in zip(one.layers, two.layers, strict=True):
        assert torch.equal(blind.kept.columns, aware.kept.columns)


# Projections with biases, norms of heads, joint projections, norms of all heads, gates, scales by position.
@pytest.mark.parametrize(
    "name", ["llama", "qwen2", "qwen3", "phi3", "gpt2", "olmo2", "qwen3_next", "llama4_text", "ministral3", "cohere2"]
)
@torch.no_grad()
def test_queries_alone_are_those_of_the_module(name):
    model = build(name, **SCALED.get(name, {}))
    checked = 0
    for view in prefill(model, tokens(N)).views:
        checked += 1
        try:
            expected = view.raw_inputs(4, N - 3).queries
        except UsageError as error:
            with pytest.raises(UsageError, match=re.escape(str(error))):
                view.raw_queries(4, N - 3)
            continue
        assert torch.equal(view.raw_queries(4, N - 3), expected)
    assert checked


@torch.no_grad()
def test_keys_and_values_are_not_made_again_for_a_whole_context(decoders):
    view, lengths = prefill(decoders("qwen2"), tokens(N)).views[1], []
    handle = view.attention.module.v_proj.register_forward_hook(
        lambda module, args, output: lengths.append(args[0].shape[1])
    )
    ExpectedAttention(0.5).score(view)
    handle.remove()
    assert max(lengths) <= 2


@pytest.mark.parametrize(("count", "kept"), [(1, [0]), (3, [2]), (4, [2, 3]), (5, [0, 1])])
def test_of_contexts_not_longer_than_the_sinks_the_last_tokens_stay(decoders, count, kept):
    cache = compress(decoders("llama"), tokens(count), ExpectedAttention(0.5))
    assert cache.layers[0].kept.columns.view(2, -1).tolist() == [kept, kept]


def test_lengths_change_no_frequencies_of_the_model():
    from transformers import LlamaConfig, LlamaForCausalLM

    rope = {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 10000.0}
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "max_position_embeddings": 64}, rope_parameters=rope)).eval()
    before = copy.deepcopy(model.model.rotary_emb.inv_freq)
    compress(model, tokens(40), ExpectedAttention(0.5))
    assert torch.equal(model.model.rotary_emb.inv_freq, before)


def test_a_model_without_a_shared_rotary_embedding_is_refused():
    model = decoder("llama")
    read = prefill(model, tokens(20))
    with pytest.raises(UsageError, match="no rotary embedding shared"):
        ExpectedAttention(0.5).score(replace(read.views[0], rotary=None))


@pytest.mark.parametrize("options", [{"future": 0}, {"sinks": -1}, {"epsilon": -0.1}, {"epsilon": float("nan")}])
def test_parameters_out_of_range_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        ExpectedAttention(0.5, **options)
