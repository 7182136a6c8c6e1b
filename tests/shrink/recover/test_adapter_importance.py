"""LoRAPrune's importance and masks."""

from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.learning.adapters import add_adapters, linear_paths  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402
from ctxprune.shrink.recover.adapter_importance import AdapterImportance  # noqa: E402


def asked(subject, kinds, share: float):
    groups = subject.groups(kinds)
    costs = unit_costs(subject.model, groups, "flops")
    budget = Budget(groups, costs, share * sum(float(cost.sum()) for cost in costs.values()))
    return dataclasses.replace(subject.copy(), budget=budget, calibration=subject.calibration[:1])


def importance(model, adapters, group) -> torch.Tensor:
    """The paper's formula, weight by weight."""
    total = torch.zeros(group.count)
    for part in group.slices:
        path = part.parameter.removesuffix(".weight")
        if path not in adapters:
            continue
        down, up = adapters[path].down, adapters[path].up
        a, b, da, db = (entry.detach().tolist() for entry in (down, up, down.grad, up.grad))
        own = [0.0] * group.count
        for row, values in enumerate(model.get_parameter(part.parameter).tolist()):
            for column, value in enumerate(values):
                ranks = range(len(a))
                guess = sum(db[row][k] * a[k][column] + b[row][k] * da[k][column] for k in ranks)
                guess -= sum(db[row][k] * da[k][column] for k in ranks)
                now = value + sum(b[row][k] * a[k][column] for k in ranks)
                own[(row, column)[part.axis] // part.size] += abs(guess * now)
        found = torch.tensor(own)
        total += found / found.norm()
    return total


def test_the_importance_is_the_papers_averaged_over_steps():
    subject = asked(models.encoder(), ["neuron"], 0.0)
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    group = subject.groups(["neuron"])[3]
    found = AdapterImportance(steps=2, rank=1, rate=0.01, memory=0.6)(subject)
    model, wanted = models.encoder().model, torch.zeros(group.count)
    paths = linear_paths(model)
    with add_adapters(model, paths, rank=1, scale=1.0, generator=subject.generator(6)) as adapters:
        entries = [entry for adapter in adapters.values() for entry in (adapter.down, adapter.up)]
        optimizer = torch.optim.AdamW(entries, lr=0.01, weight_decay=0.0)
        for _ in range(2):
            optimizer.zero_grad()
            subject.task.loss(model, subject.calibration[0]).backward()
            wanted = 0.6 * wanted + 0.4 * importance(model, adapters, group)
            optimizer.step()
    assert torch.allclose(found.learned[group.key].float(), wanted, rtol=1e-3, atol=1e-6)
    # the adapters are part of the matrices now, and nothing else has moved
    for path in paths:
        merged = before[f"{path}.weight"] + adapters[path].product.detach()
        assert torch.allclose(found.model.get_parameter(f"{path}.weight"), merged, atol=1e-6)
        before.pop(f"{path}.weight")
    assert all(torch.equal(found.model.state_dict()[name], entry) for name, entry in before.items())


def test_masks_close_and_what_is_masked_stays_so():
    subject = asked(models.decoder(), ["head", "neuron"], 0.4)
    found = AdapterImportance(steps=8, rank=2, every=2)(subject)
    masked = {key: score == 0 for key, score in found.learned.items()}
    assert subject.budget.gone({key: ~mask for key, mask in masked.items()}) >= subject.budget.remove
    assert all(abs(float(mask.double().mean()) - 0.4) <= 0.5 / len(mask) + 0.05 for mask in masked.values())
    assert all(entry.grad is None for entry in found.model.parameters())


def test_wrong_settings_and_flat_losses_are_refused():
    for wrong in ({"steps": 0}, {"rank": 0}, {"memory": 1.0}, {"every": 0}, {"warm": 0.7, "cool": 0.7}):
        with pytest.raises(UsageError):
            AdapterImportance(**wrong)
    subject = asked(models.encoder(), ["head"], 0.1)
    plain = [{name: batch[name] for name in ("input_ids", "attention_mask")} for batch in subject.calibration]
    with pytest.raises(InputError, match="no gradient"):
        AdapterImportance(steps=1)(dataclasses.replace(subject, calibration=plain, teacher=models.encoder().model))
