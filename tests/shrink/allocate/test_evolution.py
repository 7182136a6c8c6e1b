from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.evolution import Evolution  # noqa: E402
from ctxprune.shrink.allocate.uniform import Uniform  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def test_the_search_beats_the_uniform_start_within_the_budget():
    subject = models.encoder().copy()
    groups = subject.groups(["head", "neuron"])
    with torch.no_grad():  # the second layer's neurons say nothing
        subject.model.get_submodule(groups[-3].consumer).weight.mul_(1e-4)
    subject = dataclasses.replace(subject, teacher=subject.model)
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), 0.4 * cost(subject.model, "flops"))
    found = Evolution(generations=6, offspring=6, survivors=(2, 1), training=(0, 0), level=0.2)(subject, scores, budget)

    def distance(kept):
        small = remove(subject.model, kept)
        return models.divergence(subject, small)

    start = Uniform()(subject, scores, budget)
    assert budget.gone(found) >= budget.remove
    assert distance(found) < distance(start)
    assert subject.notes["evolution"]["neuron 1"] == int(found["neuron", 1].sum())


def test_one_is_dropped_after_training_too_and_bad_rounds_are_refused():
    subject = models.decoder().copy()
    groups = subject.groups(["neuron"])
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), 0.2 * cost(subject.model, "flops"))
    kept = Evolution(generations=1, offspring=2, survivors=(1,), training=(1,))(subject, scores, budget)
    assert budget.gone(kept) >= budget.remove
    with pytest.raises(UsageError, match="one of each a round"):
        Evolution(survivors=(2, 1), training=(1,))


def test_masks_are_exchanged_and_parents_are_crossed():
    """With scores that name the wrong units the search finds others, which levels alone cannot."""
    subject = models.encoder().copy()
    subject = dataclasses.replace(subject, calibration=subject.calibration[:1], teacher=subject.model)
    groups = subject.groups(["neuron"])
    for group in groups:  # the neurons of the highest scores say nothing
        with torch.no_grad():
            subject.model.get_submodule(group.consumer).weight[:, 24:] *= 1e-3
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    costs = unit_costs(subject.model, groups, "flops")
    budget = Budget(groups, costs, 0.5 * float(sum(own.sum() for own in costs.values())))
    search = {"generations": 3, "offspring": 4, "training": (0,), "level": 0.1}

    def distance(kept):
        return models.divergence(subject, remove(subject.model, kept))

    levels = Evolution(survivors=(1,), **search)(subject, scores, budget)
    masks = Evolution(survivors=(2,), swap=0.3, crossed=0.5, **search)(subject, scores, budget)
    assert budget.gone(masks) >= budget.remove
    assert all(torch.equal(mask, mask.sort().values) for mask in levels.values())
    assert not all(torch.equal(mask, mask.sort().values) for mask in masks.values())
    assert distance(masks) < 0.9 * distance(levels)
    cross = Evolution(swap=0.3, crossed=1.0)
    parents = [{key: torch.full((4,), value) for key in levels} for value in (True, False)]
    order = {key: torch.arange(4) for key in levels}
    children = [cross._child(parents, order, budget, torch.Generator().manual_seed(seed)) for seed in range(9)]
    assert {bool(mask.all()) for child in children for mask in child.values()} == {True, False}
    assert any(len({bool(mask.all()) for mask in child.values()}) == 2 for child in children)
    assert all(bool(mask.all()) or not bool(mask.any()) for child in children for mask in child.values())
    mask = torch.tensor([True] * 6 + [False] * 3)
    cross._exchange(mask, torch.Generator().manual_seed(0))
    assert (int(mask.sum()), int(mask[6:].sum())) == (6, 2)
    with pytest.raises(UsageError, match="a number from 0 to 1"):
        Evolution(swap=2)
