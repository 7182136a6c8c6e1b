"""Scales lower the error and stay within their bounds."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.compensate.mask_tuning import MaskTuning, tune_scales  # noqa: E402
from ctxprune.shrink.model.subject import module_of  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("limit", [1.0, 1.5, 10.0])
def test_scales_are_bounded_and_never_worse(seed: int, limit: float):
    generator = torch.Generator().manual_seed(seed)
    added, wanted = torch.randn(40, 6, generator=generator).double(), 3 * torch.randn(40, generator=generator).double()
    scales = tune_scales(added.T @ added, added.T @ wanted, limit, 1e-4)
    assert float(scales.abs().max()) <= limit
    errors = [float((wanted - added @ tried).square().sum()) for tried in (scales, torch.ones(6).double())]
    assert errors[0] <= errors[1] + 1e-9


def test_known_scales_are_found():
    added = torch.randn(40, 3, generator=torch.Generator().manual_seed(1)).double()
    wanted = torch.tensor([2.0, 0.5, -1.0]).double()
    assert torch.allclose(tune_scales(added.T @ added, added.T @ (added @ wanted), 10.0, 1e-9), wanted, atol=1e-6)


def test_a_unit_takes_over_its_twins_part():
    subject = models.encoder().copy()
    group = subject.anatomy.groups["neuron", 1]
    first, last = module_of(subject.model, group.reader), module_of(subject.model, group.consumer)
    with torch.no_grad():
        first.weight[24:], first.bias[24:] = first.weight[:24].clone(), first.bias[:24].clone()
        last.weight[:, 24:] = 0.5 * last.weight[:, :24]
    subject = type(subject)(subject.model, subject.task, subject.calibration).copy()
    before = last.weight.detach()[:, :24].clone()
    MaskTuning(ridge=1e-9)(subject, {group.key: torch.arange(48) < 24})
    after = module_of(subject.model, group.consumer).weight.detach()[:, :24]
    assert torch.allclose(after, 1.5 * before, atol=2e-3)


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_the_divergence_from_the_teacher_falls(make):
    before, after = [], []
    for seed in range(3):
        subject = make(seed).copy()
        kept = {
            group.key: torch.rand(group.count, generator=subject.generator(group.layer)) > 0.3
            for group in subject.groups(["neuron"])
        }
        before.append(models.divergence(subject, remove(subject.model, kept)))
        MaskTuning()(subject, kept)
        after.append(models.divergence(subject, remove(subject.model, kept)))
    assert sum(after) < sum(before)


def test_bad_parameters_are_refused():
    with pytest.raises(UsageError):
        MaskTuning(limit=0.5)
