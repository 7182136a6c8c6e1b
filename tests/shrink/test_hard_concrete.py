from __future__ import annotations

import dataclasses
import math

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402
from ctxprune.shrink.recover.learn_gates import (  # noqa: E402
    LearnGates,
    learn_gates,
    open_probability,
    sample_gates,
)


@pytest.mark.parametrize("a", [-2.0, 0.0, 1.5])
def test_gates_are_open_as_often_as_the_formula_says(a):
    gates = sample_gates(torch.full((40_000,), a), torch.Generator().manual_seed(0))
    expected = 1 / (1 + math.exp(-(a - 2 / 3 * math.log(0.1 / 1.1))))
    assert float(open_probability(torch.tensor(a))) == pytest.approx(expected, abs=1e-6)
    assert float((gates > 0).double().mean()) == pytest.approx(expected, abs=0.01)
    assert float(gates.min()) >= 0
    assert float(gates.max()) <= 1


def test_binary_gates_are_rounded_and_take_the_slope_of_the_others():
    a = torch.linspace(-3, 3, 200)
    slopes, values = [], []
    for binary in (False, True):
        own = a.clone().requires_grad_()
        gates = sample_gates(own, torch.Generator().manual_seed(0), binary=binary)
        slopes.append(torch.autograd.grad((gates * torch.arange(200)).sum(), own)[0])
        values.append(gates.detach())
    assert torch.equal(values[1], (values[0] > 0.5).float())
    assert 0 < int(values[1].sum()) < 200
    assert bool(slopes[0].any())
    assert torch.equal(*slopes)


def test_units_that_the_loss_needs_stay_open_and_the_rest_is_driven_to_the_target():
    subject = models.encoder()
    groups = subject.groups(["neuron"])[:1]
    wanted = torch.arange(48) % 2 == 0

    def loss(model, batch):
        seen = []
        hook = model.get_submodule(groups[0].consumer).register_forward_pre_hook(lambda _, given: seen.append(given[0]))
        subject.task.output(model, batch)
        hook.remove()
        return -seen[0].abs().mean((0, 1))[wanted].sum()

    found = learn_gates(
        subject, groups, lambda open_: (open_["neuron", 0].double().mean() - 0.5)[None], LearnGates(60), loss
    )
    a = found["neuron", 0]
    assert float(a[wanted].min()) > float(a[~wanted].max())
    assert float(open_probability(a).mean()) == pytest.approx(0.5, abs=0.15)


def test_gates_start_nowhere_without_a_budget_and_weights_stay_or_move_as_asked():
    subject = dataclasses.replace(models.encoder(), teacher=models.bert())
    groups = subject.groups(["head", "neuron"])
    with pytest.raises(UsageError, match="budget"):
        LearnGates(steps=1)(subject)
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), 1e6)
    subject = dataclasses.replace(subject, budget=budget)
    before = {name: entry.clone() for name, entry in subject.model.state_dict().items()}
    scores = LearnGates(steps=3, weights="none", layers=0.0)(subject).learned
    assert {key: len(score) for key, score in scores.items()} == {group.key: group.count for group in groups}
    assert all(torch.equal(entry, before[name]) for name, entry in subject.model.state_dict().items())
    for weights in ("all", "adapters"):
        moved = LearnGates(steps=3, weights=weights)(subject.copy())
        assert set(moved.learned) == set(scores)
        name = groups[0].slices[0].parameter
        assert not torch.equal(moved.model.get_parameter(name), before[name])
        assert sorted(moved.model.state_dict()) == sorted(before)
