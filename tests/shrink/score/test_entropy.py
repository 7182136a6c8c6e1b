"""Entropies by hand, and of layers."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.score.entropy import Entropy, binned, kernel, neighbours  # noqa: E402


def test_a_histogram_by_hand():
    states = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.5, 0.0], [4.0, 4.0]], dtype=torch.float64)
    uneven = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert binned(states, 4) == pytest.approx(-(0.25 * math.log(0.25) * 2 + 0.5 * math.log(0.5)) + uneven)


def test_neighbours_by_hand():
    states = torch.tensor([[0.0], [1.0], [3.0]], dtype=torch.float64)
    # nearest: 1, 1 and 2 away; the ball of one dimension is 2 long
    assert neighbours(states, 1) == pytest.approx(math.log(2) / 3 + math.log(2) + math.log(3) - math.log(1))


def test_a_kernel_by_hand():
    states = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)  # standardised already, 2 apart
    assert kernel(states, 0) == pytest.approx(-math.log((2 + 2 * math.exp(-0.5)) / 4))


def test_neighbours_find_the_entropy_of_a_normal_distribution():
    states = torch.randn(2000, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert neighbours(states, 5) == pytest.approx(math.log(2 * math.pi * math.e), abs=0.2)
    assert neighbours(3 * states, 5) - neighbours(states, 5) == pytest.approx(2 * math.log(3))


@pytest.mark.parametrize("estimate", ["binned", "kernel", "neighbours"])
def test_a_layer_that_does_nothing_adds_none(estimate: str):
    subject = models.without_effect(models.decoder(), 2)
    (scores,) = Entropy(estimate, count=5)(subject, subject.groups(["layer"])).values()
    assert abs(float(scores[2])) < 1e-6
    assert scores[[0, 1, 3]].abs().min() > 1e-3


def test_the_ends_are_protected_where_that_leaves_a_choice():
    subject = models.encoder()
    (scores,) = Entropy()(subject, subject.groups(["sublayer"])).values()
    assert scores.isinf().tolist() == [True, True, False, False, False, False, False, True]
    (scores,) = Entropy()(subject, subject.groups(["layer"])).values()
    assert scores.isfinite().all()
    with pytest.raises(UsageError, match="estimate"):
        Entropy("guess")
