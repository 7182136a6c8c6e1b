"""Heads by bias, with those that quality needs on top."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from dataclasses import replace  # noqa: E402

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.score.fairness import Fairness, spread  # noqa: E402


def without(subject, place: int):
    mask = torch.ones(4, dtype=torch.bool)
    mask[place % 4] = False
    return subject.with_model(remove(subject.model, {("head", place // 4): mask}))


def test_the_ranks_are_those_of_single_removals():
    subject = models.encoder()
    scores = Fairness(protected=0.25)(subject, subject.groups(["head"]))
    found = torch.cat([scores["head", layer] for layer in range(4)])
    losses = torch.tensor([without(subject, place).loss() for place in range(16)])
    biases = torch.tensor([spread(without(subject, place)) for place in range(16)])
    critical = losses.argsort(descending=True)[:4].tolist()
    assert sorted(found.argsort(descending=True)[:4].tolist()) == sorted(critical)
    rest = [place for place in range(16) if place not in critical]
    assert sorted(rest, key=lambda place: float(found[place])) == sorted(rest, key=lambda place: float(biases[place]))


def test_the_spread_is_over_groups_of_rows():
    subject = models.encoder()
    (batch,) = models.batches(1, labels=True, seed=5)
    other = replace(subject, related=[batch])
    losses = []
    for name in (0, 1):
        part = {key: value[batch["groups"] == name] for key, value in batch.items()}
        losses.append(float(subject.task.loss(subject.model, part).detach()))
    assert spread(other) == pytest.approx(abs(losses[0] - losses[1]) / 2, rel=1e-4)
    assert spread(subject) != pytest.approx(spread(other), rel=1e-3)


def test_a_share_out_of_range_is_refused():
    with pytest.raises(UsageError):
        Fairness(protected=1.2)
