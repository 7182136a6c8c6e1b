"""Layers that share weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from dataclasses import replace  # noqa: E402

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.compensate.share_layers import ShareLayers  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost  # noqa: E402
from ctxprune.shrink.model.shared import SharedLinear, low_rank  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402

KEY = ("layer", -1)


def given(subject, share: float):
    return replace(subject, budget=Budget((), {}, share * cost(subject.model, "weights"), measure="weights"))


def test_the_best_difference_of_a_rank():
    generator = torch.Generator().manual_seed(0)
    product = torch.randn(6, 2, generator=generator) @ torch.randn(2, 5, generator=generator)
    up, down = low_rank(product, 2)
    assert up.shape == (6, 2)
    assert torch.allclose(up @ down, product, atol=1e-5)


def test_a_shared_matrix_is_its_own_where_the_rank_suffices():
    generator = torch.Generator().manual_seed(0)
    base, own = torch.nn.Linear(5, 6), torch.nn.Linear(5, 6)
    with torch.no_grad():
        own.weight.copy_(base.weight + torch.randn(6, 1, generator=generator) @ torch.randn(1, 5, generator=generator))
    states = torch.randn(4, 5, generator=generator)
    shared = SharedLinear(base, own, 1)
    assert torch.allclose(shared(states), own(states), atol=1e-5)
    assert shared.weight is base.weight


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_a_copy_of_a_layer_shares_with_its_double_and_nothing_changes(make):
    subject = given(make(), 0.2)
    layers = subject.anatomy.layers
    source = subject.model.get_submodule(layers[0].path).state_dict()
    subject.model.get_submodule(layers[2].path).load_state_dict(source)
    before, weights = subject.loss(), cost(subject.model, "weights")
    kept = ShareLayers()(subject, {KEY: torch.tensor([True, True, False, True])})
    assert kept[KEY].all()
    assert subject.notes["shared"] == [(2, 0)]
    small = remove(subject.model, kept)
    assert subject.loss(small) == pytest.approx(before, rel=1e-4)
    assert cost(small, "weights") < 0.8 * weights
    first, third = (small.get_submodule(layers[place].path) for place in (0, 2))
    assert any(mine is other for mine in first.parameters() for other in third.parameters())


def test_more_layers_share_until_the_budget_is_met():
    subject = given(models.encoder(), 0.4)
    before = cost(subject.model, "weights")
    ShareLayers()(subject, {KEY: torch.tensor([True, True, True, False])})
    assert subject.notes["shared"][0][0] == 3
    assert len(subject.notes["shared"]) == 2
    bases, shared = {entry[1] for entry in subject.notes["shared"]}, {entry[0] for entry in subject.notes["shared"]}
    assert not bases & shared
    assert cost(subject.model, "weights") <= 0.6 * before
    with pytest.raises(UsageError, match="sharing"):
        ShareLayers()(given(models.encoder(), 0.9), {KEY: torch.tensor([True, True, True, False])})
    with pytest.raises(UsageError, match="rank"):
        ShareLayers(rank=0)
