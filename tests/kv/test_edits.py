"""Presses that change what stays, each against a slow reference of its own; fixed patterns by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.models import DECODERS, Given, chosen_by_layer, places, reference_logits, tokens, view_of  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import AdaKV, FixedPattern, Knorm, Merge, SnapKV, ThinK, compress, prefill  # noqa: E402
from ctxprune.kv.model.rotary import Rotary  # noqa: E402
from ctxprune.kv.wrappers.merge import mean_by_target, nearest_kept  # noqa: E402
from ctxprune.kv.wrappers.think import channel_scores  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


def thinned(view, share, window):
    """Keys of a layer with the channels zeroed that say least, one number at a time."""
    keys, queries = view.keys.clone(), view.queries(window)
    group = queries.shape[1] // view.kv_heads
    for row in range(len(keys)):
        for head in range(view.kv_heads):
            scores = []
            for channel in range(view.head_dim):
                asked = queries[row, head * group : (head + 1) * group, :, channel]
                scores.append(float((asked**2).mean() * (keys[row, head, :, channel] ** 2).mean()))
            order = sorted(range(view.head_dim), key=lambda channel: -scores[channel])
            keys[row, head, :, order[int(view.head_dim * (1 - share)) :]] = 0
    return keys


@pytest.mark.parametrize("kind", list(DECODERS))
@torch.no_grad()
def test_thin_keys_are_keys_with_zeros(decoders, kind):
    model, press = decoders(kind), ThinK(SnapKV(0.4, window=8), channels=0.5, window=6)
    cache = compress(model, CONTEXT, press)
    edited = {view.attention.layer: (thinned(view, 0.5, 6), view.values) for view in prefill(model, CONTEXT).views}
    expected = reference_logits(model, CONTEXT, QUESTION, chosen_by_layer(cache), edited)
    assert (model(QUESTION, cache=cache).logits - expected).abs().max() < 1e-5


def test_thin_keys_take_fewer_bytes(decoders):
    model = decoders("qwen3")
    plain, thin = (compress(model, CONTEXT, press) for press in (Knorm(0.5), ThinK(Knorm(0.5), channels=0.5)))
    width, kept, heads = 16, 30, 2
    assert thin.kept == plain.kept
    assert plain.nbytes - thin.nbytes == 3 * (kept * heads * width // 2 * 4 - heads * width // 2 * 2 - 4)
    assert thin.layers[0].kept.keys.flat.shape == (kept * heads, width // 2)


@torch.no_grad()
def test_rows_have_their_own_channels(decoders):
    model, press = decoders("llama"), ThinK(Knorm(0.5), channels=0.5, window=8)
    rows = tokens(40, rows=2)
    both = compress(model, rows, press)
    for number in range(2):
        alone = compress(model, rows[number : number + 1], press)
        assert torch.equal(both.layers[1].kept.keys.channels[number], alone.layers[1].kept.keys.channels[0])
        new = QUESTION.expand(2, -1)
        ours = model(new, cache=both.copy()).logits[number]
        assert (ours - model(QUESTION, cache=alone.copy()).logits[0]).abs().max() < 1e-4


def test_with_a_question_its_tokens_pick_the_channels(decoders):
    view = prefill(decoders("llama"), CONTEXT, question=QUESTION).views[0]
    queries = view.queries(5).square().mean(dim=2).view(1, 2, 2, -1).mean(dim=2)
    expected = queries * view.keys[..., :60, :].square().mean(dim=2)
    assert torch.allclose(channel_scores(view, 32), expected)


def test_thin_keys_stand_alone(decoders):
    model = decoders("llama")
    with pytest.raises(UsageError, match="one ThinK"):
        compress(model, CONTEXT, ThinK(ThinK(Knorm(0.5))))
    with pytest.raises(UsageError, match="use positions='original'"):
        compress(model, CONTEXT, ThinK(Knorm(0.5)), positions="rerotated")


def merged(model, view, chosen):
    """Keys and values of a layer after merging, one token at a time."""
    rotary = Rotary(model)
    keys, values = view.keys.clone(), view.values.clone()
    count = view.tokens
    raw = view.raw_inputs().keys
    for row in range(len(keys)):
        for head in range(view.kv_heads):
            stay = chosen[row, head].nonzero()[:, 0].tolist()
            homes = {token: [token] for token in stay}
            for token in range(count):
                if token not in homes:
                    likeness = [
                        float(torch.cosine_similarity(raw[row, head, token], raw[row, head, at], dim=0)) for at in stay
                    ]
                    homes[stay[max(range(len(stay)), key=likeness.__getitem__)]].append(token)
            for at, members in homes.items():
                # Every member's key turned from its own place to that of the kept token, then the mean.
                turned = [
                    rotary.turn(
                        view.attention,
                        view.keys[row : row + 1, head : head + 1, one : one + 1],
                        torch.tensor([[[at - one]]]),
                    )
                    for one in members
                ]
                keys[row, head, at] = torch.stack(turned).mean(dim=0)
                values[row, head, at] = view.values[row, head, members].mean(dim=0)
    return keys, values


@pytest.mark.parametrize("kind", ["llama", "qwen3", "phi", "phi3", "gemma"])
@torch.no_grad()
def test_merging_moves_keys_to_the_kept_tokens_place(decoders, kind):
    model = decoders(kind)
    inner = AdaKV(SnapKV(0.6, window=8))
    cache = compress(model, CONTEXT, Merge(inner))
    chosen = chosen_by_layer(cache)
    assert all(
        torch.equal(chosen[layer], each) for layer, each in chosen_by_layer(compress(model, CONTEXT, inner)).items()
    )
    edited = {
        view.attention.layer: merged(model, view, chosen[view.attention.layer])
        for view in prefill(model, CONTEXT).views
    }
    expected = reference_logits(model, CONTEXT, QUESTION, chosen, edited)
    ours = model(QUESTION, cache=cache).logits
    assert (ours - expected).abs().max() < 1e-4
    plain = reference_logits(model, CONTEXT, QUESTION, chosen)
    assert (plain - expected).abs().max() > 1e-3


def test_merging_nothing_changes_nothing(decoders):
    model = decoders("llama")
    read = prefill(model, CONTEXT)
    for plan in Merge(Knorm(0.0)).plans(read):
        assert plan.keys is None
        assert plan.values is None
    for view, plan in zip(read.views, Merge(Knorm(0.015)).plans(read), strict=True):  # one of 60 is dropped
        changed = (plan.keys != view.keys).any(dim=-1).sum(dim=-1)
        assert int(changed.max()) <= 1


def test_nothing_is_merged_into_the_question(decoders):
    read = prefill(decoders("llama"), CONTEXT, question=QUESTION)
    for view, plan in zip(read.views, Merge(Knorm(0.9)).plans(read), strict=True):
        assert torch.equal(plan.keys[..., 60:, :], view.keys[..., 60:, :])


def test_the_nearest_token_is_that_of_the_highest_cosine():
    keys = torch.tensor([[[[1.0, 0], [0, 2], [5, 1], [1, 3], [-1, 0]]]])
    chosen = torch.tensor([[[True, True, False, False, False]]])
    assert nearest_kept(keys, chosen).tolist() == [[[0, 1, 0, 1, 1]]]
    assert nearest_kept(keys, torch.zeros_like(chosen)).tolist() == [[[0, 1, 2, 3, 4]]]
    means, sizes = mean_by_target(keys, nearest_kept(keys, chosen))
    assert means[0, 0, :2].tolist() == [[3.0, 0.5], [0.0, pytest.approx(5 / 3)]]
    assert sizes.tolist() == [[[2, 3, 0, 0, 0]]]


def test_a_fixed_pattern_is_spaced_evenly():
    def kept(count, sinks, length=20):
        return places(FixedPattern(sinks=sinks).plan(view_of(torch.zeros(1, 1, length)), kept=count).chosen)[0]

    assert kept(4, 0) == [4, 9, 14, 19]
    assert kept(6, 2) == [0, 1, 5, 10, 14, 19]
    assert kept(1, 4) == [19]
    assert kept(3, 4) == [0, 1, 19]
    assert kept(19, 4) == [*range(18), 19]


@settings(max_examples=50, deadline=None)
@given(length=st.integers(1, 80), sinks=st.integers(0, 6), ratio=st.floats(0, 0.99), question=st.integers(0, 3))
def test_a_fixed_pattern_has_its_count(length, sinks, ratio, question):
    press = FixedPattern(ratio, sinks=sinks)
    view = view_of(torch.zeros(1, 2, length + question), question=question)
    chosen = press.plan(view).chosen[0, 0]
    kept = press.budget(view)
    assert int(chosen.sum()) == kept + question
    assert bool(chosen[length - 1 :].all())
    assert bool(chosen[: min(sinks, kept - 1)].all())
    gaps = chosen[:length].nonzero()[:, 0][min(sinks, kept - 1) :].diff()
    assert not len(gaps) or int(gaps.max() - gaps.min()) <= 1
    assert torch.equal(press.score(view)[0, 0] > 0, chosen)


def test_a_wrapper_edits_where_the_press_inside_does():
    assert [press.edits for press in (Given(), Merge(Given()), AdaKV(Merge(Given())))] == [False, True, True]
