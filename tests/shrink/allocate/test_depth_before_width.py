"""The fewest layers go that leave the neurons their share, against models that are really cut."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError, UsageError  # noqa: E402
from ctxprune.shrink.allocate.depth_before_width import DepthBeforeWidth  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.cost import cost, unit_costs  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.model.tasks.cross_encoder import CrossEncoder  # noqa: E402

SCORES = (3.0, 0.0, 2.0, 1.0)
SHARE = 0.25


def layers_by_hand(subject: Subject, limit: float) -> int:
    """How many layers are left when as few as possible go, by cutting the model anew each time; one at least."""
    order = sorted(range(len(SCORES)), key=lambda place: SCORES[place])
    for number in range(len(SCORES)):
        kept = torch.ones(len(SCORES), dtype=torch.bool)
        kept[order[:number]] = False
        narrow = {group.key: torch.arange(group.count) < SHARE * group.count for group in subject.groups(["neuron"])}
        if cost(remove(subject.model, narrow | {("layer", -1): kept}), "flops") <= limit:
            return len(SCORES) - number
    return 1


@pytest.mark.parametrize("keep", [1.0, 0.9, 0.75, 0.6, 0.5, 0.4, 0.2, 0.05])
def test_as_few_layers_go_as_leave_the_neurons_their_share(keep: float):
    subject = Subject(models.bert(), CrossEncoder(), [])
    groups = subject.groups(["layer"])
    whole = cost(subject.model, "flops")
    budget = Budget(groups, unit_costs(subject.model, groups, "flops"), (1 - keep) * whole)
    kept = DepthBeforeWidth(SHARE)(subject, {("layer", -1): torch.tensor(SCORES)}, budget)["layer", -1]
    left = layers_by_hand(subject, keep * whole)
    assert int(kept.sum()) == left
    assert set(torch.tensor(SCORES)[kept].tolist()) == set(sorted(SCORES)[-left:])


def test_a_share_is_between_0_and_1():
    with pytest.raises((InputError, UsageError), match="neurons"):
        DepthBeforeWidth(1.5)
