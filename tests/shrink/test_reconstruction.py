"""Least squares of any rank, and sums of what units add."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.measure.reconstruction import ridge_solve, unit_gram, wanted_in_order  # noqa: E402
from ctxprune.shrink.model.subject import Subject, module_of  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402


def test_a_small_ridge_solves_a_full_system():
    gram = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    assert torch.allclose(
        ridge_solve(gram, gram @ torch.tensor([1.0, -2.0]).double(), 0.0), torch.tensor([1.0, -2.0]).double()
    )


def test_the_ridge_follows_the_scale():
    gram = torch.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=torch.float64)
    right = torch.tensor([[1.0, 0.5], [0.0, 2.0]], dtype=torch.float64)
    found = ridge_solve(gram, right, 0.1)
    assert torch.allclose(found, torch.linalg.solve(gram + 0.25 * torch.eye(2).double(), right))
    assert torch.allclose(ridge_solve(1e8 * gram, 1e8 * right, 0.1), found)


def test_too_low_a_rank_gives_the_least_norm():
    gram = torch.ones(2, 2, dtype=torch.float64)
    assert torch.allclose(ridge_solve(gram, torch.tensor([2.0, 2.0]).double(), 0.0), torch.ones(2).double())
    assert torch.equal(
        ridge_solve(torch.zeros(2, 2).double(), torch.zeros(2, 3).double(), 0.1), torch.zeros(2, 3).double()
    )


def test_inner_products_of_what_units_add():
    generator = torch.Generator().manual_seed(0)
    inputs, weight = torch.randn(7, 6, generator=generator).double(), torch.randn(3, 6, generator=generator).double()
    added = torch.stack([inputs[:, 2 * u : 2 * u + 2] @ weight[:, 2 * u : 2 * u + 2].T for u in range(3)])
    assert torch.allclose(unit_gram(inputs.T @ inputs, weight, 2), torch.einsum("uto,vto->uv", added, added))


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_an_unpruned_model_reconstructs_its_own_outputs(make):
    subject = make().copy()
    kept = {group.key: torch.ones(group.count, dtype=torch.bool) for group in subject.groups(["head", "neuron"])}
    seen = []
    for group, fit in wanted_in_order(subject, kept):
        weight = module_of(subject.model, group.consumer).weight.detach().double()
        assert torch.allclose(fit.cross, fit.products @ weight.T, atol=1e-2, rtol=1e-4)
        assert torch.allclose(fit.wanted, weight @ fit.total, atol=1e-2, rtol=1e-4)
        seen.append(group.key)
    assert [key[1] for key in seen] == sorted(key[1] for key in seen)
    assert len(seen) == 8
    assert fit.count == int(sum(batch["attention_mask"].sum() for batch in subject.calibration))


def test_another_shape_of_teacher_is_not_followed():
    small = models.bert()
    small.bert.encoder.layer = small.bert.encoder.layer[:2]
    subject = Subject(small, CrossEncoder(), models.batches(), teacher=models.bert())
    kept = {group.key: torch.ones(group.count, dtype=torch.bool) for group in subject.groups(["neuron"])}
    for group, fit in wanted_in_order(subject, kept):
        weight = module_of(small, group.consumer).weight.detach().double()
        assert torch.allclose(fit.cross, fit.products @ weight.T, atol=1e-2, rtol=1e-4)
