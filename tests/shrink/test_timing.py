"""Measured time: ratios hold on a machine whose speed changes."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.run import timing  # noqa: E402


def test_ratios_are_taken_round_by_round(monkeypatch: pytest.MonkeyPatch):
    full, small = models.bert(), models.bert()
    spells = iter([1, 1, 1, 9, 1, 5, 1, 1])
    state = {"now": 0.0, "spell": 1}

    def ran(model, batch):
        if model is full:
            state["spell"] = next(spells)
        state["now"] += state["spell"] * (0.010 if model is full else 0.004)

    monkeypatch.setattr(timing, "_forward", ran)
    monkeypatch.setattr(timing, "thread_time", lambda: state["now"])
    assert timing.measure_times([full, small], {"input_ids": torch.zeros(1, 1)}) == pytest.approx([10, 4])


def test_threads_are_given_back():
    before = torch.get_num_threads()
    batch = timing.timing_batch(models.bert(), 32)
    assert batch["input_ids"].shape == (10, 32)
    assert timing.measure_times([models.bert()], batch, rounds=1)[0] > 0
    assert torch.get_num_threads() == before
