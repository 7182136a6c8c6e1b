"""Trainings with loops of their own run on the subject's device, and leave everything on the CPU."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.compensate.besa import Besa  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.recover.adapter_importance import AdapterImportance  # noqa: E402
from ctxprune.shrink.recover.hybrid_sparsification import HybridSparsification  # noqa: E402
from ctxprune.shrink.recover.learn_gates import LearnGates  # noqa: E402

NAMES = [f"bert.encoder.layer.{layer}.output.dense.weight" for layer in range(4)]


def preparation(piece: Any, *kinds: str) -> Callable[[Any], dict]:
    def run(subject: Any) -> dict:
        groups = subject.groups(kinds)
        costs = unit_costs(subject.model, groups, "flops")
        budget = Budget(groups, costs, 0.3 * cost(subject.model, "flops"))
        return dict(piece(dataclasses.replace(subject, budget=budget)).learned)

    return run


def besa(subject: Any) -> dict:
    kept = {name: torch.rand(subject.model.get_parameter(name).shape) < 0.5 for name in NAMES}
    return Besa(steps=2)(subject, kept)


RUNS = {
    "adapter_importance": preparation(AdapterImportance(steps=3, every=2), "head", "neuron"),
    "besa": besa,
    "hybrid_sparsification": preparation(HybridSparsification(steps=3), "width"),
    "learn_gates": preparation(LearnGates(steps=3), "head", "neuron"),
    "learn_gates with adapters": preparation(LearnGates(steps=3, weights="adapters"), "head"),
}


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a device that is not here: what is on it is float64, so that matrix products with others raise."""
    types = {"elsewhere": torch.float64, "cpu": torch.float32}
    move, place = torch.nn.Module.to, torch.Tensor.to

    def to(tensor: torch.Tensor, *given: Any, **named: Any) -> torch.Tensor:
        if not given or not isinstance(given[0], str):
            return place(tensor, *given, **named)
        return place(tensor, types[given[0]]) if tensor.is_floating_point() else tensor

    monkeypatch.setattr(torch.nn.Module, "to", lambda module, device: move(module, types[device]))
    monkeypatch.setattr(torch.Tensor, "to", to)
    return "elsewhere"


@pytest.mark.parametrize("name", RUNS)
def test_it_learns_on_the_subjects_device(name: str, elsewhere: str):
    found, weights, seen = [], [], []
    for device in ("cpu", elsewhere):
        subject = dataclasses.replace(models.encoder().copy(), device=device)
        layer = subject.model.bert.encoder.layer[1].output.dense
        layer.register_forward_pre_hook(lambda _, given: seen.append(given[0].dtype))
        torch.manual_seed(0)
        found.append(RUNS[name](subject))
        weights.append(subject.model.state_dict())
        assert (torch.float64 in seen) == (device == elsewhere)
        assert {entry.dtype for entry in subject.model.parameters()} == {torch.float32}
    for one, other in (found, weights):
        for key, value in one.items():
            assert torch.allclose(value.double(), other[key].double(), atol=2e-3), key
