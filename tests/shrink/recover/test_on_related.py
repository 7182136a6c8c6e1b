"""Weights that are carried over from a related task."""

from __future__ import annotations

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import InputError  # noqa: E402
from ctxprune.shrink.recover.on_related import OnRelated  # noqa: E402
from ctxprune.shrink.recover.tune import Tune  # noqa: E402


def spoilt(**changes):
    """A copy whose third layer gives less than its teacher's."""
    work = models.encoder().copy()
    with torch.no_grad():
        work.model.get_parameter("bert.encoder.layer.2.output.dense.weight").mul_(0.5)
    return replace(work, **changes)


def test_the_related_task_trains_the_weights_that_the_task_starts_from():
    related = models.batches(labels=True, seed=7)
    one, other = spoilt(related=related), spoilt(calibration=related)
    found = OnRelated({"piece": "tune.v1", "rate": 1e-3}, steps=4)(one)
    assert found.calibration is one.calibration
    Tune(4, 1e-3)(other)
    for name, entry in found.model.state_dict().items():
        assert torch.equal(entry, other.model.state_dict()[name])
    assert not torch.equal(found.model.classifier.weight, spoilt().model.classifier.weight)


def test_without_related_data_it_says_what_to_give():
    with pytest.raises(InputError, match="no related data"):
        OnRelated()(spoilt())
