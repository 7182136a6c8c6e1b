"""The P^2 law: what loss a pruned model will have after so much training, from a few small runs.

Chen and others, P^2 Law: Scaling Law for Post-Training After Model Pruning, ACL 2025:

    L = L0 + (1 / rate)^gamma (1 / N0)^delta (NC / N0^alpha + DC / D^beta + E)

with L0 the loss before pruning, N0 the parameters before pruning, D the tokens trained on and `rate` the share that is
gone. Differs: for given exponents the law is linear, so that a search over the exponents alone, in ever smaller steps,
fits all of it. Where all runs share one size and one rate, as when one model is recovered, only L0 + E + DC / D^beta
can be told apart, and that is what is fitted: three runs are enough.

Jin and others, The Journey Matters: Average Parameter Count over Pre-training Unifies Sparse and Dense Scaling Laws,
2025: L = E + A / N^alpha + B / D^beta, with N the average parameter count over the training, for gradual pruning and
dense training alike. It is the same form with gamma and delta 0, and `size` that average (the note
"average_parameters" of a shrunk model).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ctxprune.errors import InputError
from ctxprune.utils.validation import Checked, check_number, check_range, checked_field

_Vector = NDArray[np.float64]
_BOUNDS = ([0.0, 0.02, -4.0, -4.0], [2.0, 2.0, 4.0, 4.0])  # of alpha, beta, gamma and delta


@dataclass(frozen=True)
class Run(Checked):
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
    size: float = checked_field(1.0, check_number, over=0)
    rate: float = checked_field(0.5, check_range, open_low=True, open_high=True)

    def __post_init__(self) -> None:
        check_number("tokens", self.tokens, over=0)
        super().__post_init__()


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
        terms = _terms([Run(tokens, 0.0, before, size, rate)], (self.alpha, self.beta, self.gamma, self.delta))
        return before + float(terms[0] @ np.array([self.size_factor, self.token_factor, self.rest]))

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
    # with one size and rate the other exponents cannot be told from the factors
    one = len({(run.size, run.rate) for run in runs}) == 1 or (average and len({run.size for run in runs}) == 1)
    free = [1] if one else [0, 1] if average else [0, 1, 2, 3]
    # the error has several minima: the best of some starts is taken
    error, exponents = min(_search(runs, (0.0 if one else 0.2, beta, 0.0, 0.0), free) for beta in (0.1, 0.5, 1.0))
    constants = [*exponents, *_fit_factors(runs, exponents, free)[1], error]
    return P2Law(*constants)


def _terms(runs: Sequence[Run], exponents: Sequence[float]) -> _Vector:
    """What the three factors are multiplied with: (runs, 3)."""
    alpha, beta, gamma, delta = exponents
    tokens, size, rate = (np.array([getattr(run, name) for run in runs]) for name in ("tokens", "size", "rate"))
    parts = np.stack([size**-alpha, tokens**-beta, np.ones(len(runs))], 1)
    found: _Vector = (rate**-gamma * size**-delta)[:, None] * parts
    return found


def _fit_factors(runs: Sequence[Run], exponents: Sequence[float], free: Sequence[int]) -> tuple[float, list[float]]:
    """The root mean squared error and the factors for given exponents, both factors but the last from 0 up."""
    terms, wanted = _terms(runs, exponents), np.array([run.loss - run.before for run in runs])
    used = [0, 1, 2] if 0 in free else [1, 2]
    # columns of about 1: lstsq drops one that is 1e15 times smaller, as tokens**-beta is of many tokens
    scales = terms.max(0)
    while True:
        factors = np.zeros(3)
        factors[used] = np.linalg.lstsq(terms[:, used] / scales[used], wanted, rcond=None)[0] / scales[used]
        if (factors[:2] >= 0).all():
            return float(np.sqrt(np.square(terms @ factors - wanted).mean())), factors.tolist()
        used.remove(int(factors[:2].argmin()))


def _search(runs: Sequence[Run], start: tuple[float, ...], free: Sequence[int]) -> tuple[float, tuple[float, ...]]:
    """The least error and its exponents: steps along each free exponent, halved where none is better."""
    best, step = (_fit_factors(runs, start, free)[0], start), 0.2
    while step > 1e-4:
        moves = step * np.concatenate([np.eye(4)[free], -np.eye(4)[free]])
        places = [tuple(place) for place in np.clip(np.array(best[1]) + moves, *_BOUNDS).tolist()]
        new = min((_fit_factors(runs, place, free)[0], place) for place in places)
        best, step = (new, step) if new[0] < best[0] else (best, step / 2)
    return best
