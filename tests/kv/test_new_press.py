"""A new press is one module and one line of the registry: everything else works from there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import chosen_by_layer, reference_logits, tokens  # noqa: E402

from ctxprune.kv import Kivi, Press, PrunedCache, compress, prefill  # noqa: E402
from ctxprune.kv.evaluation.run import Comparison, cells_of  # noqa: E402
from ctxprune.kv.presses.registry import PRESSES, build_press  # noqa: E402

CONTEXT, QUESTION = tokens(60), tokens(5, seed=1)


@dataclass(frozen=True)
class ValueNorm(Press):
    """Scores a token by the norm of its value."""

    ratio_free: ClassVar[bool] = True

    def score(self, view):
        return view.value_norms


@pytest.fixture
def registered(monkeypatch):
    """The line `"value_norm.v1": "kv.test_new_press:ValueNorm"` in the registry, for one test."""
    monkeypatch.setattr(PRESSES, "_lazy", {**PRESSES._lazy, "value_norm.v1": f"{__name__}:ValueNorm"})
    monkeypatch.setattr(PRESSES, "_entries", dict(PRESSES._entries))


@pytest.mark.parametrize("name", ["value_norm", "value_norm.v1", "adakv(value_norm)", "chunkkv(value_norm)"])
def test_the_name_builds_the_press_and_wrappers_around_it(registered, decoders, name):
    press, model = build_press(name, 0.5), decoders("llama")
    cache = compress(model, CONTEXT, press)
    kept = sum(count for layer in cache.kept for row in layer for count in row)
    assert 0 < kept <= 3 * 2 * 30
    with torch.no_grad():
        ours = model(QUESTION, cache=cache.copy()).logits
    assert (ours - reference_logits(model, CONTEXT, QUESTION, chosen_by_layer(cache))).abs().max() < 1e-5


def test_the_highest_scores_are_kept(decoders):
    read = prefill(decoders("llama"), CONTEXT)
    for view, kept in zip(read.views, chosen_by_layer(read.press(ValueNorm(0.75))).values(), strict=True):
        assert torch.equal(kept, view.value_norms >= view.value_norms.sort(dim=-1).values[..., -15:-14])


def test_saved_caches_and_the_comparison_know_it(registered, decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "cache.safetensors"
    compress(model, CONTEXT, build_press("value_norm", 0.5), storage=Kivi(bits=4)).save(path)
    assert PrunedCache.load(path, model).press == {"press": "ValueNorm", "ratio": 0.5}
    assert "value_norm" in {cell.name for cell in cells_of(Comparison())}
