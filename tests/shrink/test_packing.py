"""Packed zeros: the same tensors again, in the bytes that the sum says, and whole models in smaller folders."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import FormatError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.manifest import MANIFEST  # noqa: E402
from ctxprune.shrink.io.packing import pack_tensors, unpack_tensors  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.cost import cost, matrices  # noqa: E402
from ctxprune.shrink.model.families import family_of  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402


def test_by_hand():
    value = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    stored, shapes = pack_tensors({"a": value, "b": torch.zeros(8), "c": torch.ones(3, 3)})
    assert shapes == {"a": [3, 3]}
    assert stored["a.bits"].tolist() == [0b01000100, 0]
    assert stored["a.values"].tolist() == [2.0, -1.0]
    assert set(stored) == {"a.bits", "a.values", "b", "c"}
    found = unpack_tensors(stored, shapes)
    assert set(found) == {"a", "b", "c"}
    assert torch.equal(found["a"], value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int8])
@pytest.mark.parametrize("shape", [(1, 1), (7, 9), (3, 5, 2), (16, 16)])
@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_any_tensor_comes_back(shape: tuple[int, ...], share: float, dtype):
    generator = torch.Generator().manual_seed(0)
    value = (torch.rand(shape, generator=generator) * 100 + 1).to(dtype) * (
        torch.rand(shape, generator=generator) < share
    )
    found = unpack_tensors(*pack_tensors({"w": value}))
    assert found["w"].dtype == value.dtype
    assert torch.equal(found["w"], value)


@pytest.mark.parametrize("damage", ["bits", "values", "shape"])
def test_bits_and_values_that_disagree_raise(damage: str):
    stored, shapes = pack_tensors({"a": torch.eye(16)})
    if damage == "shape":
        shapes = {"a": [16, 20]}
    else:
        stored[f"a.{damage}"] = stored[f"a.{damage}"][:-1]
    with pytest.raises(ValueError, match="bits"):
        unpack_tensors(stored, shapes)


def sparse(model, share: float):
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for path in matrices(model):
            entry = model.get_parameter(path)
            entry.mul_(torch.rand(entry.shape, generator=generator) >= share)
    return model


def test_a_model_with_zeros_takes_less_room(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    model = sparse(loaded.model, 0.75)
    plain = save_model(loaded, tmp_path / "plain")
    small = save_model(loaded, tmp_path / "packed", pack=True)
    sizes = [(place / "model.safetensors").stat().st_size for place in (plain, small)]
    spared = sum(model.get_parameter(path).numel() for path in matrices(model)) * 4 * (0.75 - 1 / 32)
    assert sizes[0] - sizes[1] == pytest.approx(spared, rel=0.05)
    found = load_model(small).model
    assert all(torch.equal(value, found.state_dict()[name]) for name, value in model.state_dict().items())
    assert cost(found, "weights") == cost(model, "weights")
    with pytest.raises(ValueError, match="ctxprune-shrunk"):
        transformers.AutoModelForSequenceClassification.from_pretrained(str(small), local_files_only=True)
    assert not json.loads((small / MANIFEST).read_text("utf-8"))["uniform"]


def test_a_packed_model_whose_manifest_says_otherwise(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    sparse(loaded.model, 0.75)
    place = save_model(loaded, tmp_path / "packed", pack=True)
    manifest = json.loads((place / MANIFEST).read_text("utf-8"))
    del manifest["crc32"]
    (place / MANIFEST).write_text(json.dumps(manifest | {"packed": {}}), encoding="utf-8")
    with pytest.raises(FormatError, match="cannot be built"):
        load_model(place)


@pytest.mark.parametrize(("name", "kind"), [("mixtral", "expert"), ("qwen2_moe", "neuron"), ("mamba", "channel")])
def test_other_families_are_read_back(name: str, kind: str, tmp_path: Path):
    loaded = load_model(folders.write(tmp_path / "big", getattr(models, name)()))
    groups = family_of(loaded.model).describe(loaded.model).of_kind(kind)
    kept = {group.key: torch.arange(group.count) % (2 + place) == 0 for place, group in enumerate(groups)}
    small = remove(loaded.model, kept | {("width", -1): torch.arange(32) < 27})
    place = save_model(loaded.with_model(small), tmp_path / "small", pack=True)
    batch = {name: value % 60 for name, value in models.batches(1)[0].items()}
    with torch.no_grad():
        assert torch.equal(load_model(place).model(**batch)[0], small(**batch)[0])


@pytest.mark.parametrize(("keep", "most"), [("2:4", 0.525), ("one in twenty", 0.065)])
def test_bits_with_a_pattern_take_less_than_one_for_each_weight(keep: str, most: float):
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(256, 256, generator=generator)
    if keep == "2:4":
        groups = value.view(-1, 4)
        groups.scatter_(1, groups.abs().argsort(1)[:, :2], 0.0)
    else:
        value *= torch.rand(256, 256, generator=generator) < 0.05
    stored, shapes = pack_tensors({"a": value})
    plain = (value.numel() + 7) // 8
    assert len(stored["a.bits"]) < 0.75 * plain
    assert sum(entry.numel() * entry.element_size() for entry in stored.values()) < most * 4 * value.numel()
    assert torch.equal(unpack_tensors(stored, shapes)["a"], value)
    # as earlier releases wrote them
    stored["a.bits"] = torch.from_numpy(np.packbits((value != 0).flatten().numpy()))
    assert torch.equal(unpack_tensors(stored, shapes)["a"], value)
