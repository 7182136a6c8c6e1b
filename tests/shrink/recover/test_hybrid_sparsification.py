"""PAT's preparation: the mask settles, adapters learn along, and what was learned is folded into the weights."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, matrices, unit_costs  # noqa: E402
from ctxprune.shrink.recover import hybrid_sparsification  # noqa: E402
from ctxprune.shrink.recover.hybrid_sparsification import HybridSparsification  # noqa: E402


def budgeted():
    subject = models.encoder().copy()
    groups = subject.groups(["width"])
    costs = unit_costs(subject.model, groups, "flops")
    return dataclasses.replace(subject, budget=Budget(groups, costs, 0.4 * cost(subject.model, "flops")))


def test_the_mask_stays_in_the_last_fifth_of_the_steps(monkeypatch):
    masks, gate = [], hybrid_sparsification._gate

    def seen(mask, step, steps):
        masks.append((mask.detach().clone(), step))
        return gate(mask, step, steps)

    monkeypatch.setattr(hybrid_sparsification, "_gate", seen)
    HybridSparsification(steps=10, rank=2, mask_rate=0.05)(budgeted())
    assert [step for _, step in masks] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    assert not torch.equal(masks[7][0], masks[8][0])
    assert torch.equal(masks[8][0], masks[9][0])


@pytest.mark.parametrize("adapters", [0, 2])
def test_adapters_learn_along_and_become_part_of_the_weights(adapters, monkeypatch):
    subject, seen, merge = budgeted(), {}, hybrid_sparsification.merge_adapters
    monkeypatch.setattr(
        hybrid_sparsification, "merge_adapters", lambda model, found: (seen.update(found), merge(model, found))
    )
    before = {name: entry.detach().clone() for name, entry in subject.model.named_parameters()}
    HybridSparsification(steps=3, rank=2, rate=1e-2, adapters=adapters)(subject)
    assert len(seen) == (len(matrices(subject.model)) if adapters else 0)
    outputs = {sublayer.output for sublayer in subject.anatomy.sublayers}
    for name in matrices(subject.model):
        path = name.removesuffix(".weight")
        added = 2.0 * seen[path].up @ seen[path].down if adapters else torch.zeros_like(before[name])
        assert bool(added.any()) is bool(adapters)
        if path not in outputs:  # there is no module behind these
            assert torch.allclose(subject.model.get_parameter(name), before[name] + added, atol=1e-6)
    assert not any(module._forward_hooks for module in subject.model.modules())


def test_sides_are_weighed_alike():
    mask = torch.tensor([0.5, 0.7, -0.1, 0.0])
    wanted = (0.0 + 0.2**2) / 2 + (0.4**2 + 0.5**2) / 2
    assert float(hybrid_sparsification._aside(mask)) == pytest.approx(wanted)
    assert float(hybrid_sparsification._aside(mask[:2])) == pytest.approx(0.02)
    with pytest.raises(UsageError):
        HybridSparsification(settle=0)
