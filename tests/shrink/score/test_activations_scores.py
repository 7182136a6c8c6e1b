"""Scores from activations and weights, by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.measure.activations import module_inputs  # noqa: E402
from ctxprune.shrink.model.subject import parameter_of  # noqa: E402
from ctxprune.shrink.score.activation_norm import ActivationNorm  # noqa: E402
from ctxprune.shrink.score.fluctuation import Fluctuation  # noqa: E402
from ctxprune.shrink.score.greedy_output import GreedyOutput, greedy_changes  # noqa: E402
from ctxprune.shrink.score.knowledge import Knowledge  # noqa: E402
from ctxprune.shrink.score.magnitude import Magnitude  # noqa: E402
from ctxprune.shrink.score.representative import Representative, representative_ranks  # noqa: E402


def case(key=("head", 1)):
    subject = models.encoder()
    group = subject.anatomy.groups[key]
    inputs = module_inputs(subject, [group.consumer])[group.consumer].double().view(-1, group.count, group.block)
    weight = parameter_of(subject.model, f"{group.consumer}.weight").detach().double().view(32, group.count, -1)
    return subject, group, inputs, weight


def test_activation_norms_by_hand():
    subject, group, inputs, _ = case()
    lengths = [int(n) for batch in subject.calibration for n in batch["attention_mask"].sum(1)]
    rows = inputs.norm(dim=2).split(lengths)
    minitron = torch.stack([row.mean(0) for row in rows]).norm(dim=0)
    assert torch.allclose(ActivationNorm()(subject, [group])[group.key], minitron)
    two = torch.stack([row.norm(dim=0) for row in rows]).mean(0)
    assert torch.allclose(ActivationNorm("l2", "mean")(subject, [group])[group.key], two)


def test_the_width_is_summed_over_norms():
    subject = models.encoder()
    group = subject.anatomy.groups["width", -1]
    before = ActivationNorm()(subject, [group])[group.key]
    assert before.shape == (32,)
    last = subject.anatomy.norms[-1]
    with torch.no_grad():
        parameter_of(subject.model, f"{last}.weight")[3] += 5
    after = ActivationNorm()(subject, [group])[group.key]
    assert float(after[3]) > float(before[3]) + 1
    assert torch.allclose(after[4:], before[4:], atol=1e-5)


def test_activation_times_weight_and_condition_by_hand():
    subject, group, inputs, weight = case()
    columns = weight.square().sum(0)
    for statistic, wanted in (
        ("variance", inputs.var(0, correction=0) * columns),
        ("square", inputs.square().mean(0) * columns),
        ("norm", inputs.square().mean(0).sqrt() * columns.sqrt()),
    ):
        assert torch.allclose(Fluctuation(statistic)(subject, [group])[group.key], wanted.sum(1))
    added = torch.einsum("tub,oub->uto", inputs, weight)
    wanted = added.flatten(1).norm(dim=1) / added.sum(0).norm()
    assert torch.allclose(GreedyOutput(greedy=False)(subject, [group])[group.key], wanted.square())


def test_greedy_changes_by_hand():
    added = torch.tensor([[3.0, 0.0], [-3.0, 0.1], [1.0, 0.0], [0.0, 9.0]]).double()
    found = greedy_changes(added @ added.T)
    # alone: 9, 9.01, 1, 81; 1 goes first, then -3 with it makes 2, then 3 makes 1.01, so 2's change stays the highest
    assert found.argsort().tolist() == [2, 1, 0, 3]
    assert float(found[2]) == pytest.approx(1.0)
    assert float(found[1]) == pytest.approx(4.01)
    assert float(found[0]) == pytest.approx(4.01)


def test_greedy_output_is_relative():
    subject, group, inputs, weight = case(("neuron", 2))
    found = GreedyOutput()(subject, [group])[group.key]
    assert float(found.max()) >= 1.0 - 1e-6
    gone = found.argsort()[:20]
    added = torch.einsum("tub,oub->uto", inputs, weight)
    change = added[gone].sum(0).square().sum() / added.sum(0).square().sum()
    assert float(change) <= float(found[gone[-1]]) + 1e-9


def test_twins_stand_for_each_other():
    points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 8.0], [-6.0, 0.0]])
    ranks = representative_ranks(points, 30, 0.2)
    assert float(ranks[0]) == pytest.approx(float(ranks[1]))
    assert float(ranks[0]) < 0.7 * float(ranks[2])
    subject, group, _, _ = case(("neuron", 0))
    found = Representative(steps=3)(subject, [group])[group.key]
    assert 0 <= float(found.min()) <= float(found.max()) <= 1


def test_magnitudes_by_hand():
    subject = models.encoder()
    group = subject.anatomy.groups["neuron", 1]
    first, bias, last = (parameter_of(subject.model, part.parameter).detach().double() for part in group.slices)
    for norm in (1, 2):
        wanted = torch.cat([first, bias[:, None], last.T], dim=1).norm(p=norm, dim=1)
        assert torch.allclose(Magnitude(norm)(subject, [group])[group.key], wanted)


def test_bad_parameters_are_refused():
    for make, wrong in (
        (Magnitude, {"norm": 3}), (ActivationNorm, {"rows": "max"}), (ActivationNorm, {"within": 3}),
        (Fluctuation, {"statistic": "mean"}), (Representative, {"steps": 0}),
    ):  # fmt: skip
        with pytest.raises(UsageError):
            make(**wrong)


@pytest.mark.parametrize("score", [ActivationNorm(), Fluctuation(), GreedyOutput(), Knowledge()])
def test_units_that_no_matrix_reads_are_refused(score):
    subject = models.encoder()
    with pytest.raises(UsageError, match="no single matrix reads units of kind 'layer'"):
        score(subject, subject.groups(["layer"]))
