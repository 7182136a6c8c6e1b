"""The ends give last."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.protected import Protected  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402


def case(share: float):
    subject = models.encoder()
    groups = subject.groups(["neuron"])
    scores = {group.key: torch.arange(48.0) for group in groups}
    costs = {group.key: torch.ones(48, dtype=torch.float64) for group in groups}
    return subject, scores, Budget(groups, costs, share * 192)


def test_only_the_layers_between_give():
    subject, scores, budget = case(0.25)
    found = Protected(0.25, 0.25)(subject, scores, budget)
    assert [int((~found["neuron", layer]).sum()) for layer in range(4)] == [0, 24, 24, 0]
    assert not bool(found["neuron", 1][:24].any())


def test_what_these_cannot_give_comes_from_the_ends():
    subject, scores, budget = case(0.6)
    found = Protected(0.25, 0.25)(subject, scores, budget)
    gone = [int((~found["neuron", layer]).sum()) for layer in range(4)]
    assert gone[1:3] == [47, 47]
    assert sum(gone) >= 0.6 * 192
    assert max(gone[0], gone[3]) < 20


def test_all_may_be_protected_or_none():
    subject, scores, budget = case(0.5)
    for first in (0.0, 1.0):
        found = Protected(first, 0.0)(subject, scores, budget)
        assert [int((~mask).sum()) for mask in found.values()] == [24] * 4


def test_bad_parameters_are_refused():
    with pytest.raises(UsageError):
        Protected(first=1.5)
