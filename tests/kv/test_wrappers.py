"""What each wrapper makes of scores that are given, by hand; and what holds of every wrapper, whatever the scores."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.matrix import wrapped  # noqa: E402
from kv.models import Given, chosen_by_layer, places, tokens, view_of  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    AdaKV,
    Adaptive,
    ByteBudget,
    ChunkKV,
    Composed,
    CriticalKV,
    Knorm,
    KVzip,
    PerLayer,
    PyramidKV,
    SnapKV,
    ThinK,
    TokenBudget,
    compress,
    prefill,
)
from ctxprune.kv.selection import keep_count, top  # noqa: E402
from ctxprune.kv.wrappers.criticalkv import output_norms  # noqa: E402

TWO = torch.tensor([[[9.0, 8, 7, 6, 5], [1, 4, 2, 3, 0]]])


def test_adakv_keeps_the_highest_of_the_layer_and_each_heads_safe_ones():
    view = view_of(TWO)
    assert places(AdaKV(Given(0.4, TWO), safeguard=0.0).plan(view).chosen) == [[0, 1, 2, 3, 4], [1]]
    assert places(AdaKV(Given(0.4, TWO), safeguard=0.7).plan(view).chosen) == [[0, 1, 2, 3], [1, 3]]
    assert places(AdaKV(Given(0.4, TWO), safeguard=1.0).plan(view).chosen) == [[0, 1, 2], [1, 2, 3]]


def test_adakv_does_not_count_the_question():
    scores = torch.cat([TWO, torch.zeros(1, 2, 2)], dim=-1)
    chosen = AdaKV(Given(0.4, scores), safeguard=0.7).plan(view_of(scores, question=2)).chosen
    assert places(chosen) == [[0, 1, 2, 3, 5, 6], [1, 3, 5, 6]]


def test_chunks_stay_whole_by_their_mean_over_tokens():
    scores = torch.tensor(
        [[[0.0, 9, 4, 4, 1, 1, 8], [0, 0, 4, 4, 1, 1, 0]]]
    )  # means of chunks 4.5, 8, 2, and 8 of the short one

    def kept(count):
        return places(ChunkKV(Given(), chunk=2).plan(view_of(scores), kept=count).chosen)

    assert kept(3) == [[2, 3, 6]] * 2
    assert kept(4) == [[2, 3, 6]] * 2  # no chunk of two fits into the place that is left
    assert kept(5) == [[0, 1, 2, 3, 6]] * 2
    assert kept(2) == [[2, 3]] * 2
    assert kept(1) == [[6]] * 2
    alone = scores[..., :6]
    assert places(ChunkKV(Given(0.9, alone), chunk=3).plan(view_of(alone)).chosen) == [[0, 1, 2]] * 2  # one in any case


def test_chunks_take_what_is_pinned_or_dropped_already_as_the_ends_of_the_range():
    scores = torch.tensor([[[float("-inf"), 9, 4, 4, float("inf"), 1]]])
    assert places(ChunkKV(Given(0.6, scores), chunk=2).plan(view_of(scores)).chosen) == [[0, 1]]


@torch.no_grad()
def test_criticalkv_weights_scores_by_what_the_output_projection_makes_of_values(decoders):
    view = prefill(decoders("qwen2"), tokens(20)).views[1]
    weight, width, group = view.attention.module.o_proj.weight, view.head_dim, 2
    for head, token in [(0, 0), (1, 7), (1, 19)]:
        value = view.values[0, head, token]
        of_heads = [
            (weight[:, query * width : (query + 1) * width] @ value).abs().sum()
            for query in range(head * group, (head + 1) * group)
        ]
        assert output_norms(view)[0, head, token].item() == pytest.approx(sum(of_heads).item() / group, rel=1e-5)


def test_criticalkv_fills_half_by_scores_and_the_rest_by_weighted_scores(decoders):
    view = prefill(decoders("llama"), tokens(20)).views[0]
    scores = torch.rand(1, 2, 20, generator=torch.Generator().manual_seed(3))
    chosen = CriticalKV(Given(0.6, scores)).plan(view).chosen
    first = top(scores, 4)
    weighted = (scores + 1e-4) * output_norms(view)
    rest = top(weighted.masked_fill(first, -1), 4)
    assert torch.equal(chosen, first | rest)
    assert not torch.equal(chosen, top(scores, 8))
    assert torch.equal(CriticalKV(Given(0.6, scores), first=1.0).plan(view).chosen, top(scores, 8))
    assert torch.equal(CriticalKV(Given(0.6, scores), first=0.0).plan(view).chosen, top(weighted, 8))


def test_criticalkv_refuses_scores_that_are_no_shares(decoders):
    with pytest.raises(UsageError, match="Knorm gives scores below 0"):
        compress(decoders("llama"), tokens(20), CriticalKV(Knorm(0.5)))


def test_adakv_around_criticalkv_shares_out_weighted_scores(decoders):
    view = prefill(decoders("llama"), tokens(20)).views[0]
    scores = torch.rand(1, 2, 20, generator=torch.Generator().manual_seed(3))
    chosen = AdaKV(CriticalKV(Given(0.6, scores), first=0.0), safeguard=0.0).plan(view).chosen
    weighted = (scores + 1e-4) * output_norms(view)
    assert chosen.sum() == 16
    assert weighted[chosen].min() > weighted[~chosen].max()


def test_layers_have_their_own_ratios(decoders):
    cache = compress(decoders("llama"), tokens(60), PerLayer(SnapKV(0.9, window=8), ratios=(0.5, 0.25, 0.75)))
    assert [layer[0] for layer in cache.kept] == [[30, 30], [45, 45], [15, 15]]
    cache = compress(decoders("llama"), tokens(60), PerLayer(SnapKV(0.9, window=8), ratios=(0.5, 0.75)))
    assert [layer[0][0] for layer in cache.kept] == [30, 30, 15]
    assert PerLayer(SnapKV(0.9), ratios=(0.5, 0.75)).ratio == 0.625
    with pytest.raises(UsageError, match="4 ratios for 3 layers"):
        compress(decoders("llama"), tokens(60), PerLayer(SnapKV(0.9), ratios=(0.5,) * 4))


def test_a_composed_press_chooses_among_what_is_left():
    one, two = torch.tensor([[[5.0, 4, 3, 2, 1, 0]]]), torch.tensor([[[0.0, 1, 2, 3, 4, 5]]])
    press = Composed((Given(1 / 3, one), Given(0.5, two)))
    assert places(press.plan(view_of(one)).chosen) == [[2, 3]]
    assert press.ratio == pytest.approx(2 / 3)
    assert press.budget(view_of(one)) == 2
    assert Composed((SnapKV(0.1), SnapKV(0.1), SnapKV(0.2))).ratio == 0.352  # in decimal


def test_a_composed_press_takes_nothing_from_heads_that_have_little():
    scores = torch.tensor([[[9.0, 8, 7, 6, 5, 5], [1, 4, 2, 3, 0, 0]]])
    first = AdaKV(Given(0.5, scores), safeguard=0.0)
    chosen = Composed((first, Given(0.4, scores.flip(-1)))).plan(view_of(scores)).chosen
    assert places(first.plan(view_of(scores)).chosen) == [[0, 1, 2, 3, 4], [1]]
    assert places(chosen) == [[4], [1]]  # three on the mean, of which 3/6 stay


def test_composed_edits_come_last(decoders):
    model = decoders("llama")
    cache = compress(model, tokens(60), Composed((Knorm(0.5), ThinK(Knorm(0.5), channels=0.5))))
    assert cache.layers[0].kept.keys.kind == "thinned"
    assert cache.kept[0] == [[15, 15]]


@pytest.mark.parametrize("name", sorted(wrapped(0.5)))
def test_rows_of_a_batch_come_out_as_they_would_alone(decoders, name):
    if name == "byte_budget.v1":
        pytest.skip("the budget is one for all rows")
    model, press = decoders("llama"), wrapped(0.6)[name]
    rows = tokens(40, rows=3)
    whole = chosen_by_layer(compress(model, rows, press))
    padded, mask = rows.clone(), torch.ones_like(rows)
    padded[1, :7], mask[1, :7] = 0, 0
    padded[2, -5:], mask[2, -5:] = 0, 0
    short = chosen_by_layer(compress(model, padded, press, mask=mask))
    for number in range(3):
        alone = chosen_by_layer(compress(model, rows[number : number + 1], press))
        cut = chosen_by_layer(compress(model, rows[number : number + 1, mask[number].bool()], press))
        for layer, chosen in alone.items():
            assert torch.equal(whole[layer][number], chosen[0])
            assert torch.equal(short[layer][number][:, mask[number].bool()], cut[layer][0])
            assert not short[layer][number][:, ~mask[number].bool()].any()


@pytest.mark.parametrize("name", sorted(wrapped(0.5)))
def test_a_question_looks_and_is_not_kept(decoders, name):
    model, press = decoders("llama"), wrapped(0.6)[name]
    one = compress(model, tokens(40), press, question=tokens(6, seed=3))
    two = compress(model, tokens(40), press, question=tokens(6, seed=3))
    assert one.kept == two.kept
    assert one.get_seq_length() == 40
    assert max(count for layer in one.kept for count in layer[0]) <= 40


@settings(max_examples=60, deadline=None)
@given(
    heads=st.integers(1, 4),
    count=st.integers(1, 30),
    question=st.integers(0, 3),
    ratio=st.sampled_from([0.0, 0.1, 0.37, 0.5, 0.9, 0.99]),
    share=st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    seed=st.integers(0, 9),
)
def test_counts_are_kept_whatever_the_scores(heads, count, question, ratio, share, seed):
    stream = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 5, (2, heads, count + question), generator=stream).float()  # with many ties
    view, inner = view_of(scores, question=question), Given(ratio)
    kept = keep_count(count, ratio)

    def context(press):
        chosen = press.plan(view).chosen
        assert bool(chosen[..., count:].all())
        return chosen[..., :count]

    ada = context(AdaKV(inner, safeguard=share))
    assert ada.sum(dim=(1, 2)).tolist() == [kept * heads] * 2
    sure = top(scores[..., :count], int(kept * share)) if kept < count else ada
    assert bool(ada[sure].all())
    assert int(ada.sum(dim=-1).min()) >= 1
    chunks = context(ChunkKV(inner, chunk=4))
    assert bool((chunks == chunks[:, :1]).all())
    assert all(len({*piece.tolist()}) == 1 for row in chunks[:, 0] for piece in row.split(4))
    fits = min(4, count % 4 or 4) <= kept
    assert int(chunks[:, 0].sum(dim=-1).max()) <= (kept if fits else 4)
    assert int(chunks[:, 0].sum(dim=-1).min()) >= 1
    few = context(TokenBudget(inner, tokens=7))
    assert few.sum(dim=-1).flatten().tolist() == [min(7, count)] * (2 * heads)
    assert int(context(TokenBudget(ChunkKV(inner, chunk=9), tokens=7)).sum(dim=(1, 2)).max()) <= 7 * heads
    both = context(Composed((inner, AdaKV(Given(share * 0.9, factor=-1.0)))))
    assert int(both.sum(dim=(1, 2)).max()) <= max(int(kept * (1 - share * 0.9)) + 1, 1) * heads
    assert bool((context(inner) | ~both).all())
    if heads == 1:
        assert torch.equal(ada, context(inner))


def test_wrappers_stand_around_presses_that_look_at_all_layers(decoders):
    model = decoders("llama")
    read = prefill(model, tokens(40))
    press = AdaKV(KVzip(0.5, chunk=20))
    assert press.joint
    cache = read.press(press)
    assert all(sum(layer[0]) == 40 for layer in cache.kept)
    assert compress(model, tokens(40), press).kept == cache.kept
    mask = torch.ones(2, 40, dtype=torch.long)
    mask[0, :9] = 0
    padded = chosen_by_layer(compress(model, tokens(40, rows=2), press, mask=mask))
    alone = chosen_by_layer(compress(model, tokens(40, rows=2)[:1, 9:], press))
    assert all(torch.equal(padded[layer][0, :, 9:], alone[layer][0]) for layer in alone)


def test_a_wrapper_keeps_the_inner_budgets(decoders):
    inner = PyramidKV(0.5, window=4, beta=4)
    plain = compress(decoders("llama"), tokens(60), inner).kept
    shared = compress(decoders("llama"), tokens(60), AdaKV(inner)).kept
    assert [sum(layer[0]) for layer in plain] == [sum(layer[0]) for layer in shared]
    assert len({sum(layer[0]) for layer in plain}) == 3


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AdaKV(0.5), "AdaKV got a float: a press"),
        (lambda: AdaKV(SnapKV(), safeguard=1.5), "safeguard is 1.5: a share, from 0 to 1"),
        (lambda: ChunkKV(SnapKV(), chunk=0), "chunk is 0: give a whole number from 1 up"),
        (lambda: CriticalKV(SnapKV(), first=-1), "first is -1: a share"),
        (lambda: CriticalKV(SnapKV(), epsilon=float("nan")), "epsilon is nan"),
        (lambda: PerLayer(SnapKV()), "has no ratios"),
        (lambda: PerLayer(SnapKV(), ratios=(0.5, 1.0)), r"ratios\[1\] is 1.0"),
        (lambda: Composed((SnapKV(),)), "got 1 presses"),
        (lambda: Composed((SnapKV(), KVzip())), "KVzip is a joint press"),
        (lambda: AdaKV(Composed((SnapKV(), Knorm()))), "put AdaKV inside Composed"),
        (lambda: ThinK(Adaptive(SnapKV())), "put ThinK inside Adaptive"),
        (lambda: TokenBudget(SnapKV(), tokens=True), "tokens is True"),
        (lambda: ByteBudget(SnapKV(), nbytes=0), "nbytes is 0"),
        (lambda: Adaptive(SnapKV(), floor=2), "floor is 2"),
        (lambda: Adaptive(SnapKV(), ceiling=0.5), "ceiling is 0.5"),
        (lambda: ThinK(SnapKV(), channels=1.0), "channels is 1.0"),
        (lambda: ThinK(SnapKV(), window=0), "window is 0"),
    ],
)
def test_parameters_are_checked(build, message):
    with pytest.raises(UsageError, match=message):
        build()


def test_what_a_wrapper_did_is_told():
    told = AdaKV(SnapKV(0.3)).describe()
    assert (told["press"], told["ratio"], told["safeguard"]) == ("AdaKV", 0.3, 0.2)
    assert told["inner"] == SnapKV(0.3).describe()
