"""The sigmoid of alpha-entmax against entmax itself, solved over two classes in float64."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.kv.gates.entmax import alpha_sigmoid  # noqa: E402

X = torch.linspace(-6, 6, 601, dtype=torch.float64)


def entmax_of_two(x: float, alpha: float) -> float:
    """First of the two: p_i = max((alpha - 1) z_i - tau, 0)^(1 / (alpha - 1)), tau such that they sum to 1."""
    if x < 0:  # the smaller of the two is a high root of a small difference: take it from the larger one
        return 1 - entmax_of_two(-x, alpha)
    z = ((alpha - 1) * x, 0.0)
    low, high = max(z) - 1, max(z)
    for _ in range(80):
        tau = (low + high) / 2
        total = sum(max(each - tau, 0) ** (1 / (alpha - 1)) for each in z)
        low, high = (tau, high) if total > 1 else (low, tau)
    return max(z[0] - low, 0) ** (1 / (alpha - 1))


@pytest.mark.parametrize("alpha", [1.2, 1.5, 1.9, 2.0, 3.0, 4.0, 8.0])
def test_it_is_entmax_over_two_classes(alpha):
    expected = torch.tensor([entmax_of_two(x, alpha) for x in X.tolist()], dtype=torch.float64)
    assert (alpha_sigmoid(X, alpha) - expected).abs().max() < 1e-8
    assert (alpha_sigmoid(X.float(), alpha) - expected).abs().max() < 2e-6


def test_its_limits_are_the_sigmoid_and_a_step():
    assert torch.equal(alpha_sigmoid(X, 1), torch.sigmoid(X))
    assert (alpha_sigmoid(X, 1.0001) - torch.sigmoid(X)).abs().max() < 1e-3
    assert alpha_sigmoid(torch.tensor([-1e-6, 0.0, 1e-6]), math.inf).tolist() == [0, 1, 1]


@pytest.mark.parametrize("alpha", [1.5, 2.0, 3.0, 4.0])
def test_it_reaches_0_and_1_exactly(alpha):
    edge = 1 / (alpha - 1)
    gates = alpha_sigmoid(torch.tensor([-9.0, -edge, edge, 9.0]), alpha)
    assert gates.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("alpha", [1.0, 1.3, 1.5, 1.8, 2.0, 3.0, 4.0])
def test_its_gradient_is_the_difference_quotient(alpha):
    x = (torch.linspace(-0.97, 0.97, 41, dtype=torch.float64) / max(alpha - 1, 0.3)).requires_grad_()
    (slope,) = torch.autograd.grad(alpha_sigmoid(x, alpha).sum(), x)
    step = 1e-4
    with torch.no_grad():
        rise = (alpha_sigmoid(x + step, alpha) - alpha_sigmoid(x - step, alpha)) / (2 * step)
    assert (slope - rise).abs().max() < 1e-4
    far = torch.tensor([-50.0, 50.0], requires_grad=True)
    (slope,) = torch.autograd.grad(alpha_sigmoid(far, alpha).sum(), far)
    assert slope.abs().max() < 1e-9


@pytest.mark.parametrize("alpha", [0.99, 0, -1, math.nan, -math.inf, "2", None, True])
def test_other_alphas_are_refused(alpha):
    if alpha is True:
        alpha = False
    with pytest.raises(UsageError, match="alpha"):
        alpha_sigmoid(X, alpha)
