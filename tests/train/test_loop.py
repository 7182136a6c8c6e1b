"""The run: the encoder moved towards the base model, parameters in bfloat16, a recipe's ranges."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("safetensors", reason="the train extra is not installed")

from ctxprune.errors import UsageError  # noqa: E402
from ctxprune.train.loop import Recipe, _halved, blended  # noqa: E402
from ctxprune.train.network import HEADS, EncoderShape, PrunerNetwork  # noqa: E402

SHAPE = EncoderShape.uniform(vocabulary=50, positions=16, width=8, heads=2, inner=16, layers=1)


def networks() -> tuple[PrunerNetwork, dict]:
    torch.manual_seed(0)
    network = PrunerNetwork(SHAPE)
    base = {name: value + 1 for name, value in network.state_dict().items()}
    return network, base


def test_the_encoder_moves_by_its_share_and_the_heads_stay() -> None:
    network, base = networks()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    blended(network, base, 0.25)
    for name, value in network.state_dict().items():
        moved = 0.0 if name.startswith(HEADS) else 0.25
        torch.testing.assert_close(value, before[name] + moved)


def test_bfloat16_reaches_the_float32_parameters() -> None:
    network, _ = networks()
    ids = torch.tensor([[1, 2, 3, 4]])
    types, mask = torch.tensor([[0, 0, 1, 1]]), torch.ones_like(ids)
    halved = _halved(network)
    assert {value.dtype for value in halved.values()} == {torch.bfloat16}
    keep, relevance = torch.func.functional_call(network, halved, (ids, types, mask))
    exact = network(ids, types, mask)[0]
    assert keep.dtype == torch.float32
    assert not torch.equal(keep, exact)
    torch.testing.assert_close(keep, exact, atol=0.3, rtol=0.05)
    (keep.sum() + relevance.sum()).backward()
    assert all(value.grad is not None and value.grad.dtype == torch.float32 for value in network.layers.parameters())


@pytest.mark.parametrize(
    "wrong", [{"base_share": 3}, {"short_share": -1}, {"dropout": 2}, {"limit": 64}, {"examples": 0}]
)
def test_a_recipe_out_of_range_is_refused(wrong: dict) -> None:
    with pytest.raises(UsageError):
        Recipe(**wrong)
