"""SparseGPT and ADMM against brute-force least squares on small matrices."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.base import keep_highest  # noqa: E402
from ctxprune.shrink.allocate.pattern import Pattern  # noqa: E402
from ctxprune.shrink.compensate.admm import Admm  # noqa: E402
from ctxprune.shrink.compensate.sparse_gpt import SparseGpt  # noqa: E402
from ctxprune.shrink.measure.activations import Moments  # noqa: E402
from ctxprune.shrink.model.cost import matrices  # noqa: E402


def case(rows=6, columns=16, tokens=200, seed=0):
    generator = torch.Generator().manual_seed(seed)
    mixed = torch.randn(tokens, columns, generator=generator) @ torch.randn(columns, columns, generator=generator)
    inputs = mixed.double()
    found = Moments(tokens, inputs.sum(0), inputs.square().sum(0), inputs.T @ inputs)
    return torch.randn(rows, columns, generator=generator).double(), found


def error(weight, new, found):
    return float(((weight - new) @ found.products * (weight - new)).sum())


def best(weight, mask, hessian):
    """The least-squares optimum of each row for a fixed mask."""
    new = torch.zeros_like(weight)
    for row, (old, stays) in enumerate(zip(weight, mask, strict=True)):
        new[row, stays] = torch.linalg.solve(hessian[stays][:, stays], hessian[stays] @ old)
    return new


def test_sparse_gpt_is_the_optimum_where_the_last_columns_stay():
    weight, found = case()
    mask = torch.ones_like(weight, dtype=torch.bool)
    mask[:, :5] = False
    hessian = found.hessian(1e-9)
    new, kept = SparseGpt(damping=1e-9, choose=False, block=4).solve(weight, hessian, mask, None)
    assert torch.equal(kept, mask)
    assert torch.allclose(new, best(weight, mask, hessian), atol=1e-6)


def test_sparse_gpt_is_near_the_optimum_for_any_mask_and_never_under_it():
    weight, found = case()
    hessian = found.hessian(0.01)
    mask = keep_highest(weight.abs(), [8] * len(weight))
    new, _ = SparseGpt(choose=False).solve(weight, hessian, mask, None)
    optimum, plain = error(weight, best(weight, mask, found.products), found), error(weight, weight * mask, found)
    assert optimum <= error(weight, new, found) < plain - 0.2 * (plain - optimum)


def test_the_result_does_not_hang_on_the_block_where_the_mask_is_fixed():
    weight, found = case()
    mask = keep_highest(weight.abs(), [8] * len(weight))
    results = [
        SparseGpt(choose=False, block=block).solve(weight, found.hessian(0.01), mask, None)[0] for block in (1, 5, 64)
    ]
    assert torch.allclose(results[0], results[1])
    assert torch.allclose(results[0], results[2])


def test_sparse_gpt_takes_as_many_out_and_keeps_zeros_and_patterns():
    weight, found = case()
    mask = keep_highest(weight.abs(), [7] * len(weight))
    never = torch.ones_like(mask)
    never[0, :3] = False
    new, kept = SparseGpt(block=5).solve(weight * never, found.hessian(0.01), mask, never)
    assert int((~kept).sum()) == int((~mask).sum()) == int((new == 0).sum())
    assert not kept[0, :3].any()
    new, kept = SparseGpt(n=2, m=4).solve(weight, found.hessian(0.01), Pattern(2, 4).laid(weight.abs()), None)
    assert bool((kept.view(-1, 4).sum(1) == 2).all())
    assert torch.equal(new != 0, kept)


def test_admm_goes_to_the_optimum_of_its_mask_and_is_better_than_masking():
    weight, found = case()
    mask = keep_highest(weight.abs() * found.norms, [8] * len(weight))
    plain = error(weight, weight * mask, found)
    optimum = error(weight, best(weight, mask, found.products), found)
    short, kept = Admm(gradual=0.0).solve(weight, found, mask, None)
    assert torch.equal(kept, mask)
    assert optimum <= error(weight, short, found) < 0.7 * plain
    long, _ = Admm(steps=400, gradual=0.0, damping=1e-9).solve(weight, found, mask, None)
    assert error(weight, long, found) == pytest.approx(optimum, rel=0.02)


def test_admm_chooses_as_many_anew_and_keeps_zeros_and_patterns():
    weight, found = case()
    mask = keep_highest(weight.abs() * found.norms, [8] * len(weight))
    never = torch.ones_like(mask)
    never[1, 4:6] = False
    new, kept = Admm().solve(weight * never, found, mask, never)
    assert int((~kept).sum()) == int((~mask).sum())
    assert not kept[1, 4:6].any()
    assert torch.equal(new * kept, new)
    assert error(weight * never, new, found) < error(weight * never, weight * mask, found)
    new, kept = Admm(n=2, m=4).solve(weight, found, Pattern(2, 4).laid(weight.abs()), None)
    assert bool((kept.view(-1, 4).sum(1) == 2).all())


@pytest.mark.parametrize("piece", [SparseGpt(), Admm(), SparseGpt(sequential=False), Admm(sequential=False)])
def test_whole_models_get_real_zeros(piece):
    subject = models.encoder()
    names = matrices(subject.model)
    before = {name: subject.model.get_parameter(name).detach().clone() for name in names}
    kept = {name: keep_highest(entry.abs(), [entry.shape[1] // 2] * len(entry)) for name, entry in before.items()}
    masks = piece(subject, kept)
    assert list(masks) == names
    for name in names:
        entry = subject.model.get_parameter(name)
        assert int((entry == 0).sum()) == entry.numel() // 2
        assert torch.equal(entry != 0, masks[name])
        assert not torch.equal(entry, before[name] * masks[name])


def test_bad_settings_are_refused():
    with pytest.raises(UsageError, match="damping"):
        SparseGpt(damping=0)
    with pytest.raises(UsageError, match="pattern"):
        SparseGpt(n=4, m=2)
    with pytest.raises(UsageError, match="steps is 0"):
        Admm(steps=0)
    with pytest.raises(UsageError, match="pattern"):
        Admm(n=4, m=4)
