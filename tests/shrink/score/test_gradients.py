"""Scores from slopes, against finite differences and loops over rows."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.measure.gates import apply_gates  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.model.subject import Subject, parameter_of  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402
from ctxprune.shrink.score.base import unit_parts  # noqa: E402
from ctxprune.shrink.score.dual import Dual  # noqa: E402
from ctxprune.shrink.score.gate_gradient import GateGradient  # noqa: E402
from ctxprune.shrink.score.knowledge import Knowledge  # noqa: E402
from ctxprune.shrink.score.layer_taylor import LayerTaylor  # noqa: E402
from ctxprune.shrink.score.taylor import Taylor  # noqa: E402


def row_slopes(subject, group):
    """By row the difference quotient of the row's loss by each gate: (rows, count)."""
    model, found = subject.model.double(), []
    for batch in subject.calibration:
        for row in range(len(batch["input_ids"])):
            one = {name: value[row : row + 1] for name, value in batch.items()}
            slopes = []
            for unit in range(group.count):
                losses = []
                for step in (1e-2, -1e-2):
                    gate = torch.ones(group.count, dtype=torch.float64)
                    gate[unit] += step
                    with torch.no_grad(), apply_gates(model, {group.key: gate}):
                        losses.append(float(subject.task.loss(model, one)))
                slopes.append((losses[0] - losses[1]) / 2e-2)
            found.append(slopes)
    subject.model.float()
    return torch.tensor(found, dtype=torch.float64)


def test_fisher_and_gate_gradients_are_those_of_a_loop_over_rows():
    subject = Subject(models.bert(), CrossEncoder(), models.batches(1, rows=4, labels=True))
    group = subject.anatomy.groups["head", 1]
    slopes = row_slopes(subject, group)
    fisher = GateGradient(2, normalise=False)(subject, [group])[group.key]
    assert torch.allclose(fisher, slopes.square().mean(0), rtol=2e-2, atol=1e-7)
    plain = GateGradient(normalise=False)(subject, [group])[group.key]
    assert torch.allclose(plain, slopes.abs().mean(0), rtol=2e-2, atol=1e-5)
    normed = GateGradient()(subject, [group])[group.key]
    assert torch.allclose(normed, plain / plain.norm())


def test_taylor_by_vector_is_the_slope_along_a_units_weights():
    subject = models.encoder()
    group = subject.anatomy.groups["neuron", 2]
    part = group.slices[-1]
    only = type(group)(group.kind, group.layer, group.count, (part,), group.consumer)
    found = Taylor("first", "vector", samples=8)(subject, [only])[group.key]
    entry, batch = parameter_of(subject.model, part.parameter), subject.calibration[0]
    wanted, before = [], entry.detach().clone()
    subject.model.double()
    for unit in (0, 17, 47):
        losses = []
        for step in (1e-2, -1e-2):
            changed = before.double()
            changed[:, unit] *= 1 + step
            entry.data = changed
            with torch.no_grad():
                losses.append(float(subject.task.loss(subject.model, batch)))
        wanted.append(abs(losses[0] - losses[1]) / 2e-2)
    assert found[[0, 17, 47]].tolist() == pytest.approx(wanted, rel=2e-2, abs=2e-5)


def test_taylor_orders_by_hand():
    subject = Subject(models.bert(), CrossEncoder(), models.batches(1, rows=3, labels=True))
    group = subject.anatomy.groups["head", 0]
    part = group.slices[0]
    entry, slopes = parameter_of(subject.model, part.parameter), []
    for row in range(2):
        one = {name: value[row : row + 1] for name, value in subject.calibration[0].items()}
        (slope,) = torch.autograd.grad(subject.task.loss(subject.model, one), [entry])
        slopes.append(slope.double())
    weight = entry.detach().double()
    first, second = weight * (slopes[0] + slopes[1]) / 2, weight**2 * (slopes[0] ** 2 + slopes[1] ** 2) / 4
    only = type(group)(group.kind, group.layer, group.count, (part,), group.consumer)
    for order, salience in (("first", first), ("second", second), ("mixed", first - second)):
        found = Taylor(order, "element", samples=2)(subject, [only])[group.key]
        assert torch.allclose(found, unit_parts(salience, part, 4).abs().sum(1), rtol=1e-5)
    assert all(entry.requires_grad and entry.grad is None for entry in subject.model.parameters())
    whole = {over: Taylor(over=over, samples=2)(subject, [group])[group.key] for over in ("sum", "prod", "max", "last")}
    parts = []
    for own in group.slices:
        alone = type(group)(group.kind, group.layer, group.count, (own,), group.consumer)
        parts.append(Taylor(samples=2)(subject, [alone])[group.key].tolist())
    assert group.slices[-1].parameter == f"{group.consumer}.weight"
    for unit in range(group.count):
        own = [part[unit] for part in parts]
        wanted = {"sum": sum(own), "prod": math.prod(own), "max": max(own), "last": own[-1]}
        assert {over: float(score[unit]) for over, score in whole.items()} == pytest.approx(wanted, rel=1e-6)


def test_no_labels_means_no_gradient():
    subject = Subject(models.bert(), CrossEncoder(), models.batches()).copy()
    groups = subject.groups(["head"])
    for score in (GateGradient(2), GateGradient(), Taylor(samples=2)):
        with pytest.raises(InputError, match="no gradient"):
            score(subject, groups)
    with pytest.raises(InputError, match="no gradient"):
        LayerTaylor()(subject, subject.groups(["layer"]))
    with pytest.raises(InputError, match="no gradient"):
        Dual()(subject, matrices(subject.model)[:1])


def test_knowledge_needs_no_labels_and_sees_what_is_read():
    subject = Subject(models.bert(), CrossEncoder(), models.batches()).copy()
    group = subject.anatomy.groups["neuron", 3]
    with torch.no_grad():
        parameter_of(subject.model, f"{group.consumer}.weight")[:, :10] = 0
    found = Knowledge()(subject, subject.groups(["head", "neuron"]))
    assert float(found[group.key][:10].max()) == 0.0
    assert float(found[group.key][10:].min()) > 0.0
    assert float(sum(score.sum() for score in found.values())) == pytest.approx(2.0)
    alone = Knowledge(trade=0.0)(subject, subject.groups(["head", "neuron"]))
    assert float(sum(score.sum() for score in alone.values())) == pytest.approx(1.0)


def test_bad_parameters_are_refused():
    for wrong in ({"order": "third"}, {"by": "row"}, {"over": "min"}, {"samples": 0}):
        with pytest.raises(UsageError):
            Taylor(**wrong)
    for piece in (lambda: Knowledge(noise=0.0), lambda: GateGradient(power=3)):
        with pytest.raises(UsageError):
            piece()
