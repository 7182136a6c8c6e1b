"""Scores by what happens without a unit."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.measure.gates import apply_gates  # noqa: E402
from ctxprune.shrink.measure.removal import output_change  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.score.removal import Removal  # noqa: E402

BATCH = {"attention_mask": torch.tensor([[1, 1], [1, 0]])}


def test_the_loss_is_that_of_the_model_without_the_layer():
    subject = models.encoder()
    (scores,) = Removal()(subject, subject.groups(["layer"])).values()
    for place in range(4):
        mask = torch.arange(4) != place
        assert float(scores[place]) == pytest.approx(
            subject.loss(remove(subject.model, {("layer", -1): mask})), rel=1e-4
        )


@pytest.mark.parametrize("measure", ["divergence", "angle", "kl", "norm"])
@pytest.mark.parametrize("kind", ["layer", "sublayer"])
def test_removing_inactive_units_changes_no_output(measure: str, kind: str):
    subject = models.without_effect(models.decoder(), 1)
    (scores,) = Removal(measure)(subject, subject.groups([kind])).values()
    here = [1] if kind == "layer" else [2, 3]
    assert scores[here].abs().max() < 1e-4
    assert scores[[place for place in range(len(scores)) if place not in here]].min() > 1e-3


def test_changes_by_hand():
    output, wanted = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    assert float(output_change(output, wanted, BATCH, "angle")) == pytest.approx(0.25)
    assert float(output_change(output, wanted, BATCH, "norm")) == pytest.approx((math.sqrt(2) + 1) / 2)
    one, even = torch.tensor([[0.0]]), torch.tensor([[math.log(3)]])
    wished = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert float(output_change(one, even, BATCH, "kl")) == pytest.approx(wished)


def test_single_scores_are_one_vector_and_padding_is_left_out():
    scores, wanted = torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [3.0]])
    assert float(output_change(scores, wanted, BATCH, "angle")) == pytest.approx(0.5)
    states, wished = torch.ones(2, 2, 2), torch.ones(2, 2, 2)
    states[1, 1] = -5.0
    assert float(output_change(states, wished, BATCH, "norm")) == 0.0


def test_rows_beyond_the_samples_do_not_count():
    subject = models.encoder()
    few, whole = Removal(samples=3), Removal()
    groups = subject.groups(["layer"])
    assert not torch.allclose(few(subject, groups)["layer", -1], whole(subject, groups)["layer", -1])


def test_another_measure_is_refused():
    with pytest.raises(UsageError, match="measure"):
        Removal("guess")


def test_the_weakest_units_of_the_cheapest_layer_go_first():
    subject = models.encoder()
    groups = subject.groups(["neuron"])
    with torch.no_grad():  # neurons 5 and 9 of layer 2 do next to nothing
        layer = subject.model.bert.encoder.layer[2]
        for entry in (layer.intermediate.dense.weight, layer.intermediate.dense.bias):
            entry[[5, 9]] *= 1e-4
        layer.output.dense.weight[:, [5, 9]] *= 1e-4
    scores = Removal(chunk=2 / 48)(subject, groups)
    ranks = sorted((float(value), key, place) for key, score in scores.items() for place, value in enumerate(score))
    chunk = [entry[2] for entry in ranks if entry[1] == ("neuron", 2)][:2]
    assert chunk == [5, 9]
    gate = torch.ones(48)
    gate[[5, 9]] = 0
    with apply_gates(subject.model, {("neuron", 2): gate}):
        assert float(scores["neuron", 2][5]) == pytest.approx(subject.loss(), rel=1e-6)
    chunks = {entry[:2] for entry in ranks[:8]}
    assert len(chunks) == 4  # every group's chunk comes before all other units
    with pytest.raises(UsageError, match="chunk"):
        Removal(chunk=2.0)
