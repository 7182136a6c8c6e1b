"""Allocators of single weights: how many go, and which."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402
from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.all_matrices import AllMatrices  # noqa: E402
from ctxprune.shrink.allocate.base import divide_removals  # noqa: E402
from ctxprune.shrink.allocate.blocks import Blocks  # noqa: E402
from ctxprune.shrink.allocate.pattern import Pattern  # noqa: E402
from ctxprune.shrink.allocate.per_matrix import PerMatrix  # noqa: E402
from ctxprune.shrink.allocate.per_row import PerRow  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402

SHAPES = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=4)
KINDS = [PerMatrix(), PerRow(), AllMatrices(least=0.0)]


def asked(share: float) -> Budget:
    return Budget((), {}, share, measure="weights")


def zeros(masks) -> int:
    return sum(int((~mask).sum()) for mask in masks.values())


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.floats(0, 1), st.sampled_from(KINDS), st.integers(0, 99))
def test_the_share_of_zeros_is_what_was_asked_within_one_weight(shapes, share, kind, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = {
        str(place): torch.rand(shape, generator=generator).round(decimals=1) for place, shape in enumerate(shapes)
    }
    masks = kind(None, scores, asked(share))
    wanted = share * sum(score.numel() for score in scores.values())
    assert wanted - 1e-5 <= zeros(masks) < wanted + 1
    assert {name: mask.shape for name, mask in masks.items()} == {name: score.shape for name, score in scores.items()}


@settings(max_examples=40, deadline=None)
@given(SHAPES, st.floats(0, 1), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(0, 99))
def test_blocks_go_whole_and_less_than_one_too_many(shapes, share, size, seed):
    generator = torch.Generator().manual_seed(seed)
    scores = {str(place): torch.rand(shape, generator=generator) for place, shape in enumerate(shapes)}
    masks = Blocks(*size)(None, scores, asked(share))
    wanted = share * sum(score.numel() for score in scores.values())
    assert wanted - 1e-5 <= zeros(masks) < wanted + size[0] * size[1]
    for mask in masks.values():
        for rows in mask.split(size[0], 0):
            assert all(bool(block.all()) or not bool(block.any()) for block in rows.split(size[1], 1))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 5), st.integers(1, 19), st.sampled_from([(1, 2), (2, 4), (4, 8), (1, 3)]), st.integers(0, 99))
def test_a_pattern_keeps_n_of_each_m(rows, columns, pattern, seed):
    n, m = pattern
    scores = {"w": torch.rand(rows, columns, generator=torch.Generator().manual_seed(seed))}
    mask = Pattern(n, m)(None, scores, asked(1 - n / m))["w"]
    whole = columns // m * m
    groups = mask[:, :whole].reshape(-1, m)
    assert bool((groups.sum(1) == n).all())
    worst_kept = scores["w"][:, :whole].reshape(-1, m).masked_fill(~groups, 2).amin(1)
    best_gone = scores["w"][:, :whole].reshape(-1, m).masked_fill(groups, -1).amax(1)
    assert bool((worst_kept >= best_gone).all())
    assert bool((mask[:, whole:].sum(1) == n * (columns - whole) // m).all())


def test_rows_lose_as_many_each_and_matrices_are_compared_where_all_are_one():
    scores = {"a": torch.tensor([[1.0, 2, 3, 4], [50, 60, 70, 80]]), "b": torch.tensor([[5.0, 6], [7, 8]])}
    rows = PerRow()(None, scores, asked(0.5))
    assert rows["a"].tolist() == [[False, False, True, True]] * 2
    assert rows["b"].tolist() == [[False, True]] * 2
    one = PerMatrix()(None, scores, asked(0.5))
    assert one["a"].tolist() == [[False] * 4, [True] * 4]
    assert one["b"].tolist() == [[False, False], [True, True]]
    low = {"a": torch.tensor([[1.0, 2, 3, 4]]), "b": torch.tensor([[5.0, 6, 7, 8]])}
    assert AllMatrices(least=0.0)(None, low, asked(0.5))["a"].tolist() == [[False] * 4]
    kept = AllMatrices(least=0.25)(None, low, asked(0.5))
    assert kept["a"].tolist() == [[False, False, False, True]]
    assert kept["b"].tolist() == [[False, True, True, True]]


def test_what_was_zero_before_goes_first():
    scores = {"a": torch.tensor([[9.0, -torch.inf, 1, 2]])}
    assert PerRow()(None, scores, asked(0.5))["a"].tolist() == [[True, False, False, True]]


def test_counts_are_shared_out_by_running_totals():
    assert divide_removals([3, 3, 3], 0.5) == [2, 1, 2]
    assert divide_removals([4, 4], 0.0) == [0, 0]
    assert divide_removals([4, 4], 1.0) == [4, 4]


def test_bad_settings_and_budgets_are_refused():
    with pytest.raises(UsageError, match="pattern is 4:2"):
        Pattern(4, 2)
    with pytest.raises(UsageError, match=r"n is 1\.5"):
        Pattern(1.5, 4)
    with pytest.raises(UsageError, match="m is '4'"):
        Pattern(2, "4")
    with pytest.raises(UsageError, match="2:4 leaves 50 %"):
        Pattern()(None, {"a": torch.rand(2, 4)}, asked(0.6))
    with pytest.raises(UsageError, match="least is"):
        AllMatrices(least=1.5)
    with pytest.raises(UsageError, match="cannot go with"):
        AllMatrices(least=0.5)(None, {"a": torch.rand(2, 4)}, asked(0.6))
    with pytest.raises(UsageError, match="rows is 0"):
        Blocks(0, 4)


def test_a_pattern_of_columns_stands_among_neurons_of_one_input():
    subject = models.decoder()
    name, other = "model.layers.0.mlp.up_proj.weight", "model.layers.0.mlp.down_proj.weight"
    scores = {path: subject.model.get_parameter(path).detach().abs() for path in (name, other)}
    masks = Pattern(columns=True)(subject, scores, asked(0.5))
    for place in range(0, 48, 4):
        for column in range(32):
            own = scores[name][place : place + 4, column].tolist()
            kept = masks[name][place : place + 4, column].tolist()
            assert {value for value, stays in zip(own, kept, strict=True) if stays} == set(sorted(own)[2:])
    assert torch.equal(masks[other], Pattern()(subject, scores, asked(0.5))[other])
