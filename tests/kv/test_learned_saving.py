"""Gates on disk, and the press that applies them at once."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import decoder, random_gates, tokens  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from ctxprune.errors import FormatError, InputError, UsageError  # noqa: E402
from ctxprune.kv import Gates, LearnedDrop, compress, prefill  # noqa: E402
from ctxprune.kv.gates.gates import log_keep  # noqa: E402
from ctxprune.kv.model.files import model_fingerprint  # noqa: E402

TEXT = tokens(50)


def gates_of(model, bias=1.5):
    return random_gates(model, seed=5, bias=bias)


def test_they_come_back_as_they_were(decoders, tmp_path):
    model = decoders("llama")
    gates, path = gates_of(model), tmp_path / "gates.safetensors"
    gates.save(path, model, strength=0.1)
    back = Gates.load(path, model)
    assert back.layers == gates.layers
    assert back.width == 8
    for name, weight in gates.state_dict().items():
        assert torch.equal(back.state_dict()[name], weight)
    assert [each.name for each in tmp_path.iterdir()] == ["gates.safetensors"]


def test_another_model_is_refused(decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "gates.safetensors"
    gates_of(model).save(path, model)
    with pytest.raises(InputError, match="another model"):
        Gates.load(path, decoders("qwen2"))
    trained = decoder("llama")
    trained.model.layers[1].self_attn.k_proj.weight.data.mul_(1.1)
    with pytest.raises(InputError, match="another model"):
        Gates.load(path, trained)


def test_damaged_files_are_refused(decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "gates.safetensors"
    gates = gates_of(model)
    with pytest.raises(InputError, match="no such gates"):
        Gates.load(path, model)
    with pytest.raises(InputError, match="cannot write"):
        gates.save(tmp_path / "no" / "gates.safetensors", model)
    gates.save(path, model)
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    with pytest.raises(FormatError, match="not a whole"):
        Gates.load(path, model)
    path.write_bytes(whole.replace(b'\\"version\\": 1', b'\\"version\\": 9'))
    with pytest.raises(FormatError, match="differs from its checksum"):
        Gates.load(path, model)
    about = {"layers": gates.layers, "hidden": gates.hidden, "width": gates.width}
    replace(Gates.format, version=9).write(path, model_fingerprint(model), about, gates.state_dict())
    with pytest.raises(FormatError, match="ctxprune-kv-gates 9"):
        Gates.load(path, model)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(FormatError, match="no gates of this library"):
        Gates.load(path, model)
    for wrong in ({"width": 10**12}, {"hidden": 10**12}, {"layers": 7}, {"layers": [0, 9]}, {"layers": []}):
        Gates.format.write(path, model_fingerprint(model), {**about, **wrong}, gates.state_dict())
        with pytest.raises(FormatError, match="a part of the gates is missing"):
            Gates.load(path, model)
    tensors = gates.state_dict()
    tensors.pop("by_layer.0.bias")
    Gates.format.write(path, model_fingerprint(model), about, tensors)
    with pytest.raises(FormatError, match="a part of the gates is missing"):
        Gates.load(path, model)


def test_files_of_earlier_releases_have_no_checksums(decoders, tmp_path):
    model, path = decoders("llama"), tmp_path / "gates.safetensors"
    gates = gates_of(model)
    gates.save(path, model)
    about = {"format": "ctxprune-kv-gates", "version": 1, "model": model_fingerprint(model)}
    about |= {"layers": gates.layers, "hidden": gates.hidden, "width": gates.width}
    save_file(load_file(path), path, {"ctxprune": json.dumps(about)})
    assert Gates.load(path, model).layers == gates.layers


@pytest.mark.parametrize("about", ["[" * 50_000, "[]", "7", "{"])
def test_strange_values_are_refused(decoders, tmp_path, about):
    path = tmp_path / "gates.safetensors"
    save_file({"x": torch.zeros(1)}, path, {"ctxprune": about})
    with pytest.raises(FormatError):
        Gates.load(path, decoders("llama"))


def test_the_press_drops_what_a_gate_closed(decoders):
    model = decoders("qwen2")
    gates = gates_of(model, bias=5.0)
    read = prefill(model, TEXT)
    cache = read.press(LearnedDrop(gates=gates))
    for view, layer in zip(read.views, cache.layers, strict=True):
        gate = gates[view.attention.layer]
        with torch.no_grad():
            own = torch.ones(50, 50, dtype=torch.bool).triu()
            logs = log_keep(gate.logits(*gate.parts(view.hidden)), math.inf, own)[0, -1]
        alive = (logs == 0).nonzero()[:, 0].tolist()
        assert 1 < len(alive) < 50
        assert layer.kept.counts.each.tolist() == [[len(alive)] * 2]
        assert layer.kept.columns.tolist() == alive * 2


def test_the_ratio_is_a_cap(decoders):
    model = decoders("qwen2")
    shut, open_ = gates_of(model, bias=-1e4), gates_of(model, bias=1e4)
    assert compress(model, TEXT, LearnedDrop(gates=shut)).kept == [[[1, 1]]] * 3
    assert compress(model, TEXT, LearnedDrop(0.4, gates=shut)).kept == [[[30, 30]]] * 3
    assert compress(model, TEXT, LearnedDrop(gates=open_)).kept == [[[50, 50]]] * 3


def test_the_press_wants_gates_that_fit(decoders):
    with pytest.raises(UsageError, match="gates is NoneType"):
        LearnedDrop(0.5)
    with pytest.raises(UsageError, match="not this model's"):
        compress(decoders("llama"), TEXT, LearnedDrop(gates=Gates([0], 48)))
    with pytest.raises(UsageError, match="no layer for gates"):
        Gates([], 48)
    with pytest.raises(UsageError, match="width"):
        Gates([0], 48, 0)
