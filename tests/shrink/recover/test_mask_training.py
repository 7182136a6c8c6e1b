from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.losses import nearest_distance  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.recover.block_movement import BlockMovement, _closed, _numbered  # noqa: E402
from ctxprune.shrink.recover.hybrid_sparsification import HybridSparsification, _Module  # noqa: E402
from ctxprune.shrink.recover.nearest_layers import NearestLayers  # noqa: E402
from ctxprune.shrink.recover.regularise import Regularise  # noqa: E402


def budgeted(subject, kinds, share=0.4):
    subject = subject.copy()
    groups = subject.groups(kinds)
    costs = unit_costs(subject.model, groups, "flops")
    return dataclasses.replace(subject, budget=Budget(groups, costs, share * cost(subject.model, "flops")))


def test_blocks_are_numbered_by_unit_and_square():
    subject = models.encoder()
    group = subject.groups(["head"])[0]
    entry, where = _numbered(subject, group, group.slices[0], 4)
    assert where.shape == entry.shape == (32, 32)
    assert int(where.max()) + 1 == 4 * 2 * 8
    assert where[0, 0] == where[3, 3] == 0
    assert where[4, 0] == 8
    assert where[8, 0] == 16  # the second head
    _, columns = _numbered(subject, group, group.slices[-1], 4)
    assert columns[3, 3] == 0
    assert columns[0, 8] == 16


def test_the_schedule_is_cubic():
    assert _closed(0.05, 0.1) == 0
    assert _closed(0.95, 0.1) == 1
    assert _closed(0.5, 0.1) == pytest.approx(1 - 0.5**3)


def test_scores_move_against_the_slope_and_the_weights_come_back_dense():
    subject = budgeted(models.encoder(), ["head", "neuron"])
    group = subject.groups(["neuron"])[0]
    name = group.slices[0].parameter
    moved = BlockMovement(steps=1, block=8, score_rate=0.01, towards="labels")(subject)
    plain = models.encoder()
    plain.task.loss(plain.model, plain.calibration[0]).backward()
    total = sum(
        (plain.model.get_parameter(part.parameter).grad * plain.model.get_parameter(part.parameter))
        .reshape(*([48, -1] if part.axis == 0 else [-1, 48]))
        .sum(1 - part.axis)
        for part in group.slices
    )
    order = subject.generator(8)
    first = torch.randperm(3, generator=order).tolist()[0]
    if first:
        plain.model.zero_grad()
        plain.task.loss(plain.model, plain.calibration[first]).backward()
        total = sum(
            (plain.model.get_parameter(part.parameter).grad * plain.model.get_parameter(part.parameter))
            .reshape(*([48, -1] if part.axis == 0 else [-1, 48]))
            .sum(1 - part.axis)
            for part in group.slices
        )
    clear = total.abs() > 1e-6
    assert torch.equal(moved.learned[group.key][clear].sign(), -total[clear].sign())
    assert bool((moved.model.get_parameter(name) != 0).all())
    long = BlockMovement(steps=12, block=8)(budgeted(models.encoder(), ["head", "neuron"]))
    assert bool((long.model.get_parameter(name) != 0).all())
    assert all(len(long.learned[entry.key]) == entry.count for entry in subject.budget.groups)


def test_masks_close_before_any_score_has_moved():
    """A model that is trained towards itself has no slope as long as all of it is there."""
    subject = budgeted(models.encoder(), ["head", "neuron"])
    subject = dataclasses.replace(subject, teacher=models.encoder().model)
    found = BlockMovement(steps=20, block=8, score_rate=0.01, warm=0.0)(subject)
    scores = torch.cat([found.learned[group.key] for group in subject.groups(["neuron"])])
    assert len(scores.unique()) > len(scores) / 2
    assert float(scores.abs().max()) > 0.01


def test_pat_folds_its_modules_and_leaves_as_many_dimensions_as_are_wanted():
    module = _Module(4, 2, torch.Generator().manual_seed(0))
    linear = torch.nn.Linear(3, 4)
    with torch.no_grad():
        module.up.normal_()
        module.scale.normal_()
    given = torch.randn(5, 3)
    wanted = module.after(linear, None, linear(given))
    module.fold(linear)
    assert torch.allclose(linear(given), wanted, atol=1e-6)
    assert float(module.apart.detach()) == pytest.approx(0, abs=1e-10)
    subject = budgeted(models.encoder(), ["width"], 0.2)
    found = HybridSparsification(steps=60, rank=4, mask_rate=0.05)(subject)
    wanted = 32 - subject.budget.remove / float(subject.budget.costs["width", -1][0])
    assert int((found.learned["width", -1] > 0).sum()) == pytest.approx(wanted, abs=2)
    with pytest.raises(UsageError, match="width alone"):
        HybridSparsification(steps=1)(budgeted(models.encoder(), ["head"]))


def test_what_will_go_is_made_small_first():
    subject = budgeted(models.encoder(), ["neuron"], 0.08)
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    found = Regularise(steps=15, left=0.1)(subject)
    group = subject.groups(["neuron"])[0]
    gone = found.learned[group.key] == 0
    assert 0 < int(gone.sum()) < 48
    after, old = found.model.get_parameter(group.slices[0].parameter), before[group.slices[0].parameter]
    shrunk = after.detach().norm(dim=1) / old.norm(dim=1)
    assert float(shrunk[gone].max()) < 0.15
    assert float(shrunk[~gone].min()) > 0.9


def test_the_sum_of_sizes_takes_the_same_amount_from_each_weight():
    subject = budgeted(models.encoder(), ["neuron"], 0.08)
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    found = Regularise(steps=5, rate=1e-12, left=0.2, norm="l1")(subject)
    group = subject.groups(["neuron"])[0]
    gone = (found.learned[group.key] == 0).nonzero().flatten()
    after, old = found.model.get_parameter(group.slices[0].parameter), before[group.slices[0].parameter]
    amount = 0.8 * float(old[gone].abs().mean())
    for row in gone.tolist()[:3]:
        for was, now in zip(old[row].tolist(), after[row].tolist(), strict=True):
            wanted = max(abs(was) - amount, 0.0) * (1 if was > 0 else -1)
            assert now == pytest.approx(wanted, abs=1e-6)
    with pytest.raises(UsageError, match="norm"):
        Regularise(norm="l3")


def test_each_layer_follows_the_nearest():
    states = [torch.zeros(2, 3), torch.ones(2, 3)]
    assert float(nearest_distance(states, [torch.full((2, 3), 0.9), torch.full((2, 3), -0.5)])) == pytest.approx(
        (0.01 + 0.25) / 2
    )
    assert float(nearest_distance(states, [torch.zeros(2, 4)])) == 0
    subject = models.encoder().copy()
    with torch.no_grad():
        subject.model.get_submodule(subject.groups(["neuron"])[0].consumer).weight.mul_(0.5)
    before = subject.loss()
    assert NearestLayers(steps=2)(subject).loss() != before
