"""Norms fitted anew, after layers and sublayers have gone."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.shrink.compensate.refit_norm import RefitNorm  # noqa: E402
from ctxprune.shrink.measure.activations import layer_states  # noqa: E402
from ctxprune.shrink.model.norms import fit_norm, normalise  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402

KEEP = torch.tensor([True, False, False, True])


def distance(subject, whole, small, place_small: int, place: int) -> float:
    total = 0.0
    for batch in subject.calibration:
        states = layer_states(subject, batch, model=small)[place_small]
        total += float((states - layer_states(subject, batch, model=whole)[place]).square().mean())
    return total


def test_a_line_is_found_in_each_dimension():
    generator = torch.Generator().manual_seed(0)
    states = torch.randn(50, 6, generator=generator)
    norm = torch.nn.LayerNorm(6)
    wanted = normalise(norm, states) * torch.arange(6) + 3.0
    fit_norm(norm, states, wanted)
    assert torch.allclose(norm.weight, torch.arange(6.0), atol=1e-5)
    assert torch.allclose(norm.bias, torch.full((6,), 3.0), atol=1e-5)
    assert torch.allclose(norm(states).double(), wanted, atol=1e-4)


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_norms_before_scale_and_shift(make):
    subject = make()
    path = subject.anatomy.norms[0]
    norm, states = subject.model.get_submodule(path), torch.randn(7, 32, generator=torch.Generator().manual_seed(1))
    shift = getattr(norm, "bias", None)
    found = normalise(norm, states) * norm.weight + (0 if shift is None else shift)
    assert torch.allclose(found.float(), norm(states), atol=1e-5)


@pytest.mark.parametrize("rest", [False, True])
def test_states_after_a_gap_are_nearer_with_post_norm(rest: bool):
    subject = models.encoder()
    whole, kept = models.bert(), {("layer", -1): KEEP}
    plain = remove(subject.model, kept)
    assert RefitNorm(rest=rest)(subject, kept) is kept
    fitted = remove(subject.model, kept)
    assert distance(subject, whole, fitted, 1, 3) < 0.9 * distance(subject, whole, plain, 1, 3)
    changed = {
        name.rsplit(".", 1)[0]
        for (name, entry), other in zip(subject.model.named_parameters(), whole.parameters(), strict=True)
        if not torch.equal(entry, other)
    }
    first = {"bert.encoder.layer.0.output.LayerNorm"}
    above = {f"bert.encoder.layer.3.{part}output.LayerNorm" for part in ("attention.", "")}
    assert changed == (first | above if rest else first)


def test_the_norm_of_a_removed_sublayer_takes_over_its_output():
    subject, whole = models.encoder(), models.bert()
    kept = {("sublayer", -1): torch.arange(8) != 3}
    plain = remove(subject.model, kept)
    RefitNorm()(subject, kept)
    fitted = remove(subject.model, kept)
    assert distance(subject, whole, fitted, 2, 2) < 0.9 * distance(subject, whole, plain, 2, 2)


@pytest.mark.parametrize("kind", ["layer", "sublayer"])
def test_the_next_norm_of_a_decoder_is_fitted(kind: str):
    subject, whole = models.decoder(), models.llama()
    kept = {("layer", -1): KEEP} if kind == "layer" else {("sublayer", -1): torch.arange(8) != 3}
    RefitNorm()(subject, kept)
    changed = {
        name
        for (name, entry), other in zip(subject.model.named_parameters(), whole.parameters(), strict=True)
        if not torch.equal(entry, other)
    }
    assert changed == {f"model.layers.{3 if kind == 'layer' else 2}.input_layernorm.weight"}


def test_units_of_another_kind_change_nothing():
    subject, whole = models.encoder(), models.bert()
    kept = {("head", 0): torch.tensor([True, True, False, False])}
    assert RefitNorm()(subject, kept) is kept
    assert all(
        torch.equal(mine, other) for mine, other in zip(subject.model.parameters(), whole.parameters(), strict=True)
    )
