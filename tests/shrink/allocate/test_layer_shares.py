from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.layer_shares import LayerShares  # noqa: E402
from ctxprune.shrink.measure.depth import run_changes  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402


def layer_changes(subject, *, angle=False):
    return run_changes(subject, *subject.groups(["layer"]), [(at, at + 1) for at in range(4)], angle=angle)


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
    kept = LayerShares(strength=0.2)(subject, scores, budget)
    left = torch.tensor([int(kept["neuron", layer].sum()) for layer in range(4)]).double()
    assert torch.equal(left.argsort(), changes.argsort())
    # the share of layer l is S - a I_l
    centred = (changes - changes.mean()) / (changes - changes.mean()).abs().max()
    assert torch.allclose(left / 48, 0.5 + 0.2 * centred, atol=0.03)
    even = LayerShares(strength=0.0)(subject, scores, budget)
    assert {int(mask.sum()) for mask in even.values()} == {24}


def test_changes_are_one_less_the_cosine():
    subject = models.encoder()
    from ctxprune.shrink.measure.depth import layer_states

    states = [layer_states(subject, batch) for batch in subject.calibration]
    before, after = (torch.cat([entry[place] for entry in states]) for place in (1, 2))
    cosine = (before * after).sum(1) / (before.norm(dim=1) * after.norm(dim=1))
    assert float(layer_changes(subject)[1]) == pytest.approx(1 - float(cosine.mean()), abs=1e-6)


def test_the_shares_follow_the_curve_and_the_ends_are_spared():
    subject = models.decoder()
    torch.manual_seed(0)
    scores, budget = given(subject, 0.3)
    kept = LayerShares("depth", 2.0)(subject, scores, budget)
    gone = torch.tensor([int((~kept["neuron", layer]).sum()) for layer in range(4)]).double() / 48
    curve = torch.sigmoid(2.0 * (torch.arange(4) / 3 - 0.3)).double()
    assert torch.allclose(gone / gone.mean(), curve / curve.mean(), atol=0.1)
    spared = LayerShares("depth", 1.2, first=1, last=1)(subject, scores, budget)
    assert bool(spared["neuron", 0].all())
    assert bool(spared["neuron", 3].all())
    assert budget.gone(spared) >= budget.remove


def test_layers_that_turn_their_input_more_keep_more():
    subject = models.encoder()
    scores, budget = given(subject)
    found = LayerShares("angle", 40.0)(subject, scores, budget)
    angles = layer_changes(subject, angle=True)
    assert bool(((angles > 0) & (angles < 1)).all())
    left = torch.tensor([int(found["neuron", layer].sum()) for layer in range(4)]).double()
    # what is kept goes with the sigmoid, at most all
    wanted = torch.sigmoid(40.0 * (angles - angles.mean()))
    ordered = left[angles.argsort()].tolist()
    assert ordered == sorted(ordered)
    assert ordered[0] < ordered[-1]
    inside = left < 48
    assert torch.allclose(left[inside] / left[inside].sum(), wanted[inside] / wanted[inside].sum(), atol=0.03)
    assert budget.gone(found) >= budget.remove


def test_bad_parameters_are_refused():
    for wrong in ({"by": "age"}, {"strength": -1.0}, {"first": -1}, {"last": 0.5}):
        with pytest.raises(UsageError):
            LayerShares(**wrong)
