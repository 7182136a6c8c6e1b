"""Redundant splits against a loop over pairs, and the training that stops when the choice is stable."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402
from ctxprune.shrink.recover.early_bird import EarlyBird  # noqa: E402
from ctxprune.shrink.score.spline import Spline  # noqa: E402


def pairwise(normals, biases, rho):
    """By unit the distance at which it leaves, closest pair first."""

    def apart(one, two):
        sizes = normals[one].norm(), normals[two].norm()
        cosine = float(normals[one] @ normals[two] / (sizes[0] * sizes[1]))
        sign = -1 if cosine < 0 else 1
        return 1 - abs(cosine) + rho * float((biases[one] / sizes[0] - sign * biases[two] / sizes[1]).abs())

    left, scores = set(range(len(normals))), {}
    while len(left) > 1:
        value, one, two = min((apart(one, two), one, two) for one in left for two in left if one < two)
        gone = one if float(normals[one].norm()) < float(normals[two].norm()) else two
        scores[gone] = value
        left.discard(gone)
    return [scores.get(unit, max(scores.values())) for unit in range(len(normals))]


def test_units_leave_in_the_order_of_the_closest_pairs():
    subject = models.encoder()
    group = subject.anatomy.groups["neuron", 1]
    dense = subject.model.bert.encoder.layer[1].intermediate.dense
    with torch.no_grad():  # one hyperplane twice, once with the opposite normal
        dense.weight[7], dense.bias[7] = -0.5 * dense.weight[3], -0.5 * dense.bias[3]
    wanted = pairwise(dense.weight.detach().double(), dense.bias.detach().double(), 0.7)
    found = Spline(offset=0.7)(subject, [group])[group.key]
    assert found.tolist() == pytest.approx(wanted, abs=1e-7)
    assert int(found.argmin()) == 7
    assert float(found[7]) == pytest.approx(0, abs=1e-6)
    with pytest.raises(UsageError, match="no hyperplane"):
        Spline()(subject, subject.groups(["layer"]))


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_training_stops_once_the_choice_is_stable(make):
    subject = make().copy()
    groups = subject.groups(["head", "neuron"])
    costs = unit_costs(subject.model, groups, "flops")
    budget = Budget(groups, costs, 0.3 * float(sum(cost.sum() for cost in costs.values())))
    subject = dataclasses.replace(subject, budget=budget)
    settled = EarlyBird(steps=30, rate=1e-9, window=2)(subject)
    assert settled.notes["early_bird"] == {"steps": 6, "distances": [0.0, 0.0]}  # two epochs of three batches
    restless = EarlyBird(steps=8, rate=3e-2, window=2, threshold=1e-6)(subject)
    assert restless.notes["early_bird"]["steps"] == 8
    assert max(restless.notes["early_bird"]["distances"]) > 0


@pytest.mark.parametrize(
    "make",
    [lambda: EarlyBird(window=0), lambda: EarlyBird(threshold=0), lambda: EarlyBird(score={}), lambda: Spline(-1)],
)
def test_bad_parameters_are_refused(make):
    with pytest.raises(UsageError):
        make()
