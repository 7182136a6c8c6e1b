from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.allocate.by_change import ByChange, layer_changes  # noqa: E402
from ctxprune.shrink.allocate.logistic import Logistic  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402


def given(subject, share=0.5):
    groups = subject.groups(["neuron"])
    costs = unit_costs(subject.model, groups, "flops")
    budget = Budget(groups, costs, share * sum(float(cost.sum()) for cost in costs.values()))
    return {group.key: torch.rand(group.count) for group in groups}, budget


def test_layers_that_change_little_lose_more():
    subject = models.decoder()
    torch.manual_seed(0)
    scores, budget = given(subject)
    changes = layer_changes(subject)
    assert changes.shape == (4,)
    kept = ByChange(amplitude=0.2)(subject, scores, budget)
    left = torch.tensor([int(kept["neuron", layer].sum()) for layer in range(4)]).double()
    assert torch.equal(left.argsort(), changes.argsort())
    # the share of layer l is S - a I_l
    centred = (changes - changes.mean()) / (changes - changes.mean()).abs().max()
    assert torch.allclose(left / 48, 0.5 + 0.2 * centred, atol=0.03)
    even = ByChange(amplitude=0.0)(subject, scores, budget)
    assert {int(mask.sum()) for mask in even.values()} == {24}


def test_changes_are_one_less_the_cosine():
    subject = models.encoder()
    from ctxprune.shrink.measure.activations import layer_states

    states = [layer_states(subject, batch) for batch in subject.calibration]
    before, after = (torch.cat([entry[place] for entry in states]) for place in (1, 2))
    cosine = (before * after).sum(1) / (before.norm(dim=1) * after.norm(dim=1))
    assert float(layer_changes(subject)[1]) == pytest.approx(1 - float(cosine.mean()), abs=1e-6)


def test_the_shares_follow_the_curve_and_the_ends_are_spared():
    subject = models.decoder()
    torch.manual_seed(0)
    scores, budget = given(subject, 0.3)
    kept = Logistic(steepness=2.0, middle=0.5)(subject, scores, budget)
    gone = torch.tensor([int((~kept["neuron", layer]).sum()) for layer in range(4)]).double() / 48
    curve = torch.sigmoid(2.0 * (torch.arange(4) / 3 - 0.5)).double()
    assert torch.allclose(gone / gone.mean(), curve / curve.mean(), atol=0.1)
    spared = Logistic(first=1, last=1)(subject, scores, budget)
    assert bool(spared["neuron", 0].all())
    assert bool(spared["neuron", 3].all())
    assert budget.gone(spared) >= budget.remove
