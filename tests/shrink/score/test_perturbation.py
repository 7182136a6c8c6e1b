from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.score.perturbation import Perturbation, regress  # noqa: E402


def test_planted_utilities_are_recovered():
    generator = torch.Generator().manual_seed(0)
    masks = (torch.rand(60, 12, generator=generator) > 0.3).double()
    planted = torch.randn(12, generator=generator, dtype=torch.float64)
    found = regress(masks, masks @ planted + 3.0, torch.rand(12, generator=generator).double(), 0.0)
    assert torch.allclose(found, planted, atol=1e-9)


def test_with_little_data_the_prior_tells_units_apart_that_the_masks_do_not():
    masks = torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]).double()
    found = regress(masks, torch.tensor([1.0, 0.0]).double(), torch.tensor([3.0, 1, 1, 1]).double(), 0.1)
    assert found[0] > found[1]
    assert found[0] > found[3]


def test_a_head_that_the_loss_needs_has_the_highest_score():
    subject = models.encoder()
    groups = subject.groups(["head"])[:2]
    with torch.no_grad():  # heads that say nothing cost nothing
        for group in groups:
            subject.model.get_submodule(group.consumer).weight[:, group.block :] *= 1e-3
    scores = Perturbation(samples=40, share=0.25)(subject, groups)
    changes = {}
    whole = subject.loss()
    from ctxprune.shrink.measure.gates import apply_gates

    for group in groups:
        gates = torch.ones(group.count)
        gates[0] = 0
        with apply_gates(subject.model, {group.key: gates}):
            changes[group.key] = subject.loss() - whole
    assert [len(score) for score in scores.values()] == [4, 4]
    tried = Perturbation(samples=40, share=0.25, doubtful=4.0)(subject, groups)
    key = max(changes, key=lambda entry: abs(changes[entry]))
    effect = tried[key][0] - tried[key][1:].mean()
    assert float(effect) == pytest.approx(changes[key], rel=0.5)


def test_parameters_out_of_range_are_refused():
    for wrong in ({"samples": 1}, {"share": 0.6}, {"doubtful": 0.5}, {"ridge": -1.0}):
        with pytest.raises(UsageError):
            Perturbation(**wrong)
    assert dataclasses.is_dataclass(Perturbation)
