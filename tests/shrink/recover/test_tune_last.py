"""Tuning of the last layers alone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.recover.tune import Tune  # noqa: E402


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_only_the_last_layers_and_the_head_move(make):
    subject = make()
    before = {name: entry.clone() for name, entry in subject.model.named_parameters()}
    loss = subject.loss()
    Tune(last=1, steps=6, rate=1e-3, towards="labels")(subject)
    moved = {name for name, entry in subject.model.named_parameters() if not torch.equal(entry, before[name])}
    assert moved
    assert all("layer" not in name or ".3." in name or "layernorm" in name for name in moved)
    assert not any("embed" in name for name in moved)
    assert any(name.startswith(("classifier", "lm_head")) for name in moved)
    assert any(".3." in name for name in moved)
    assert subject.loss() < loss
    with pytest.raises(UsageError, match="last"):
        Tune(last=-2)
