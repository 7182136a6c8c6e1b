from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.training import cubic_share  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.recover.hybrid_sparsification import HybridSparsification, _Module  # noqa: E402
from ctxprune.shrink.recover.movement import Movement, _highest, _numbered, _of_group, _Part  # noqa: E402
from ctxprune.shrink.recover.regularise import Regularise  # noqa: E402


def budgeted(subject, kinds, share=0.4):
    subject = subject.copy()
    groups = subject.groups(kinds)
    costs = unit_costs(subject.model, groups, "flops")
    return dataclasses.replace(subject, budget=Budget(groups, costs, share * cost(subject.model, "flops")))


def test_blocks_are_numbered_by_unit_and_square():
    subject = models.encoder()
    group = subject.groups(["head"])[0]
    where = _numbered(subject, group, group.slices[0], 4)
    assert where.shape == (32, 32)
    assert int(where.max()) + 1 == 4 * 2 * 8
    assert where[0, 0] == where[3, 3] == 0
    assert where[4, 0] == 8
    assert where[8, 0] == 16  # the second head
    columns = _numbered(subject, group, group.slices[-1], 4)
    assert columns[3, 3] == 0
    assert columns[0, 8] == 16


def test_the_schedule_is_cubic():
    assert cubic_share(0.05, 0.1, 0.1) == 0
    assert cubic_share(0.95, 0.1, 0.1) == 1
    assert cubic_share(0.5, 0.1, 0.1) == pytest.approx(1 - 0.5**3)


def test_scores_on_another_device_are_ranked():
    """Tensors without values that tell their devices: what mixes two raises, as it does with the real ones."""
    fake = pytest.importorskip("torch._subclasses.fake_tensor")
    subject = budgeted(models.encoder(), ["head"])
    part = _of_group(subject, subject.groups(["head"])[0], 8)[0]
    weights = _Part("weight", [("classifier.weight", None)], subject)
    with fake.FakeTensorMode(allow_non_fake_inputs=True):
        part.weight = torch.zeros(len(part.scores))
        part.scores = torch.zeros(len(part.scores), device="cuda")
        assert _highest([part], 0.5)[0].shape == part.scores.shape
        weights.scores = torch.zeros(weights.scores.shape, device="cuda")
        single = dataclasses.replace(subject, budget=Budget((), {}, 0.4, measure="weights"))
        (left,) = Movement(within="model")._kept(single, [weights], 1.0)
        assert left.shape == weights.scores.shape


@pytest.mark.parametrize("kind", ["head", "neuron"])
@pytest.mark.parametrize("penalty", [0.0, 3.0])
def test_scores_of_blocks_move_against_the_summed_slope_and_the_penalty(kind: str, penalty: float):
    subject = budgeted(models.encoder(), [kind])
    group = subject.groups([kind])[1]
    # nothing is masked, so that the slopes are those of the dense model, and one batch alone is seen
    subject = dataclasses.replace(
        subject, calibration=subject.calibration[:1], budget=dataclasses.replace(subject.budget, remove=0.0)
    )
    before = {name: entry.clone() for name, entry in subject.model.named_parameters()}
    piece = Movement(1, 1e-6, score_rate=0.01, towards="labels", block=8, penalty=penalty)
    learned = piece(subject).learned[group.key]
    model = models.encoder().model
    subject.task.loss(model, subject.calibration[0]).backward()
    parts = [part for part in group.slices if kind == "neuron" or model.get_parameter(part.parameter).ndim == 2]
    blocks = 1 if kind == "neuron" else 4  # of a head of 8 rows and 32 columns
    slopes = torch.zeros(1 if kind == "neuron" else len(parts), group.count, blocks)
    for number, part in enumerate(parts):
        entry = model.get_parameter(part.parameter)
        product = (entry.detach() * entry.grad).movedim(part.axis, 0)
        for unit in range(group.count):
            for row in range(unit * part.size, (unit + 1) * part.size):
                for place, value in enumerate(product[row].flatten().tolist()):
                    slopes[0 if kind == "neuron" else number, unit, place // 8 if blocks > 1 else 0] += value
    matrices_ = len(subject.budget.groups) * len(slopes)
    slopes += penalty * 0.25 / (group.count * blocks) / matrices_
    # the first step of Adam is the rate against the slope's sign
    if kind == "neuron":
        clear = slopes[0, :, 0].abs() > 1e-5
        assert torch.allclose(learned[clear], -0.01 * slopes[0, :, 0].sign()[clear], atol=1e-4)
    else:
        wanted = 1 - 1e-5 * slopes.sign().movedim(0, 1).flatten(1).mean(1)
        assert torch.allclose(learned.float(), wanted, atol=3e-6)
    assert all(bool((entry != 0).all()) for name, entry in subject.model.named_parameters() if bool(before[name].all()))


def test_every_unit_gets_a_score_and_the_weights_come_back_dense():
    subject = budgeted(models.encoder(), ["head", "neuron"])
    long = Movement(12, 3e-5, score_rate=0.01, block=8)(subject)
    assert all(len(long.learned[entry.key]) == entry.count for entry in subject.budget.groups)
    (group,) = subject.groups(["neuron"])[:1]
    assert bool((long.model.get_parameter(group.slices[0].parameter) != 0).all())


def test_masks_close_before_any_score_has_moved():
    """A model that is trained towards itself has no slope as long as all of it is there."""
    subject = budgeted(models.encoder(), ["head", "neuron"])
    subject = dataclasses.replace(subject, teacher=models.encoder().model)
    found = Movement(20, 3e-5, score_rate=0.01, towards="teacher", block=8)(subject)
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
