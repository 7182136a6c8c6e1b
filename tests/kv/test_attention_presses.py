"""Presses that look at attention, against the weights of an eager forward; PyramidKV's budgets; lazy layers."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import DECODERS, tokens  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    Composed,
    ExpectedAttention,
    ObservedAttention,
    PyramidKV,
    SimLayerKV,
    SnapKV,
    StreamingLLM,
    Tova,
    compress,
    prefill,
)

CONTEXT = tokens(60, rows=2)
N = 60


def views_and_weights(decoders, kind):
    """Views of an eager model, with its attention as (batch, kv_heads, group, n, n)."""
    model = decoders(kind, "eager")
    read = prefill(model, CONTEXT)
    with torch.no_grad():
        seen = model(CONTEXT, output_attentions=True).attentions
    return [(view, seen[view.attention.layer].unflatten(1, (view.kv_heads, -1)).float()) for view in read.views]


@pytest.mark.parametrize("kind", list(DECODERS))
@torch.no_grad()
def test_scores_are_made_from_the_models_own_attention(decoders, kind):
    for view, weights in views_and_weights(decoders, kind):
        observed = weights.sum(dim=-2).mean(dim=2) / (N - torch.arange(N))
        assert torch.allclose(ObservedAttention().score(view), observed, atol=1e-6)
        tova = weights[..., -1, :].mean(dim=(1, 2))
        assert torch.allclose(Tova().score(view)[:, 1, :-1], tova[:, :-1], atol=1e-6)
        means = weights[..., -8:, :-8].mean(dim=-2)
        smooth = torch.zeros_like(means)
        for place in range(N - 8):  # a window of five that counts zeros beyond the ends
            smooth[..., place] = means[..., max(place - 2, 0) : place + 3].sum(dim=-1) / 5
        assert torch.allclose(SnapKV(window=8).score(view)[..., :-8], smooth.mean(dim=2), atol=1e-6)


@torch.no_grad()
def test_observed_attention_does_not_depend_on_the_size_of_blocks(decoders):
    view = prefill(decoders("llama"), tokens(300)).views[1]
    weights = view.weights(300)
    whole = weights.sum(dim=-2).mean(dim=2)
    assert torch.allclose(view.reduce_attention(view.queries(), 0, most=True), weights.amax(dim=(2, 3)), atol=1e-6)
    part = view.reduce_attention(view.queries(90), 210)
    assert torch.allclose(part, weights[..., 210:, :].sum(dim=(2, 3)), atol=1e-5)
    assert torch.allclose(ObservedAttention().score(view), whole / (300 - torch.arange(300)), atol=1e-6)


def test_the_pyramid_falls_in_equal_steps_and_keeps_what_the_ratio_says(decoders):
    view = prefill(decoders("llama"), tokens(100)).views[0]

    def budgets(ratio, layers, **options):
        press = PyramidKV(ratio, **options)
        return [press.budget(replace(view, order=order, layers=layers)) for order in range(layers)]

    assert budgets(0.5, 3, window=10) == [90, 50, 10]  # clipped to all but the window
    assert budgets(0.8, 3, window=1, beta=4) == [35, 20, 5]
    assert budgets(0.6, 2, window=30) == [40, 40]  # the window would not fit into the last layer
    assert budgets(0.8, 1, window=1) == [20]
    assert budgets(0.7, 3, beta=1, window=1) == [30, 30, 30]
    assert budgets(0.0, 3, window=8) == [100, 100, 100]
    for ratio in (0.1, 0.33, 0.5, 0.62, 0.9, 0.99):
        for layers in (2, 3, 4, 7, 28):
            for window in (1, 5):
                made = budgets(ratio, layers, window=window)
                assert sum(made) == layers * max(int(100 - 100 * ratio + 1e-9), 1)
                assert made == sorted(made, reverse=True)
                assert window <= made[-1] or len(set(made)) == 1


@torch.no_grad()
def test_lazy_layers_keep_the_ends_and_the_others_everything(decoders):
    for view, weights in views_and_weights(decoders, "qwen3"):
        ends = torch.zeros(N, dtype=torch.bool)
        ends[:4], ends[-14:] = True, True
        shares = weights[..., -6:, :][..., ends].sum(dim=-1).mean(dim=(1, 2, 3))
        press = SimLayerKV(0.7, last=6, threshold=float(shares.mean()))
        assert shares[0] != shares[1]
        chosen = press.plan(view).chosen
        for row in range(2):
            expected = ends if shares[row] > press.threshold else torch.ones_like(ends)
            assert (chosen[row] == expected).all()


def test_recent_tokens_take_the_place_of_the_ratio(decoders):
    model = decoders("llama")
    cache = compress(model, CONTEXT, SimLayerKV(threshold=0.0, recent=10))
    assert cache.kept == [[[14, 14]] * 2] * 3
    assert compress(model, CONTEXT, SimLayerKV(threshold=1.0, recent=10)).kept == [[[60, 60]] * 2] * 3
    assert compress(model, CONTEXT, SimLayerKV(threshold=0.0, recent=100)).kept == [[[60, 60]] * 2] * 3
    lazy, plain = (compress(model, CONTEXT, press) for press in (SimLayerKV(0.6, threshold=0.0), StreamingLLM(0.6)))
    assert all(
        torch.equal(one.kept.columns, two.kept.columns) for one, two in zip(lazy.layers, plain.layers, strict=True)
    )


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (PyramidKV, {"beta": 0.5}, "beta is 0.5"),
        (PyramidKV, {"beta": float("nan")}, "beta is nan"),
        (SimLayerKV, {"threshold": 1.5}, "threshold is 1.5"),
        (SimLayerKV, {"threshold": True}, "threshold is True"),
        (SimLayerKV, {"recent": 0}, "recent is 0"),
        (SimLayerKV, {"last": 0}, "last is 0"),
    ],
)
def test_parameters_out_of_range_are_named(kind, options, message):
    with pytest.raises(UsageError, match=message):
        kind(0.5, **options)


def test_where_not_all_that_look_fit_the_last_ones_stay(decoders):
    cache = compress(decoders("llama"), tokens(60), SnapKV(0.9, window=16))
    assert cache.layers[0].kept.columns.tolist() == [*range(54, 60)] * 2
    both = compress(decoders("llama"), tokens(60), Composed((StreamingLLM(0.5, sinks=20), SnapKV(0.8, window=16))))
    assert both.layers[0].kept.columns.tolist() == [*range(54, 60)] * 2


def test_sinks_of_expected_attention_do_not_depend_on_other_rows(decoders):
    rows, press = tokens(60, rows=3), ExpectedAttention(0.5)
    views = prefill(decoders("llama"), rows).views
    for number in range(3):
        alone = prefill(decoders("llama"), rows[number : number + 1]).views
        for view, own in zip(views, alone, strict=True):
            assert torch.allclose(press.score(view)[number], press.score(own)[0], atol=1e-5)
