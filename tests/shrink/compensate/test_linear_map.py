"""Linear maps in place of layers."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import models  # noqa: E402

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.shrink.compensate.linear_map import LinearMap, fit_map  # noqa: E402
from ctxprune.shrink.measure.depth import layer_states  # noqa: E402
from ctxprune.shrink.model.norms import fit_norm, normalise  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def test_the_map_is_found_and_a_ridge_draws_it_to_the_identity():
    generator = torch.Generator().manual_seed(0)
    x, wanted = torch.randn(200, 4, generator=generator).double(), torch.randn(4, 4, generator=generator).double()
    matrix, shift = fit_map(x, x @ wanted + 2.0, 0.0)
    assert torch.allclose(matrix, wanted)
    assert torch.allclose(shift, torch.full((4,), 2.0).double())
    assert torch.allclose(fit_map(x, x @ wanted, 1e9)[0], torch.eye(4).double(), atol=1e-6)


def test_a_run_that_is_linear_in_the_last_output_is_reconstructed():
    subject = models.decoder()
    model = subject.model
    with torch.no_grad():  # what enters layer 0 is nothing, so its output is all there is for the linear layers 1 and 2
        model.model.embed_tokens.weight.zero_()
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.gate_proj.weight.zero_()
        for place in (1, 2):
            model.model.layers[place].self_attn.o_proj.weight.zero_()
            model.model.layers[place].mlp.down_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj = Given(40, 32)
        for place in (1, 2):
            model.model.layers[place].register_forward_hook(_scaled)
    kept = {("layer", -1): torch.tensor([True, False, False, True])}
    whole = [layer_states(subject, batch)[3] for batch in subject.calibration]
    LinearMap(ridge=0.0)(subject, kept)
    small = remove(model, kept)
    for batch, wanted in zip(subject.calibration, whole, strict=True):
        assert torch.allclose(layer_states(subject, batch, model=small)[1], wanted, atol=1e-4)
        assert wanted.abs().mean() > 0.1


class Given(torch.nn.Linear):
    """Gives something of full rank whatever comes in: a fixed draw by place."""

    def forward(self, states):
        generator = torch.Generator().manual_seed(states.shape[0] * 100 + states.shape[1])
        given = torch.randn(*states.shape[:2], self.in_features, generator=generator)
        return torch.nn.functional.linear(given, self.weight, self.bias)


def _scaled(_, given, result):
    turn = torch.randn(32, 32, generator=torch.Generator().manual_seed(5)) / 6
    return result @ turn


@pytest.mark.parametrize("make", [models.encoder, models.decoder])
def test_states_after_the_gap_are_nearer(make):
    def distance(*pieces) -> float:
        subject = make()
        kept = {("layer", -1): torch.tensor([True, False, True, True])}
        whole = make().model
        for piece in pieces:
            piece(subject, kept)
        small, total = remove(subject.model, kept), 0.0
        for batch in subject.calibration:
            mine = layer_states(subject, batch, model=small)[1]
            total += float((mine - layer_states(subject, batch, model=whole)[2]).square().mean())
        return total

    assert distance(LinearMap()) < 0.7 * distance()


def test_a_run_at_the_bottom_is_left_alone():
    subject, whole = models.encoder(), models.bert()
    kept = {("layer", -1): torch.tensor([False, True, True, True])}
    assert LinearMap()(subject, kept) is kept
    assert all(
        torch.equal(mine, other) for mine, other in zip(subject.model.parameters(), whole.parameters(), strict=True)
    )
    with pytest.raises(UsageError, match="ridge"):
        LinearMap(ridge=-1)


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
