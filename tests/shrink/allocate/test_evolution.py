from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.evolution import Evolution  # noqa: E402
from ctxprune.shrink.allocate.uniform import Uniform  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def test_the_search_beats_the_uniform_start_within_the_budget():
    subject = models.encoder().copy()
    groups = subject.groups(["head", "neuron"])
    with torch.no_grad():  # the second layer's neurons say nothing
        subject.model.get_submodule(groups[-3].consumer).weight.mul_(1e-4)
    subject = dataclasses.replace(subject, teacher=subject.model)
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), 0.4 * cost(subject.model, "flops"))
    found = Evolution(generations=6, offspring=6, survivors=(2, 1), training=(0, 0), level=0.2)(subject, scores, budget)

    def distance(kept):
        small = remove(subject.model, kept)
        return models.divergence(subject, small)

    start = Uniform()(subject, scores, budget)
    assert budget.gone(found) >= budget.remove
    assert distance(found) < distance(start)
    assert subject.notes["evolution"]["neuron 1"] == int(found["neuron", 1].sum())


def test_one_is_dropped_after_training_too_and_bad_rounds_are_refused():
    subject = models.decoder().copy()
    groups = subject.groups(["neuron"])
    scores = {group.key: torch.arange(group.count).double() for group in groups}
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), 0.2 * cost(subject.model, "flops"))
    kept = Evolution(generations=1, offspring=2, survivors=(1,), training=(1,))(subject, scores, budget)
    assert budget.gone(kept) >= budget.remove
    with pytest.raises(UsageError, match="one of each a round"):
        Evolution(survivors=(2, 1), training=(1,))
