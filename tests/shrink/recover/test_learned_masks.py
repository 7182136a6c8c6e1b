"""Trainings that find masks: movement, bi-level, anytime; rewinding and CrAM."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.allocate.per_matrix import PerMatrix  # noqa: E402
from ctxprune.shrink.measure.substituted import Substituted, straight_through  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.recover.anytime import Anytime  # noqa: E402
from ctxprune.shrink.recover.bi_level import BiLevel  # noqa: E402
from ctxprune.shrink.recover.cram import Cram  # noqa: E402
from ctxprune.shrink.recover.movement import Movement  # noqa: E402
from ctxprune.shrink.recover.rewind import Rewind  # noqa: E402


def asked(share: float = 0.5):
    return replace(models.encoder().copy(), budget=Budget((), {}, share, measure="weights"))


def state(subject):
    return {name: entry.detach().clone() for name, entry in subject.model.named_parameters()}


def test_a_substituted_model_runs_with_other_values_and_the_mask_gets_the_gradient():
    subject = asked()
    (name, *_), batch = matrices(subject.model), subject.calibration[0]
    weight, mask = subject.model.get_parameter(name), torch.rand(32, 32) > 0.5
    scores = torch.zeros(32, 32, requires_grad=True)
    value = weight.detach() * straight_through(mask, scores)
    value.retain_grad()
    found = subject.task.loss(Substituted(subject.model, {name: value}), batch)
    found.backward()
    assert torch.allclose(scores.grad, value.grad * weight)
    with torch.no_grad():
        assert float(found) != pytest.approx(float(subject.task.loss(subject.model, batch)), abs=1e-6)
        weight.mul_(mask)
        assert float(found) == pytest.approx(float(subject.task.loss(subject.model, batch)))


def test_movement_scores_fall_where_weights_go_to_zero():
    """One step of S from 0: the sign of the score is that of -W * dL/dW'."""
    subject = asked(0.0)
    name, batch = matrices(subject.model)[0], subject.calibration
    subject = replace(subject, calibration=batch[:1])
    loss = subject.task.loss(subject.model, subject.calibration[0])
    (slope,) = torch.autograd.grad(loss, [subject.model.get_parameter(name)])
    weight = subject.model.get_parameter(name).detach().clone()
    learned = Movement(steps=1)(subject).learned[name]
    away = -(weight * slope)
    clear = away.abs() > 1e-5
    assert torch.equal(learned.sign()[clear], away.sign()[clear])


@pytest.mark.parametrize("closed", [0.0, 1.0])
def test_smp_holds_the_mean_sigmoid_of_the_scores_down(closed: float):
    """L + penalty * mean over matrices of mean sigmoid(S) has the slope W dL/dW' + penalty / 4 / size / matrices."""
    subject = asked(0.0)
    subject = replace(subject, calibration=subject.calibration[:1])
    names = matrices(subject.model)
    loss = subject.task.loss(subject.model, subject.calibration[0])
    slopes = torch.autograd.grad(loss, [subject.model.get_parameter(name) for name in names])
    found = Movement(1, 0.01, tune=False, within="layers", penalty=2.0, warm=1 - closed, cool=0.0)(subject).learned
    for name, slope in zip(names, slopes, strict=True):
        weight = subject.model.get_parameter(name).detach()
        whole = weight * slope + 2.0 * closed * 0.25 / weight.numel() / len(names)
        clear = whole.abs() > 1e-5
        assert torch.allclose(found[name][clear], -0.01 * whole.sign()[clear], atol=1e-4)


def test_smp_shares_what_is_kept_by_the_mean_sigmoid():
    subject, generator = asked(0.6), torch.Generator().manual_seed(2)
    scores = {
        name: torch.randn(subject.model.get_parameter(name).shape, generator=generator) + number % 5 - 3
        for number, name in enumerate(matrices(subject.model))
    }
    masks = PerMatrix(by_scores=True)(subject, scores, subject.budget)
    sizes = sum(mask.numel() for mask in masks.values())
    assert sum(int((~mask).sum()) for mask in masks.values()) in range(int(0.6 * sizes), int(0.6 * sizes) + 2)
    for kind in ("attention.self.query", "output.dense", "intermediate.dense"):
        own = [name for name in scores if name.split(".", 4)[4] == f"{kind}.weight"]
        means = {name: sum(1 / (1 + math.exp(-v)) for v in scores[name].flatten().tolist()) for name in own}
        for name in own:
            kept = 0.4 * len(own) * means[name] / sum(means.values())
            assert int(masks[name].sum()) == pytest.approx(kept * masks[name].numel(), abs=1.01)
            assert float(scores[name][masks[name]].min()) >= float(scores[name][~masks[name]].max())
    # where one would keep more than all, the others share the rest
    full = {name: torch.full_like(score, 9.0 if ".0." in name else -9.0) for name, score in scores.items()}
    masks = PerMatrix(by_scores=True)(subject, full, subject.budget)
    left = {name: float(mask.double().mean()) for name, mask in masks.items()}
    assert all(value == pytest.approx(1.0 if ".0." in name else 0.2, abs=2e-3) for name, value in left.items())


@pytest.mark.parametrize("within", ["layers", "matrix", "model"])
def test_movement_tunes_the_weights_or_leaves_them(within):
    for tune in (True, False):
        subject = asked()
        before = state(subject)
        found = Movement(steps=3, rate=1e-3, tune=tune, within=within)(subject)
        assert list(found.learned) == matrices(subject.model)
        changed = [name for name, entry in state(found).items() if not torch.equal(entry, before[name])]
        assert bool(changed) is tune
        assert all(bool(score.any()) for score in found.learned.values())


def test_bi_level_scores_start_as_sizes_and_move():
    subject = asked()
    before = state(subject)
    found = BiLevel(steps=2)(subject)
    name = matrices(subject.model)[0]
    start = before[name].abs() / before[name].abs().max()
    change = (found.learned[name] - start).abs().max()
    assert 0 < float(change) <= 2 * 0.05 + 1e-6
    assert not torch.equal(found.model.get_parameter(name), before[name])
    assert torch.equal(found.model.get_parameter("bert.pooler.dense.weight"), before["bert.pooler.dense.weight"])


def test_anytime_takes_more_with_each_lot_and_its_zeros_stay():
    subject = asked(0.6)
    found = Anytime(lots=3, steps=3)(subject)
    zeros = sum(int((found.model.get_parameter(name) == 0).sum()) for name in matrices(found.model))
    total = sum(mask.numel() for mask in found.masks.values())
    assert 0.6 * total <= zeros <= 0.6 * total + 1
    assert zeros == sum(int((~mask).sum()) for mask in found.masks.values())


def test_rewinding_gives_early_weights_under_the_masks():
    subject = asked()
    name = matrices(subject.model)[0]
    mask = torch.rand(32, 32) > 0.5
    found = Rewind(steps=1, rate=1e-12)(replace(subject, masks={name: mask}))
    assert torch.allclose(found.model.get_parameter(name), subject.base.get_parameter(name) * mask, atol=1e-6)
    found = Rewind(steps=1, rate=1e-12)(replace(subject, base=None, masks={name: mask}))
    assert torch.allclose(found.model.get_parameter(name), subject.teacher.get_parameter(name) * mask, atol=1e-6)
    before = state(subject)
    found = Rewind(tune=False)(replace(subject, masks={}))  # a ticket is drawn before any training
    assert all(torch.equal(entry, subject.base.get_parameter(name)) for name, entry in state(found).items())
    assert not torch.equal(before[name], subject.base.get_parameter(name))
    with pytest.raises(InputError, match="other shapes"):
        Rewind()(replace(subject, base=None, teacher=models.llama()))


def test_cram_trains_the_weights_and_leaves_them_dense():
    subject = asked()
    before = state(subject)
    found = Cram(steps=2, rate=1e-3)(subject)
    assert all(not torch.equal(found.model.get_parameter(name), before[name]) for name in matrices(found.model))
    assert not any(bool((found.model.get_parameter(name) == 0).any()) for name in matrices(found.model))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Movement(towards="x"), lambda: Movement(steps=0), lambda: Movement(within="row"),
        lambda: Movement(warm=0.8), lambda: Movement(penalty=-1.0), lambda: Movement(block=0),
        lambda: BiLevel(gamma=0),
        lambda: BiLevel(towards="x"), lambda: Anytime(lots=0), lambda: Cram(drops=()), lambda: Cram(towards="x"),
        lambda: Rewind(towards="x"), lambda: Rewind(steps=0),
    ],
)  # fmt: skip
def test_bad_settings_are_refused(make):
    with pytest.raises(UsageError):
        make()
