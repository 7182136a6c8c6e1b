"""The P^2 law: constants that made the runs are found again, and bad runs are refused."""

from __future__ import annotations

import pytest

from ctxprune.errors import InputError, UsageError
from ctxprune.shrink.learning.p2_law import P2Law, Run, fit_law


def test_three_runs_of_one_model_are_enough():
    runs = [Run(tokens, 1.5 + 40.0 / tokens**0.5, 1.0) for tokens in (1e4, 2e4, 4e4)]
    law = fit_law(runs)
    assert law.beta == pytest.approx(0.5, abs=0.01)
    assert law.error < 1e-3
    assert law.loss(16e4, before=1.0) == pytest.approx(1.6, abs=0.01)
    assert law.gain(4e4, 12e4) == pytest.approx(0.1, abs=0.01)


def test_losses_that_rise_promise_no_gain():
    law = fit_law([Run(tokens, loss, 0.0) for tokens, loss in ((1, 1.0), (2, 1.1), (4, 1.2))])
    assert law.gain(4, 100) == 0.0


def test_a_law_over_sizes_and_rates_predicts_a_larger_model():
    true = P2Law(0.3, 0.4, -1.0, 0.05, 3.0, 60.0, 0.2, 0.0)

    def run(tokens: float, size: float, rate: float) -> Run:
        return Run(tokens, true.loss(tokens, before=2.0, size=size, rate=rate), 2.0, size, rate)

    runs = [run(t, n, r) for t in (1e3, 1e4, 1e5) for n in (10.0, 30.0, 80.0) for r in (0.15, 0.25, 0.35)]
    law = fit_law(runs)
    assert law.error < 0.01
    assert law.loss(1e6, before=2.0, size=80.0, rate=0.35) == pytest.approx(
        true.loss(1e6, before=2.0, size=80.0, rate=0.35), abs=0.05
    )
    assert law.loss(1e5, before=2.0, size=200.0, rate=0.25) == pytest.approx(
        true.loss(1e5, before=2.0, size=200.0, rate=0.25), abs=0.1
    )


def test_bad_runs_are_refused():
    with pytest.raises(InputError, match="three different lengths"):
        fit_law([Run(1, 1.0, 0.0), Run(2, 1.0, 0.0), Run(2, 1.0, 0.0)])
    with pytest.raises(InputError, match="no number"):
        fit_law([Run(1, float("nan"), 0.0), Run(2, 1.0, 0.0), Run(3, 1.0, 0.0)])
    for bad in ({"tokens": 0}, {"rate": 1.0}, {"size": -1}):
        with pytest.raises(UsageError, match=f"{next(iter(bad))} is"):
            Run(**({"tokens": 1, "loss": 1.0, "before": 0.0} | bad))


def test_the_law_of_the_average_parameter_count_unifies_sparse_and_dense_runs():
    def loss(average: float, tokens: float) -> float:
        return 1.7 + 40.0 / average**0.34 + 400.0 / tokens**0.4

    averages = (1e3, 3e3, 7.5e3, 1e4)  # of dense runs, and of one that ended at half of 1e4
    runs = [Run(t, loss(n, t), 0.0, n) for t in (1e4, 1e5, 1e6) for n in averages]
    law = fit_law(runs, average=True)
    assert (law.gamma, law.delta) == (0.0, 0.0)
    assert law.error < 0.01
    assert law.loss(1e7, before=0.0, size=2e4) == pytest.approx(loss(2e4, 1e7), abs=0.05)
    by_final_size = [Run(run.tokens, run.loss, 0.0, 5e3 if run.size == 7.5e3 else run.size) for run in runs]
    assert fit_law(by_final_size, average=True).error > 2 * law.error


def test_many_tokens_and_a_large_exponent_are_not_lost():
    runs = [Run(tokens, 1.1 + (tokens / 1e8) ** -1.9, 1.0) for tokens in (1e8, 3e8, 1e9, 3e9)]
    law = fit_law(runs)
    assert law.beta == pytest.approx(1.9, abs=0.01)
    assert law.loss(1.27e10, before=0.0) == pytest.approx(0.1001, abs=2e-5)
