"""Positions as scores, by the paper's own example of twelve layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.anatomy import Group  # noqa: E402
from ctxprune.shrink.score.position import Position  # noqa: E402

DROPPED = {
    "top": [12, 11, 10, 9],
    "bottom": [1, 2, 3, 4],
    "alternate_odd": [11, 9, 7, 5, 3, 1, 12],
    "alternate_even": [12, 10, 8, 6, 4, 2, 11],
    "symmetric": [7, 6, 8, 5, 9, 4],
}


@pytest.mark.parametrize("pattern", DROPPED)
def test_the_order_of_twelve_layers(pattern: str):
    (scores,) = Position(pattern)(models.encoder(), [Group("layer", -1, 12)]).values()
    assert (scores.argsort() + 1)[: len(DROPPED[pattern])].tolist() == DROPPED[pattern]


def test_another_pattern_is_refused():
    with pytest.raises(UsageError, match="pattern"):
        Position("middle")
