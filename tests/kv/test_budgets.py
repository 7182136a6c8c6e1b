"""Budgets of tokens and bytes hold, whatever the context; layers share one budget by need."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from dataclasses import dataclass  # noqa: E402

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from kv.models import Given, tokens, view_of  # noqa: E402

from ctxprune.errors import BudgetError  # noqa: E402
from ctxprune.kv import (  # noqa: E402
    AdaKV,
    Adaptive,
    ByteBudget,
    ChunkKV,
    Kivi,
    Knorm,
    Merge,
    PerLayer,
    PyramidKV,
    Random,
    SnapKV,
    ThinK,
    TokenBudget,
    compress,
    prefill,
)
from ctxprune.kv.reading.prefilled import Prefilled  # noqa: E402
from ctxprune.kv.selection import keep_count  # noqa: E402
from ctxprune.kv.wrappers.adaptive import cumulative_shares  # noqa: E402

INNERS = [
    Knorm(0.3),
    AdaKV(SnapKV(0.5, window=4)),
    ChunkKV(SnapKV(0.5, window=4), chunk=7),
    PyramidKV(0.5, window=2, beta=5),
    PerLayer(Random(), ratios=(0.1, 0.8)),
    ThinK(Knorm(0.5), channels=0.5),
    Merge(AdaKV(SnapKV(0.5, window=4))),
]


STORAGES = [
    None,
    Kivi(bits=8),
    Kivi(bits=4, group=8, residual=4),
    Kivi(bits=2, group=16, residual=0),
    Kivi(bits=4, group=16, residual=16, grow=True),
]


def a_token(read):
    """Bytes of one token in all heads of all layers, with its places."""
    view = read.views[0]
    return len(read.views) * view.kv_heads * (2 * view.head_dim * view.keys.element_size() + 2)


def test_a_token_budget_is_the_same_for_every_length(decoders):
    press = TokenBudget(SnapKV(0.9, window=4), tokens=16)
    for count, kept in [(8, 8), (16, 16), (17, 16), (60, 16)]:
        cache = compress(decoders("llama"), tokens(count), press)
        assert cache.kept == [[[kept, kept]]] * 3


@pytest.mark.parametrize("inner", [SnapKV(0.5, window=4), AdaKV(SnapKV(0.5, window=4))])
@pytest.mark.parametrize("kind", ["llama", "gemma3"])
def test_a_byte_budget_is_used_up(decoders, kind, inner):
    read = prefill(decoders(kind), tokens(60))
    whole = read.press(Knorm(0.0)).nbytes
    least = read.press(TokenBudget(Knorm(0.0), tokens=1)).nbytes + 8
    for budget in (least, least + 1, (least + whole) // 2, whole, 2 * whole):
        cache = read.press(ByteBudget(inner, nbytes=budget))
        assert cache.nbytes <= budget
        assert budget - cache.nbytes < a_token(read) + 8 or cache.kept == [[[60, 60]]] * len(read.views)
    with pytest.raises(BudgetError, match=f"one token a head takes {least} bytes, {least - 1} are allowed"):
        read.press(ByteBudget(inner, nbytes=least - 1))


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 70),
    rows=st.integers(1, 2),
    left=st.integers(0, 5),
    question=st.booleans(),
    inner=st.sampled_from(INNERS),
    share=st.floats(0.01, 1.1),
    storage=st.sampled_from(STORAGES),
    positions=st.sampled_from(["original", "rerotated"]),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
)
def test_a_byte_budget_is_never_exceeded(
    decoders, count, rows, left, question, inner, share, storage, positions, dtype
):
    if isinstance(inner, ThinK):
        storage, positions = None, "original"
    model = decoders("qwen3", dtype=dtype)
    mask = torch.ones(rows, count, dtype=torch.long)
    mask[0, : min(left, count - 1)] = 0
    ids, asked = tokens(count, rows), tokens(4, seed=2) if question else None
    read = prefill(model, ids, mask=mask if left else None, question=asked)
    budget = int(share * read.press(Knorm(0.0)).nbytes) + 1
    try:
        cache = read.press(ByteBudget(inner, nbytes=budget), storage=storage, positions=positions)
    except BudgetError:
        few = read.press(TokenBudget(Knorm(0.0), tokens=1), storage=storage)
        assert few.nbytes + 8 * rows > budget  # one token a head, and how far positions move
        return
    assert 0 < cache.nbytes <= budget


@pytest.mark.parametrize("storage", STORAGES)
def test_a_byte_budget_keeps_the_most_tokens_that_fit(decoders, storage):
    read = prefill(decoders("qwen3"), tokens(70))
    sizes = {kept: read.press(TokenBudget(Knorm(), tokens=kept), storage=storage).nbytes for kept in range(1, 71)}
    for budget in range(sizes[1] + 8, max(sizes.values()) + 3000, 2777):
        kept = read.press(ByteBudget(Knorm(), nbytes=budget), storage=storage).kept
        most = max(count for count, size in sizes.items() if size + 8 <= budget)
        assert kept == [[[most, most]]] * 3


def test_a_byte_budget_follows_the_inner_budgets(decoders):
    read = prefill(decoders("llama"), tokens(60))
    whole = read.press(Knorm(0.0)).nbytes
    kept = [layer[0][0] for layer in read.press(ByteBudget(PyramidKV(0.5, window=2), nbytes=whole // 3)).kept]
    assert kept[0] > kept[1] > kept[2]


def test_a_byte_budget_works_while_reading(decoders):
    model, press = decoders("qwen2"), ByteBudget(SnapKV(window=4), nbytes=9000)
    assert compress(model, tokens(60), press).kept == prefill(model, tokens(60)).press(press).kept
    with press(model):
        text = model.generate(tokens(60), max_new_tokens=3, do_sample=False, eos_token_id=None)
    assert text.shape == (1, 63)


@dataclass(frozen=True)
class Boastful:
    """A storage that counts half of what it takes."""

    def pack(self, keys, values, counts):
        from ctxprune.kv.cache.store import Plain

        return Plain(keys.clone()), Plain(values.clone())

    def nbytes(self, tokens, head_dim, itemsize):
        return tokens * head_dim * itemsize


def test_a_storage_that_counts_wrongly_is_found_out(decoders):
    with pytest.raises(BudgetError, match="the storage counts fewer bytes than it takes"):
        compress(decoders("llama"), tokens(60), ByteBudget(SnapKV(), nbytes=9000), storage=Boastful())


def test_a_share_of_scores_is_held_by_the_highest_tokens():
    scores = torch.tensor([[4.0, 2, 1, 2, 0]])
    assert cumulative_shares(scores).tolist() == pytest.approx([4 / 9, 6 / 9, 8 / 9, 1, 1])
    assert cumulative_shares(torch.cat([scores, torch.ones(1, 5)])).tolist()[:2] == pytest.approx(
        [(4 / 9 + 0.2) / 2, 16 / 30]
    )
    pinned = torch.tensor([[4.0, 2, 1, 2, 0, 9, 9]])  # a window of two counts as the next highest
    assert cumulative_shares(pinned).tolist()[:3] == pytest.approx([4 / 17, 8 / 17, 12 / 17])
    assert cumulative_shares(-scores).tolist() == pytest.approx([4 / 11, 7 / 11, 9 / 11, 1, 1])


def read_of(*layers):
    views = [view_of(each, order=number, layers=len(layers)) for number, each in enumerate(layers)]
    return Prefilled(None, None, None, None, views=views)


def test_layers_that_spread_their_scores_keep_more():
    peaked = torch.tensor([[[10.0, 5, 0, 0, 0, 0, 0, 0]]])
    spread = torch.tensor([[[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 0]]])
    plans = Adaptive(Given(0.5), floor=0.0).plans(read_of(peaked, spread))
    assert [int(plan.chosen.sum()) for plan in plans] == [2, 6]
    plans = Adaptive(Given(0.5), floor=0.75).plans(read_of(peaked, spread))
    assert [int(plan.chosen.sum()) for plan in plans] == [3, 5]
    plans = Adaptive(Given(0.5), ceiling=1.25).plans(read_of(spread, peaked))
    assert [int(plan.chosen.sum()) for plan in plans] == [5, 3]


@settings(max_examples=60, deadline=None)
@given(
    layers=st.integers(1, 4),
    count=st.integers(1, 30),
    ratio=st.sampled_from([0.0, 0.1, 0.5, 0.9]),
    floor=st.sampled_from([0.0, 0.25, 1.0]),
    ceiling=st.sampled_from([1.0, 1.5, 3.0, 100.0]),
    seed=st.integers(0, 20),
)
def test_adaptive_layers_keep_the_total(layers, count, ratio, floor, ceiling, seed):
    stream = torch.Generator().manual_seed(seed)
    scores = [torch.randint(-2, 5, (2, 2, count), generator=stream).float() ** 3 for _ in range(layers)]
    press = Adaptive(Given(ratio), floor=floor, ceiling=ceiling)
    kept = torch.stack([plan.chosen.sum(dim=-1) for plan in press.plans(read_of(*scores))])  # (layers, rows, heads)
    mean = keep_count(count, ratio)
    assert torch.equal(kept[..., 0], kept[..., 1])
    assert kept[..., 0].sum(dim=0).tolist() == [layers * mean] * 2
    assert int(kept.min()) >= max(int(mean * floor), 1)
    assert int(kept.max()) <= min(-int(-mean * ceiling // 1), count)
    again = torch.stack([plan.chosen.sum(dim=-1) for plan in press.plans(read_of(*scores))])
    assert torch.equal(kept, again)


def test_adaptive_counts_follow_the_context(decoders):
    press, model = Adaptive(SnapKV(0.5, window=8)), decoders("llama")
    found = {tuple(layer[0][0] for layer in compress(model, tokens(60, seed=seed), press).kept) for seed in range(4)}
    assert len(found) > 1
    assert all(sum(counts) == 90 for counts in found)
