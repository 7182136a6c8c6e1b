"""How much loss a sample may show so that the risk stays within the risk asked for, and which risk is proved.

Sources: Angelopoulos, Bates, Fisch, Lei, Schuster, "Conformal Risk Control" (ICLR 2024) for the bound on the mean;
Bates, Angelopoulos, Lei, Malik, Jordan, "Distribution-Free, Risk-Controlling Prediction Sets" (JACM 2021) and
Angelopoulos, Bates, Candès, Jordan, Lei, "Learn then Test" (2021) for the bounds that hold with a given confidence.
Losses are 0..1 and never grow with the keep set; `total` is their sum over `n` exchangeable units.
"""

from __future__ import annotations

import math

import numpy as np

__all__ = ["count_fewest", "holds_risk", "prove_risk"]

_SLACK = 1e-9  # for sums that rounding has put a hair over what is allowed
_STEPS = 60


def holds_risk(total: float, n: int, risk: float, confidence: float | None, *, whole: bool) -> bool:
    """Whether a limit with this loss may be chosen: the risk is then at most `risk`.

    Args:
        total: Sum of the losses at the limit.
        n: Number of exchangeable units (questions, or groups of them).
        risk: Asked, over 0 and under 1.
        confidence: None for a bound on the mean over all calibrations (conformal risk control); or the chance (0..1)
            that this calibration holds the risk.
        whole: Every loss is 0 or 1, so that the exact binomial tail may be used instead of Hoeffding-Bentkus.
    """
    if confidence is None:
        return total + 1.0 <= risk * (n + 1) + _SLACK
    return _p_value(total, n, risk, whole=whole) <= 1.0 - confidence + _SLACK


def prove_risk(total: float, n: int, confidence: float | None, *, whole: bool) -> float:
    """The smallest risk that `holds_risk` grants for this loss, 0..1."""
    if confidence is None:
        return min((total + 1.0) / (n + 1), 1.0)
    # The tail has no inverse in closed form; it falls with the risk, so that halving finds it.
    low, high = min(total / n, 1.0), 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if 0.0 < middle < 1.0 and _p_value(total, n, middle, whole=whole) <= 1.0 - confidence:
            high = middle
        else:
            low = middle
    return high


def count_fewest(risk: float, confidence: float | None) -> int:
    """The smallest number of units with which `risk` can be held at all, that is if none of them loses anything."""
    if confidence is None:
        return math.ceil(1.0 / risk - 1.0 - _SLACK)
    return max(math.ceil(math.log(1.0 - confidence) / math.log1p(-risk) - _SLACK), 1)


def _p_value(total: float, n: int, risk: float, *, whole: bool) -> float:
    """Chance of so small a loss if the risk were `risk`, or an upper bound of it."""
    if whole:
        return _at_most(round(total), n, risk)
    # A mean over the risk gives no evidence at all; the bounds below hold up to it only.
    mean = min(total / n, risk)
    hoeffding = math.exp(-n * _divergence(mean, risk))
    return min(hoeffding, math.e * _at_most(math.ceil(total - _SLACK), n, risk))


def _divergence(mean: float, risk: float) -> float:
    first = mean * math.log(mean / risk) if mean > 0 else 0.0
    return first + ((1 - mean) * math.log((1 - mean) / (1 - risk)) if mean < 1 else 0.0)


def _at_most(k: int, n: int, p: float) -> float:
    """P(X <= k) for a binomial X of n tries with chance p, 0 < p < 1."""
    if k >= n:
        return 1.0
    tries = np.arange(k, dtype=np.float64)
    # In logarithms by recursion: binomial coefficients of thousands of questions overflow.
    steps = np.log((n - tries) / (tries + 1.0)) + (math.log(p) - math.log1p(-p))
    logs = n * math.log1p(-p) + np.concatenate([[0.0], np.cumsum(steps)])
    top = float(logs.max())
    return min(math.exp(top) * float(np.exp(logs - top).sum()), 1.0)
