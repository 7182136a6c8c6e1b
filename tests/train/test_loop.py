"""The run: the encoder moved towards the base model, parameters in bfloat16, a recipe's ranges."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("safetensors", reason="the train extra is not installed")

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.train.loop import PrunerRecipe, PrunerRun, blend_with_base  # noqa: E402
from ctxprune.train.pruner_network import (  # noqa: E402
    HEADS,
    EncoderShape,
    PrunerNetwork,
    bfloat16_encoder,
    load_base,
)
from ctxprune.train.train_pruner import _last_losses  # noqa: E402

SHAPE = EncoderShape.uniform(vocabulary=50, positions=16, width=8, heads=2, inner=16, layers=1)


def networks() -> tuple[PrunerNetwork, dict]:
    torch.manual_seed(0)
    network = PrunerNetwork(SHAPE)
    base = {name: value + 1 for name, value in network.state_dict().items()}
    return network, base


def test_the_encoder_moves_by_its_share_and_the_heads_stay() -> None:
    network, base = networks()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    blend_with_base(network, base, 0.25)
    for name, value in network.state_dict().items():
        moved = 0.0 if name.startswith(HEADS) else 0.25
        torch.testing.assert_close(value, before[name] + moved)


def test_bfloat16_reaches_the_float32_parameters() -> None:
    network, _ = networks()
    ids = torch.tensor([[1, 2, 3, 4]])
    types, mask = torch.tensor([[0, 0, 1, 1]]), torch.ones_like(ids)
    halved = bfloat16_encoder(network)
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
        PrunerRecipe(**wrong)


def test_a_damaged_checkpoint_is_refused_and_a_failed_one_leaves_the_last(tmp_path, monkeypatch) -> None:
    run = PrunerRun(networks()[0], PrunerRecipe(), tmp_path, fingerprint="data")
    assert not run.resume()
    run.save()
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    assert run.resume()
    with pytest.raises(FormatError, match="other data"):
        PrunerRun(networks()[0], PrunerRecipe(), tmp_path, fingerprint="others").resume()

    def full(_: object, path) -> None:
        path.write_bytes(b"half")
        raise RuntimeError("PytorchStreamWriter failed writing file")

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", full)
        with pytest.raises(InputError, match="cannot be written"):
            run.save()
    assert (tmp_path / "checkpoint.pt").read_bytes() == whole
    assert {entry.name for entry in tmp_path.iterdir()} == {"checkpoint.pt"}
    for content in (whole[: len(whole) // 2], b""):
        (tmp_path / "checkpoint.pt").write_bytes(content)
        with pytest.raises(FormatError, match="cannot be read"):
            run.resume()
    torch.save({"step": 1}, tmp_path / "checkpoint.pt")
    with pytest.raises(FormatError, match="no checkpoint"):
        run.resume()


def test_half_a_line_of_the_log_is_left_out(tmp_path) -> None:
    (tmp_path / "log").write_text('{"step": 20}\n{"step": 4{"step": 60}\n{"step": 80}\n')
    assert _last_losses(tmp_path / "log") == [{"step": 20}, {"step": 80}]
    assert _last_losses(tmp_path / "absent") == []


def test_a_base_model_that_is_none_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match="base model"):
        load_base(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(InputError, match=r"config\.json and model\.safetensors"):
        load_base(tmp_path)
