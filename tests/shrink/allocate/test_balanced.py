"""Neurons give what the attention parts leave."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.balanced import Balanced  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import unit_costs  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.score.removal import Removal  # noqa: E402


@pytest.mark.parametrize("share", [0.1, 0.3, 0.5])
def test_the_balance_is_the_papers(share: float):
    subject = models.encoder()
    neurons, heads = subject.groups(["neuron"]), subject.groups(["head"])
    costs = unit_costs(subject.model, neurons, "flops")
    attention = sum(float(cost.sum()) for cost in unit_costs(subject.model, heads, "flops").values())
    total = attention + sum(float(cost.sum()) for cost in costs.values())
    budget = Budget(neurons, costs, share * total)
    found = Balanced()(subject, {group.key: torch.arange(48.0) for group in neurons}, budget)
    # a layer of 32: 48 * (32 + 1 + 32) in the feed-forward part, 4 heads with 3 * (8 * 32 + 8) + 8 * 32 each
    number = round(4 * share ** (48 * 65 / (4 * (3 * 264 + 256)) / 1.5))
    assert subject.notes["attention_parts"] == number
    gone = [int((~mask).sum()) for mask in found.values()]
    wanted = max(share * total - number * attention / 4, 0)
    assert sum(gone) >= 1
    assert budget.gone(found) >= min(wanted, sum(float(cost.sum() - cost[0]) for cost in costs.values())) * (1 - 1e-6)
    assert max(gone) - min(gone) <= 1


def test_only_attention_parts_are_scored():
    subject = models.encoder()
    found = Removal(only="attention")(subject, subject.groups(["sublayer"]))["sublayer", -1]
    assert torch.isinf(found).tolist() == [False, True] * 4
    mask = torch.ones(8, dtype=torch.bool)
    mask[4] = False
    assert float(found[4]) == pytest.approx(subject.loss(remove(subject.model, {("sublayer", -1): mask})), abs=1e-5)
    with pytest.raises(UsageError):
        Removal(only="attention")(subject, subject.groups(["head"]))
    with pytest.raises(UsageError, match="only is 'head'"):
        Removal(only="head")
    with pytest.raises(UsageError):
        Balanced(balance=0.0)
