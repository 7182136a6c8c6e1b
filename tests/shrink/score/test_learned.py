from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.score.learned import Learned  # noqa: E402


def test_learned_scores_are_returned():
    subject = models.encoder()
    groups = subject.groups(["head"])
    learned = {group.key: torch.arange(4.0) for group in groups}
    assert Learned()(dataclasses.replace(subject, learned=learned), groups) == learned
    with pytest.raises(UsageError, match="no score was learned"):
        Learned()(subject, groups)
    with pytest.raises(UsageError, match="no score was learned"):
        Learned()(dataclasses.replace(subject, learned={("head", 0): torch.ones(3)}), groups)
    with pytest.raises(UsageError, match="needs a budget"):
        subject.needed_budget()
