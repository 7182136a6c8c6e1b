"""The P^2 law: what loss a pruned model will have after so much training, from a few small runs.

Chen and others, P^2 Law: Scaling Law for Post-Training After Model Pruning, ACL 2025:

    L = L0 + (1 / rate)^gamma (1 / N0)^delta (NC / N0^alpha + DC / D^beta + E)

with L0 the loss before pruning, N0 the parameters before pruning, D the tokens trained on and `rate` the share that is
gone. Differs: fitted by damped least squares on logarithms of the positive constants, in numpy, from several starts.
Where all runs share one size and one rate, as when one model is recovered, only L0 + E + DC / D^beta can be told apart,
and that is what is fitted: three runs are enough.

Jin and others, The Journey Matters: Average Parameter Count over Pre-training Unifies Sparse and Dense Scaling Laws,
2025: L = E + A / N^alpha + B / D^beta, with N the average parameter count over the training, for gradual pruning and
dense training alike. It is the same form with gamma and delta 0, and `size` that average (the note
"average_parameters" of a shrunk model).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.types import Callable, Sequence

_Vector = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Run:
    """A training run after pruning.

    Attributes:
        tokens: Trained on.
        loss: Afterwards, on rows that were not trained on.
        before: Loss of the model before pruning, on the same rows.
        size: Parameters before pruning.
        rate: Share of the parameters that was pruned, above 0 and under 1.

    Raises:
        UsageError: A number is out of range.
    """

    tokens: float
    loss: float
    before: float
    size: float = 1.0
    rate: float = 0.5

    def __post_init__(self) -> None:
        if self.tokens <= 0 or self.size <= 0 or not 0 < self.rate < 1:
            raise UsageError(f"{self} is out of range", hint="tokens and size above 0, rate above 0 and under 1")


@dataclass(frozen=True, slots=True)
class P2Law:
    """A fitted law; see the module for the names.

    Attributes:
        error: Root mean squared difference of the runs' losses from the law's.
    """

    alpha: float
    beta: float
    gamma: float
    delta: float
    size_factor: float
    token_factor: float
    rest: float
    error: float

    def loss(self, tokens: float, *, before: float, size: float = 1.0, rate: float = 0.5) -> float:
        """The loss after so many tokens."""
        run = Run(tokens, 0.0, before, size, rate)
        constants = [self.alpha, self.beta, self.gamma, self.delta, self.size_factor, self.token_factor, self.rest]
        return before + float(_excess(np.array(constants), [run])[0])

    def gain(self, tokens: float, more: float, *, size: float = 1.0, rate: float = 0.5) -> float:
        """By how much the loss falls when `more` tokens come after `tokens`, from 0 up."""
        now = self.loss(tokens, before=0.0, size=size, rate=rate)
        return now - self.loss(tokens + more, before=0.0, size=size, rate=rate)


def fit_law(runs: Sequence[Run], *, average: bool = False) -> P2Law:
    """The law that fits the runs best.

    Args:
        runs: Of the P^2 law their `before` is the loss before pruning; of the other law 0.
        average: Fit the law of the average parameter count, which is then each run's `size`.

    Raises:
        InputError: There are fewer than three different numbers of tokens, or a loss is no number.
    """
    if len({run.tokens for run in runs}) < 3:
        raise InputError("the law needs runs of three different lengths", hint="train for three budgets at least")
    if not all(np.isfinite([run.loss, run.before]).all() for run in runs):
        raise InputError("a loss is no number", where="p2_law")
    wanted = np.array([run.loss - run.before for run in runs])
    # with one size and rate the other exponents cannot be told from the factors
    if len({(run.size, run.rate) for run in runs}) == 1 or (average and len({run.size for run in runs}) == 1):
        return _one_model(runs, wanted)
    scale = max(float(np.abs(wanted).max()), 1e-12)
    best: tuple[float, _Vector] | None = None
    # the sum of squares has several minima: the best of some starts is taken
    free = np.array([1, 1, 0, 0, 1, 1, 1]) if average else np.ones(7)
    for beta in (0.1, 0.3, 0.6, 1.0):
        for gamma in (-2.0, -0.5):
            factor, exponent = np.log(scale), 0.1 if gamma == -2.0 or not average else 0.5
            start = free * np.array(
                [exponent, beta, gamma, 0.05, factor + average * exponent * np.log(runs[0].size),
                 factor + beta * np.log(runs[0].tokens), 0.0]
            )  # fmt: skip
            found = _least_squares(lambda values: (_excess(_unfolded(free * values), runs) - wanted) / scale, start)
            if best is None or found[0] < best[0]:
                best = found[0], free * found[1]
    error, values = best if best is not None else (0.0, np.zeros(7))
    alpha, beta, gamma, delta, size_factor, token_factor, rest = (float(value) for value in _unfolded(values))
    return P2Law(alpha, beta, gamma, delta, size_factor, token_factor, rest, scale * (error / len(runs)) ** 0.5)


def _excess(constants: _Vector, runs: Sequence[Run]) -> _Vector:
    alpha, beta, gamma, delta, size_factor, token_factor, rest = constants
    tokens, size = np.array([run.tokens for run in runs]), np.array([run.size for run in runs])
    rate = np.array([run.rate for run in runs])
    inner = size_factor / size**alpha + token_factor / tokens**beta + rest
    found: _Vector = (1 / rate) ** gamma * (1 / size) ** delta * inner
    return found


def _unfolded(values: _Vector) -> _Vector:
    """Factors from their logarithms."""
    return np.concatenate([values[:4], np.exp(np.clip(values[4:6], -60, 60)), values[6:]])


def _one_model(runs: Sequence[Run], wanted: _Vector) -> P2Law:
    """For each exponent the best factor (not under 0) and rest; the best exponent by a grid."""
    tokens = np.array([run.tokens for run in runs])
    found: list[tuple[float, float, float, float]] = []
    # for a given exponent the law is linear, so a grid over one number replaces a search over three
    for beta in np.linspace(0.02, 2.0, 397):
        curve = (tokens / tokens.min()) ** -beta
        spread = curve - curve.mean()
        factor = max(float(spread @ wanted / (spread @ spread)), 0.0)
        rest = float(wanted.mean() - factor * curve.mean())
        found.append((float(np.square(factor * curve + rest - wanted).mean()), float(beta), factor, rest))
    error, beta, factor, rest = min(found)
    return P2Law(0.0, beta, 0.0, 0.0, 0.0, factor * float(tokens.min()) ** beta, rest, error**0.5)


def _least_squares(
    residuals: Callable[[_Vector], _Vector], start: _Vector, *, rounds: int = 200
) -> tuple[float, _Vector]:
    """The sum of squares and where it is reached, by damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963)."""
    values, damping = start, 1e-2
    now = residuals(values)
    for _ in range(rounds):
        # differences are accurate to about half of the digits
        steps = 1e-6 * np.maximum(np.abs(values), 1.0)
        moved = [residuals(values + step) - now for step in np.diag(steps)]
        slopes = np.stack(moved, axis=1) / steps
        square = slopes.T @ slopes
        move = np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-9), -slopes.T @ now)
        then = residuals(values + move)
        if np.isfinite(then).all() and then @ then < now @ now:
            done = (now @ now - then @ then) < 1e-14 * (now @ now)
            values, now, damping = values + move, then, max(damping / 3, 1e-12)
            if done:
                break
        else:
            damping *= 4
            if damping > 1e12:
                break
    return float(now @ now), values
