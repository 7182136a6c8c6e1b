"""Scorers made of scorers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from ctxprune.context.base import Unit
from ctxprune.errors import UsageError
from ctxprune.scorers.combined.fusion import ReciprocalRankFusion, WeightedFusion


@dataclass(frozen=True)
class Given:
    """Scores that were written down."""

    values: tuple[float, ...]

    def score(self, query, context):
        return np.asarray(self.values[: len(context.units)], dtype=np.float32)


class Texts:
    def __init__(self, size: int) -> None:
        self.units = tuple(Unit("x") for _ in range(size))

    def render(self, kept):
        return list(kept)


def fuse(fusion, size: int) -> list[float]:
    return fusion.score("q", Texts(size)).tolist()


def test_reciprocal_ranks_by_hand() -> None:
    members = (Given((3, 2, 1)), Given((1, 2, 3)))
    expected = [(11 / 11 + 11 / 13) / 2, 11 / 12, (11 / 13 + 11 / 11) / 2]
    assert fuse(ReciprocalRankFusion(members, k=10), 3) == pytest.approx(expected)


def test_weights_shift_the_order() -> None:
    members = (Given((3, 2, 1)), Given((1, 2, 3)))
    scores = fuse(ReciprocalRankFusion(members, (3.0, 1.0)), 3)
    assert scores[0] > scores[1] > scores[2]
    assert max(scores) <= 1


def test_ties_share_the_worst_rank_so_that_silence_lifts_nobody() -> None:
    silent = fuse(ReciprocalRankFusion((Given((0, 0, 0, 0)),), k=0), 4)
    assert silent == pytest.approx([1 / 4] * 4)
    scores = fuse(ReciprocalRankFusion((Given((5, 0, 0)), Given((0, 0, 0))), k=0), 3)
    assert scores == pytest.approx([(1 + 1 / 3) / 2, 1 / 3, 1 / 3])


def test_order_does_not_depend_on_the_members_scales() -> None:
    low = fuse(ReciprocalRankFusion((Given((1, 3, 2)), Given((0.1, 0.2, 0.0)))), 3)
    high = fuse(ReciprocalRankFusion((Given((-900, 3000, 2)), Given((0.1, 0.2, 0.0)))), 3)
    assert low == high


def test_weighted_fusion_stretches_each_member() -> None:
    members = (Given((10, 20, 30)), Given((5, 5, 5)), Given((-1, 0, -2)))
    assert fuse(WeightedFusion(members, (2, 1, 1)), 3) == pytest.approx([0.125, 0.5, 0.5])
    assert fuse(WeightedFusion(members), 0) == []


def test_members_see_the_whole_batch() -> None:
    sizes = []

    class Counting(Given):
        def score_batch(self, queries, contexts):
            sizes.append(len(contexts))
            return [self.score(q, c) for q, c in zip(queries, contexts, strict=True)]

    fusion = ReciprocalRankFusion((Counting((1, 2)), Counting((2, 1))))
    fusion.score_batch(["a", "b", "c"], [Texts(2)] * 3)
    assert sizes == [3, 3]


@pytest.mark.parametrize("kind", [ReciprocalRankFusion, WeightedFusion])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (((),), "at least one scorer"),
        (((Given((1,)),), (1.0, 2.0)), "2 weights do not match 1 scorers"),
        (((Given((1,)),), (0.0,)), "weights are"),
        (((Given((1,)),), (float("nan"),)), "weights are"),
    ],
)
def test_members_and_weights_are_checked(kind, arguments, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        kind(*arguments)


def test_k_is_checked() -> None:
    with pytest.raises(UsageError, match="k is -1"):
        ReciprocalRankFusion(k=-1)
