from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.learning.clustering import farthest_centres, k_means  # noqa: E402
from ctxprune.shrink.measure.activations import module_inputs  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402
from ctxprune.shrink.score.activation_norm import ActivationNorm  # noqa: E402
from ctxprune.shrink.score.clusters import Clusters  # noqa: E402
from ctxprune.shrink.score.dual import Dual  # noqa: E402
from ctxprune.shrink.score.fluctuation import Fluctuation  # noqa: E402
from ctxprune.shrink.score.mixed import Mixed  # noqa: E402


def test_clusters_are_found():
    generator = torch.Generator().manual_seed(0)
    points = torch.cat([torch.randn(20, 5, generator=generator) + 20 * number for number in range(3)])
    labels = k_means(points, farthest_centres(points, 3, generator))
    assert {len(set(labels[start : start + 20].tolist())) for start in (0, 20, 40)} == {1}
    assert len(set(labels.tolist())) == 3


def test_one_cluster_is_the_whole_and_more_differ_from_it():
    subject = models.encoder()
    groups = subject.groups(["head", "neuron"])
    whole = Clusters(clusters=1, statistic="variance")(subject, groups)
    plain = Fluctuation()(subject, groups)
    assert all(torch.allclose(whole[group.key], plain[group.key]) for group in groups)
    one = Clusters(clusters=3, only=0)(subject, groups)
    most = Clusters(clusters=3, across="max")(subject, groups)
    assert sum(subject.notes["clusters"]) == 24
    assert all(bool((most[key] >= one[key] - 1e-12).all()) for key in one)


def test_units_that_never_wake_have_no_score():
    subject = models.decoder()
    group = subject.groups(["neuron"])[0]
    with torch.no_grad():
        subject.model.get_submodule(group.reader).weight[5] = 0
    found = ActivationNorm(rows="pooled", within=1)(subject, [group])[group.key]
    assert float(found[5]) == 0
    wanted = module_inputs(subject, [group.consumer])[group.consumer].abs().mean(0)
    assert torch.allclose(found.float(), wanted, atol=1e-5)
    head = subject.groups(["head"])[0]
    inputs = module_inputs(subject, [head.consumer])[head.consumer].abs().mean(0).view(head.count, -1).sum(1)
    found = ActivationNorm(rows="pooled", within=1)(subject, [head])[head.key]
    assert torch.allclose(found.float(), inputs, atol=1e-5)
    assert float(ActivationNorm(rows="pooled", within=1, relative=True)(subject, [group])[group.key].max()) == 1


def test_scores_of_two_tasks_are_mixed():
    subject = dataclasses.replace(models.encoder(), related=models.batches(2, seed=5))
    groups = subject.groups(["neuron"])[:1]
    key = groups[0].key
    own = Fluctuation()(subject, groups)[key]
    other = Fluctuation()(dataclasses.replace(subject, calibration=subject.related), groups)[key]
    mixed = Mixed(share=0.25)(subject, groups)[key]
    assert torch.allclose(mixed, 0.25 * own / own.mean() + 0.75 * other / other.mean())
    assert subject.notes["related"] == 16
    alone = models.encoder()
    assert torch.allclose(Mixed()(alone, groups)[key], own / own.mean())
    assert alone.notes["related"] == 0


def test_the_dual_score_is_the_formula():
    subject = dataclasses.replace(models.encoder(), related=models.batches(2, seed=5))
    name = matrices(subject.model)[0]
    found = Dual(regular=0.5, damping=0.1)(subject, [name])[name]
    inputs = module_inputs(dataclasses.replace(subject, calibration=subject.related), [name.removesuffix(".weight")])
    (states,) = (entry.double() for entry in inputs.values())
    curve = states.T @ states / len(states)
    curve += 0.1 * curve.diagonal().mean() * torch.eye(32)
    weight = subject.model.get_parameter(name)
    general = weight.double().square() / torch.linalg.inv(curve).diagonal()
    general = general / general.mean()
    slopes = [
        torch.autograd.grad(subject.task.loss(subject.model, one), [weight])[0].double()
        for batch in subject.calibration
        for one in subject.task.examples(batch)
    ]

    def summed(regular: float) -> torch.Tensor:
        moved = [slope * (1 + 2 * regular * general * slope**2 / (slope**2).mean()) * weight for slope in slopes]
        return sum((one + 0.5 * one**2).abs() for one in moved).detach()

    assert torch.allclose(found, summed(0.5), rtol=1e-4, atol=1e-10)
    plain = Dual(regular=0.0)(subject, [name])[name]
    assert torch.allclose(plain, summed(0.0), rtol=1e-4, atol=1e-10)
    assert not torch.allclose(found, plain, rtol=1e-3)
