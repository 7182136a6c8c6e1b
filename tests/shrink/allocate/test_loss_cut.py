"""L3Prune's cut."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.allocate.loss_cut import LossCut  # noqa: E402
from ctxprune.shrink.model.budget import Budget  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402

KEY = ("layer", -1)


def cut(variant: str, remove_: float):
    subject = models.encoder()
    budget = Budget(subject.groups(["layer"]), {KEY: torch.ones(4, dtype=torch.float64)}, remove_)
    kept = LossCut(variant)(subject, {KEY: torch.zeros(4)}, budget)[KEY]
    return int(kept.sum()), kept, subject


def test_the_cut_with_the_least_loss_is_taken():
    subject = models.encoder()
    places = torch.arange(4)
    losses = {count: subject.loss(remove(subject.model, {KEY: places < count})) for count in (1, 2, 3)}
    count, kept, found = cut("any", 1)
    assert dict(found.notes["cuts"]) == pytest.approx(losses, rel=1e-5)
    assert count == min(losses, key=losses.get)
    assert kept.tolist() == (places < count).tolist()


def test_halves_and_the_budget():
    assert cut("large", 1)[0] == 3
    assert cut("large", 2)[0] == 2  # nothing of the upper half meets it
    assert cut("small", 1)[0] in (1, 2)
    with pytest.raises(UsageError, match="deep enough"):
        cut("any", 3.5)
    with pytest.raises(UsageError, match="variant"):
        LossCut("medium")


def test_of_runs_the_one_with_the_least_loss_without_it_goes():
    subject = models.encoder()
    places = torch.arange(4)
    masks = [(places < start) | (places >= start + 2) for start in range(3)]
    losses = [subject.loss(remove(subject.model, {KEY: mask})) for mask in masks]
    count, kept, found = cut("run", 2)
    assert count == 2
    assert [loss for _, loss in found.notes["cuts"]] == pytest.approx(losses, rel=1e-5)
    assert kept.tolist() == masks[losses.index(min(losses))].tolist()
