"""What may be lost so that a risk holds, against exact sums."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ctxprune.calibration.risk import _at_most, count_fewest, holds_risk, prove_risk

RISKS = st.floats(0.005, 0.5)
CONFIDENCES = st.none() | st.floats(0.5, 0.99)


@given(n=st.integers(1, 60), share=st.floats(0, 1), p=st.floats(0.01, 0.99))
def test_the_binomial_tail_is_exact(n: int, share: float, p: float) -> None:
    k = int(share * n)
    exact = math.fsum(math.comb(n, i) * p**i * (1 - p) ** (n - i) for i in range(k + 1))
    assert _at_most(k, n, p) == pytest.approx(exact, rel=1e-9, abs=1e-12)


def test_the_binomial_tail_of_many_tries_neither_overflows_nor_vanishes() -> None:
    assert _at_most(2_000, 100_000, 0.02) == pytest.approx(0.5, abs=0.02)
    assert _at_most(100_000, 100_000, 0.02) == 1.0


@given(risk=RISKS, confidence=CONFIDENCES)
def test_fewest_is_the_least_number_with_which_no_loss_is_enough(risk: float, confidence: float | None) -> None:
    n = count_fewest(risk, confidence)
    assert holds_risk(0.0, n, risk, confidence, whole=True)
    assert n == 1 or not holds_risk(0.0, n - 1, risk, confidence, whole=True)


@given(n=st.integers(1, 400), share=st.floats(0, 1), risk=RISKS, confidence=CONFIDENCES, whole=st.booleans())
def test_what_is_granted_is_proven(n: int, share: float, risk: float, confidence: float | None, whole: bool) -> None:
    total = float(round(share * n)) if whole else share * n
    granted = holds_risk(total, n, risk, confidence, whole=whole)
    assert granted == (prove_risk(total, n, confidence, whole=whole) <= risk + 1e-7)
    assert prove_risk(total, n, confidence, whole=whole) >= min(total / n, 1) - 1e-12


@given(n=st.integers(1, 300), shares=st.tuples(st.floats(0, 1), st.floats(0, 1)), risk=RISKS, confidence=CONFIDENCES)
def test_less_loss_is_never_refused_where_more_is_granted(n: int, shares, risk: float, confidence) -> None:
    low, high = sorted(shares)
    if holds_risk(high * n, n, risk, confidence, whole=False):
        assert holds_risk(low * n, n, risk, confidence, whole=False)


def test_known_values() -> None:
    assert count_fewest(0.02, None) == 49
    assert count_fewest(0.01, None) == 99
    assert count_fewest(0.05, 0.95) == 59  # the rule of three, exactly
    assert prove_risk(0, 49, None, whole=True) == pytest.approx(0.02)
    assert prove_risk(0, 59, 0.95, whole=True) == pytest.approx(1 - 0.05 ** (1 / 59))
    assert prove_risk(5, 5, None, whole=True) == 1.0
