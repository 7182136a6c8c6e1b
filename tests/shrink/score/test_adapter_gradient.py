from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.score.adapter_gradient import AdapterGradient  # noqa: E402


def test_the_first_step_is_the_formula_and_the_model_is_as_it_was():
    subject = models.encoder()
    subject = dataclasses.replace(subject, calibration=subject.calibration[:1])
    group = subject.groups(["neuron"])[1]
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    found = AdapterGradient(steps=1, rank=32, memory=0.0)(subject, [group])[group.key]
    # with B = 0 and A of full rank, the guessed slope is (dL/dW) A^T A
    from ctxprune.shrink.learning.adapters import add_adapters

    names = [part.parameter for part in group.slices if part.parameter.endswith("weight")]
    entries = [subject.model.get_parameter(name) for name in names]
    slopes = torch.autograd.grad(subject.task.loss(subject.model, subject.calibration[0]), entries)
    paths = sorted(name.removesuffix(".weight") for name in names)
    with add_adapters(subject.model, paths, rank=32, scale=1.0, generator=subject.generator(6)) as adapters:
        total = torch.zeros(group.count)
        for part, name, entry, slope in zip(
            [part for part in group.slices if part.parameter in names], names, entries, slopes, strict=True
        ):
            down = adapters[name.removesuffix(".weight")].down.detach()
            total += ((slope @ down.T @ down) * entry).abs().sum(1 - part.axis).detach()
    assert torch.allclose(found.float(), total / total.norm(), atol=1e-5)
    assert all(torch.equal(entry, before[name]) for name, entry in subject.model.state_dict().items())
    assert all(entry.grad is None for entry in subject.model.parameters())


def test_scores_are_averages_over_steps():
    subject = models.decoder()
    groups = subject.groups(["head", "neuron"])
    found = AdapterGradient(steps=3, rank=4)(subject, groups)
    assert all(0 < float(score.norm()) <= 1 - 0.9**3 + 1e-9 for score in found.values())
