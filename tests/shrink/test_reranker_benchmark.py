"""The benchmark of shrunk rerankers looks for a share of multiply-adds that takes the share of the time asked for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from benchmarks.quality import shrink_reranker
from ctxprune.shrink.model.cost import Target


def test_the_search_ends_where_all_multiply_adds_would_be_kept(monkeypatch: pytest.MonkeyPatch):
    targets: list[Target] = []

    def shrink(whole, recipe, target):
        targets.append(target)
        return SimpleNamespace(subject=SimpleNamespace(model=None))

    monkeypatch.setattr(shrink_reranker, "shrink", shrink)
    monkeypatch.setattr(shrink_reranker, "timing_batch", lambda *_: None)
    monkeypatch.setattr(shrink_reranker, "measure_times", lambda *_, **__: (1.0, 0.4))
    _, ratio, share = shrink_reranker.prune(SimpleNamespace(model=None), None, 0.75, 0.6)
    assert (ratio, share) == (0.4, 0.6)
    assert len(targets) == 1
