"""The same share of every group, whatever their sizes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.allocate.base import relative_ranks  # noqa: E402
from ctxprune.shrink.allocate.uniform import Uniform  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402


def test_ranks_are_the_middle_of_a_units_share():
    assert relative_ranks(torch.tensor([3.0, 1.0])).tolist() == [0.75, 0.25]
    assert relative_ranks(torch.tensor([5.0])).tolist() == [0.5]
    assert relative_ranks(torch.zeros(0)).tolist() == []


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
def test_groups_of_few_and_of_many_units_lose_the_same_share(share: float):
    subject = models.encoder()
    groups = subject.groups(["head", "neuron"])  # 4 and 48 units in each layer
    costs = unit_costs(subject.model, groups, "flops")
    total = sum(float(entry.sum()) for entry in costs.values())
    budget = Budget(groups, costs, share * total, measure="flops")
    scores = {group.key: torch.rand(group.count, generator=torch.Generator().manual_seed(3)) for group in groups}
    kept = Uniform()(subject, scores, budget)
    for key, mask in kept.items():
        count = len(mask)
        gone = count - int(mask.sum())
        assert abs(gone / count - share) <= 0.5 / count + 0.05, (key, gone, count)
    assert sum(float(costs[key][~mask].sum()) for key, mask in kept.items()) >= share * total * (1 - 1e-9)
