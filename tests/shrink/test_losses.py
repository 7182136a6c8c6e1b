"""Losses: golden values on hand-made scores, and what each of them needs."""

from __future__ import annotations

import dataclasses
import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.learning.losses import (  # noqa: E402
    LOSSES,
    build_objective,
    layer_pairs,
    listwise_loss,
    margin_loss,
    record_outputs,
)
from ctxprune.shrink.measure.depth import layer_states  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def value(found: torch.Tensor) -> float:
    return float(found.detach())


def with_teacher(subject):
    return dataclasses.replace(subject.copy(), teacher=subject.model)


def test_margin_compares_differences_inside_a_group():
    groups = torch.tensor([0, 0, 0, 1])
    scores, wanted = torch.tensor([1.0, 3.0, 0.0, 9.0]), torch.tensor([2.0, 2.0, 0.0, -9.0])
    # errors -1, 1, 0: differences -2, -1, 1
    assert value(margin_loss(scores, wanted, groups)) == pytest.approx((4 + 1 + 1) / 3)
    assert value(margin_loss(scores + 5, wanted, groups)) == pytest.approx(2.0)
    assert value(margin_loss(scores[2:], wanted[2:], groups[2:])) == 0.0


def test_listwise_is_a_divergence_of_rankings():
    groups = torch.tensor([0, 0, 1])
    scores, wanted = torch.tensor([0.0, 0.0, 3.0]), torch.tensor([math.log(3.0), 0.0, -1.0])
    expected = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert value(listwise_loss(scores, wanted, groups)) == pytest.approx(expected)
    assert value(listwise_loss(wanted + 7, wanted, groups)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_is_0_for_the_teacher_itself_and_falls_in_training(loss: str):
    subject = with_teacher(models.encoder())
    batch = subject.calibration[0]
    aim = build_objective(subject, loss)
    assert value(aim.loss(subject.model, batch)) == pytest.approx(0.0, abs=1e-6)
    with torch.no_grad():
        subject.model.classifier.weight.mul_(0.3)
        subject.model.bert.encoder.layer[2].output.dense.weight.mul_(0.5)
    optimizer = torch.optim.SGD(subject.model.parameters(), lr=1e-3)
    before = aim.loss(subject.model, batch)
    before.backward()
    optimizer.step()
    assert value(aim.loss(subject.model, batch).detach()) < value(before)


def test_scores_in_the_data_stand_for_a_teacher():
    subject = models.encoder()
    batches = [dict(batch) | {"teacher": torch.arange(8.0)} for batch in subject.calibration]
    given = dataclasses.replace(subject, calibration=batches)
    scores = subject.task.output(subject.model, batches[0])[:, 0]
    found = build_objective(given, "output").loss(given.model, batches[0])
    assert value(found) == pytest.approx(value((scores - torch.arange(8.0)).square().mean()), rel=1e-5)
    assert value(build_objective(given, "margin").loss(given.model, batches[0])) > 0
    with pytest.raises(UsageError, match="needs a teacher"):
        build_objective(given, "hidden")


def test_without_a_teacher_the_labels_are_followed():
    subject = models.encoder()
    batch = subject.calibration[0]
    assert torch.equal(build_objective(subject).loss(subject.model, batch), subject.task.loss(subject.model, batch))
    aim = build_objective(with_teacher(subject), "margin", towards="labels")
    assert torch.equal(aim.loss(subject.model, batch), subject.task.loss(subject.model, batch))


def test_language_models_follow_the_distribution():
    subject = with_teacher(models.decoder())
    batch = subject.calibration[0]
    assert value(build_objective(subject, "hidden").loss(subject.model, batch)) == pytest.approx(0.0, abs=1e-5)
    with pytest.raises(UsageError, match="for rerankers"):
        build_objective(subject, "listwise")


def test_hidden_needs_a_map_only_where_widths_differ():
    subject = with_teacher(models.encoder())
    assert build_objective(subject, "hidden").parameters == []
    kept = torch.ones(32, dtype=torch.bool)
    kept[20:] = False
    narrow = subject.with_model(remove(subject.model, {("width", -1): kept}))
    aim = build_objective(narrow, "hidden", layers="nearest")
    (bridge,) = aim.parameters
    assert bridge.shape == (32, 20)
    aim.loss(narrow.model, narrow.calibration[0]).backward()
    assert value(bridge.grad.abs().sum()) > 0


def test_each_of_the_teachers_layers_is_followed_by_the_nearest():
    subject = with_teacher(models.encoder())
    shallow = subject.with_model(remove(subject.model, {("layer", -1): torch.tensor([True, True, False, False])}))
    batch = subject.calibration[0]
    states, wanted = layer_states(shallow, batch)[1:], layer_states(subject, batch)[1:]
    apart = sum(
        min(float((own - goal).square().mean() / goal.square().mean()) for own in states) for goal in wanted
    ) / len(wanted)
    output = value(build_objective(shallow, "output").loss(shallow.model, batch))
    for weight in (1.0, 0.1):
        aim = build_objective(shallow, "hidden", layers="nearest", weight=weight)
        assert value(aim.loss(shallow.model, batch)) == pytest.approx(output + weight * apart, rel=1e-4)


def test_layers_are_matched_by_height():
    assert layer_pairs(3, 6) == [1, 3, 5]
    assert layer_pairs(4, 6) == [1, 2, 3, 5]
    assert layer_pairs(2, 2) == [0, 1]


def test_recorded_states_are_those_of_real_tokens():
    subject = models.encoder()
    batch = subject.calibration[0]
    with record_outputs(subject.model, ["bert.encoder.layer.1"], batch) as states:
        subject.task.output(subject.model, batch)
    assert states[0].shape == (int(batch["attention_mask"].sum()), 32)
    assert not subject.model.bert.encoder.layer[1]._forward_hooks


def test_rankings_need_groups():
    subject = with_teacher(models.encoder())
    alone = [{name: entry for name, entry in batch.items() if name != "groups"} for batch in subject.calibration]
    with pytest.raises(UsageError, match="batches with groups"):
        build_objective(dataclasses.replace(subject, calibration=alone), "listwise")


@pytest.mark.parametrize("given", [{"loss": "mse"}, {"towards": "stars"}, {"layers": "far"}])
def test_bad_names_are_refused(given: dict[str, str]):
    with pytest.raises(UsageError, match=f"{next(iter(given))} is"):
        build_objective(models.encoder(), **given)
