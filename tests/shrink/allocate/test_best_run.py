"""The best run of layers."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.best_run import BestRun, run_lengths  # noqa: E402
from ctxprune.shrink.measure.depth import layer_states  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402

KEY = ("layer", -1)


def budget(subject, costs, remove, at_once=None):
    return Budget(subject.groups(["layer"]), {KEY: torch.tensor(costs, dtype=torch.float64)}, remove, at_once)


def test_runs_are_just_long_enough():
    subject = models.encoder()
    assert run_lengths(budget(subject, [1, 1, 1, 1], 2), KEY) == [(0, 2), (1, 3), (2, 4)]
    assert run_lengths(budget(subject, [1, 3, 1, 1], 2.5), KEY) == [(0, 2), (1, 2)]
    assert run_lengths(budget(subject, [1, 1, 1, 1], 3, at_once=1), KEY) == [(0, 1), (1, 2), (2, 3), (3, 4)]


def test_the_run_that_does_nothing_goes_and_distances_are_angles():
    subject = models.without_effect(models.decoder(), 1, 2)
    given = {KEY: torch.zeros(4)}
    kept = BestRun()(subject, given, budget(subject, [1, 1, 1, 1], 2))
    assert kept[KEY].tolist() == [True, False, False, True]
    first, total = subject.notes["runs"][0], 0.0
    assert first[:2] == (0, 2)
    for batch in subject.calibration:
        states, ends = layer_states(subject, batch), batch["attention_mask"].sum(1).cumsum(0) - 1
        for x, y in zip(states[0][ends].double(), states[2][ends].double(), strict=True):
            total += math.acos(float(x @ y / (x.norm() * y.norm()))) / math.pi / 24
    assert first[2] == pytest.approx(total)


def test_scores_decide_between_equal_runs_and_the_bottom_can_stay():
    subject = models.without_effect(models.decoder(), 0, 2)
    scores = {KEY: torch.tensor([1.0, 0.0, 2.0, 0.0])}
    one = budget(subject, [1, 1, 1, 1], 1)
    assert BestRun(distance="cosine")(subject, scores, one)[KEY].tolist() == [False, True, True, True]
    assert BestRun(first=1)(subject, scores, one)[KEY].tolist() == [True, True, False, True]


def test_too_much_is_refused():
    subject = models.encoder()
    with pytest.raises(UsageError, match="long enough"):
        BestRun()(subject, {KEY: torch.zeros(4)}, budget(subject, [1, 1, 1, 1], 3.5))
    with pytest.raises(UsageError, match="distance"):
        BestRun(distance="far")
