"""Sets of units that cancel are found."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from itertools import combinations  # noqa: E402

from shrink import models  # noqa: E402

from ctxprune.shrink.compensate.rearrange import Rearrange, rearrange  # noqa: E402


def test_two_that_cancel_go_together():
    slopes = torch.tensor([[1.0, 2.0, -2.1, 3.0], [1.0, 2.0, -2.0, 3.0]]).double()
    found = rearrange(torch.tensor([False, False, True, True]), slopes)
    assert found.tolist() == [True, False, False, True]


@pytest.mark.parametrize("seed", range(6))
def test_never_worse_and_as_many(seed: int):
    generator = torch.Generator().manual_seed(seed)
    slopes = torch.randn(12, 8, generator=generator).double()
    mask = torch.ones(8, dtype=torch.bool)
    mask[torch.randperm(8, generator=generator)[:3]] = False
    found = rearrange(mask, slopes)
    cost = lambda gone: float(slopes[:, list(gone)].sum(1).square().sum())  # noqa: E731
    assert int((~found).sum()) == 3
    value = cost((~found).nonzero().flatten().tolist())
    assert value <= cost((~mask).nonzero().flatten().tolist()) + 1e-9
    assert value >= min(cost(gone) for gone in combinations(range(8), 3)) - 1e-9


def test_whole_and_empty_groups_stay():
    subject = models.encoder().copy()
    kept = {("neuron", 0): torch.ones(48, dtype=torch.bool), ("head", 1): torch.zeros(4, dtype=torch.bool)}
    found = Rearrange()(subject, kept | {("neuron", 2): torch.arange(48) < 40})
    assert all(torch.equal(found[key], mask) for key, mask in kept.items())
    assert int(found["neuron", 2].sum()) == 40
