"""Shrunk models in folders: the same after reading, whatever their shapes; damage and full disks are told."""

from __future__ import annotations

import errno
import json
import resource
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
transformers = pytest.importorskip("transformers", reason="the train extra is not installed")

from shrink import folders, models  # noqa: E402

from ctxprune.errors import CtxpruneError, FormatError, InputError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.manifest import MANIFEST  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.families.base import replace_module  # noqa: E402
from ctxprune.shrink.model.shared import SharedLinear, shared_weights  # noqa: E402
from ctxprune.shrink.model.surgery import remove  # noqa: E402
from ctxprune.shrink.model.tasks.yes_no import YesNo  # noqa: E402
from ctxprune.shrink.run.vocabulary import prune_vocabulary  # noqa: E402
from ctxprune.storage.sealed import seal, unseal  # noqa: E402

CUTS = {
    "uneven": {("neuron", 0): 20, ("neuron", 2): 30, ("head", 1): 2, ("dimension", 1): 5, ("dimension", 3): 3},
    "a layer": {("layer", -1): 3, ("neuron", 1): 9, ("dimension", 2): 6},
    "a sublayer": {("head", 0): 0, ("neuron", 3): 0},
    "width": {("width", -1): 27},
    "vocabulary": {("vocabulary", -1): 50},
    "even": {("neuron", layer): 16 for layer in range(4)},
}


def cut(model, wanted: dict):
    from ctxprune.shrink.model.families import family_of

    groups = family_of(model).describe(model).groups
    masks = {}
    for (kind, layer), count in wanted.items():
        key = ("kv_group" if kind == "head" and ("head", layer) not in groups else kind, layer)
        if key in groups or kind != "dimension":  # rotary heads have none
            masks[key] = torch.arange(groups[key].count) < count
    return remove(model, masks)


def logits(model):
    batch = models.batches(1, rows=4)[0]
    batch = {name: value.clamp(max=49) for name, value in batch.items()}
    with torch.no_grad():
        return model(**batch)[0]


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("kind", ["reranker", "decoder", "embedder"])
def test_it_is_read_back_as_it_is(kind: str, name: str, tmp_path: Path):
    loaded = load_model(getattr(folders, kind)(tmp_path / "big"))
    assert loaded.kind == kind
    small = cut(loaded.model, CUTS[name])
    save_model(loaded.with_model(small), tmp_path / "small", report={"target": 0.5})
    found = load_model(tmp_path / "small")
    assert torch.equal(logits(small), logits(found.model))
    assert found.kind == kind
    assert found.form.pairs([("the bridge", "opened")], 16) == loaded.form.pairs([("the bridge", "opened")], 16)
    assert (tmp_path / "small" / "1_Pooling" / "config.json").exists() == (kind == "embedder")
    assert json.loads((tmp_path / "small" / MANIFEST).read_text("utf-8"))["report"] == {"target": 0.5}
    again = cut(found.model, {("neuron", 2): 3})
    save_model(found.with_model(again), tmp_path / "smaller")
    assert torch.equal(logits(again), logits(load_model(tmp_path / "smaller").model))


@pytest.mark.parametrize(("name", "uniform"), [("even", True), ("a layer", False), ("a sublayer", False)])
def test_from_pretrained_reads_even_shapes_and_refuses_others(name: str, uniform: bool, tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    small = cut(loaded.model, CUTS[name])
    place = save_model(loaded.with_model(small), tmp_path / "small")
    kind = transformers.AutoModelForSequenceClassification
    if uniform:
        model = kind.from_pretrained(str(place), local_files_only=True).eval()
        assert torch.equal(logits(small), logits(model))
    else:
        with pytest.raises(ValueError, match="ctxprune-shrunk"):
            kind.from_pretrained(str(place), local_files_only=True)


def test_a_module_without_settings_has_no_folder(tmp_path: Path):
    place = folders.embedder(tmp_path / "big")
    modules = json.loads((place / "modules.json").read_text("utf-8"))
    modules.append({"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"})
    (place / "modules.json").write_text(json.dumps(modules), encoding="utf-8")
    save_model(load_model(place), tmp_path / "small")
    assert json.loads((tmp_path / "small" / "modules.json").read_text("utf-8")) == modules


def test_biases_that_were_not_there_are_kept(tmp_path: Path):
    loaded = load_model(folders.decoder(tmp_path / "big"))
    linear = loaded.model.model.layers[1].mlp.down_proj
    linear.bias = torch.nn.Parameter(torch.arange(32.0))
    place = save_model(loaded, tmp_path / "small")
    assert torch.equal(logits(loaded.model), logits(load_model(place).model))
    assert not json.loads((place / MANIFEST).read_text("utf-8"))["uniform"]


@pytest.mark.parametrize(("kind", "base", "own"), [("reranker", 2, 1), ("decoder", 0, 3)])
def test_layers_that_share_weights_are_read_back(kind: str, base: int, own: int, tmp_path: Path):
    loaded = load_model(getattr(folders, kind)(tmp_path / "big"))
    layers = loaded.model.bert.encoder.layer if kind == "reranker" else loaded.model.model.layers
    prefix = "bert.encoder.layer" if kind == "reranker" else "model.layers"
    for name, module in list(layers[own].named_modules()):
        if isinstance(module, torch.nn.Linear):
            shared = SharedLinear(layers[base].get_submodule(name), module, 2)
            replace_module(loaded.model, f"{prefix}.{own}.{name}", shared)
    small = cut(loaded.model, {("layer", -1): 4} | ({} if own == 3 else {("neuron", 3): 9}))
    place = save_model(loaded.with_model(small), tmp_path / "small")
    found = load_model(place)
    assert torch.equal(logits(small), logits(found.model))
    assert shared_weights(found.model) == shared_weights(small)
    assert sum(entry.numel() for entry in found.model.parameters()) < 0.9 * sum(
        entry.numel() for entry in load_model(tmp_path / "big").model.parameters()
    )
    assert not json.loads((place / MANIFEST).read_text("utf-8"))["uniform"]
    save_model(found, tmp_path / "again")
    assert torch.equal(logits(small), logits(load_model(tmp_path / "again").model))


def test_what_no_manifest_holds_is_refused(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    loaded.model.bert.encoder.layer[0].attention.output.dropout = torch.nn.Tanh()
    with pytest.raises(FormatError, match="Tanh"):
        save_model(loaded, tmp_path / "small")
    assert list((tmp_path / "small").iterdir()) == []


@pytest.mark.parametrize(("room", "file"), [(100, "tokenizer.json"), (20_000, "model.safetensors")])
def test_a_full_disk(room: int, file: str, tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    place = save_model(loaded, tmp_path / "small")
    before = {path: path.read_bytes() for path in place.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        with pytest.raises(InputError, match=r"cannot be written .*0\.1 MB are needed") as caught:
            save_model(loaded.with_model(cut(loaded.model, CUTS["width"])), place)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    if file == "model.safetensors":
        assert caught.value.where == str(place / file)
    assert {path: path.read_bytes() for path in place.iterdir()} == before


def test_a_disk_that_fills_at_any_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    place = save_model(loaded, tmp_path / "small")
    smaller = loaded.with_model(cut(loaded.model, CUTS["width"]))
    before, written, room = {path: path.read_bytes() for path in place.iterdir()}, [], [0]

    def counted(real):
        def write(*given, **more):
            if len(written) == room[0]:
                raise OSError(errno.ENOSPC, "No space left on device")
            written.append(given)
            return real(*given, **more)

        return write

    monkeypatch.setattr(Path, "write_text", counted(Path.write_text))
    monkeypatch.setattr(shutil, "copyfile", counted(shutil.copyfile))
    for number in range(6):  # card, two companions, tokenizer, configuration, manifest
        room[0] = number
        written.clear()
        with pytest.raises(InputError, match="No space left on device"):
            save_model(smaller, place)
        assert {path: path.read_bytes() for path in place.iterdir()} == before
    room[0] = 100
    assert load_model(save_model(smaller, place)).model.config.hidden_size == 27


def test_models_that_are_none(tmp_path: Path):
    with pytest.raises(InputError, match="no such folder"):
        load_model("cross-encoder/some-name")
    (tmp_path / "config.json").write_text('{"architectures": ["VisionThing"]}', encoding="utf-8")
    with pytest.raises(InputError, match="VisionThing"):
        load_model(tmp_path)
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(FormatError, match="damaged"):
        load_model(tmp_path)


def test_weights_that_lack_a_part_are_refused(tmp_path: Path):
    place = folders.write(tmp_path / "encoder", transformers.BertModel(models.bert().config))
    config = json.loads((place / "config.json").read_text("utf-8")) | {
        "architectures": ["BertForSequenceClassification"]
    }
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(FormatError, match="the weights lack 'classifier"):
        load_model(place)


@pytest.mark.parametrize("damage", ["weights", "json", "version", "class", "gone", "dropped"])
def test_damaged_folders(damage: str, tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    place = save_model(loaded.with_model(cut(loaded.model, CUTS["a sublayer"])), tmp_path / "small")
    path = place / MANIFEST
    manifest = json.loads(path.read_text("utf-8"))
    if damage == "weights":
        content = bytearray((place / "model.safetensors").read_bytes())
        content[-1] ^= 1
        (place / "model.safetensors").write_bytes(content)
    elif damage == "gone":
        (place / "model.safetensors").unlink()
    elif damage == "json":
        path.write_text(path.read_text("utf-8")[:-9], encoding="utf-8")
    else:
        del manifest["crc32"]
        manifest[damage] = {"version": 2, "class": "logging", "dropped": []}[damage]
        path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(FormatError) as caught:
        load_model(place)
    assert caught.value.hint or damage == "version"


@pytest.mark.parametrize("change", ["gone", "other"])
def test_a_changed_companion_file_raises(change: str, tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    place = save_model(loaded.with_model(cut(loaded.model, CUTS["a sublayer"])), tmp_path / "small")
    name = next(iter(json.loads((place / MANIFEST).read_text("utf-8"))["files"]))
    if change == "gone":
        (place / name).unlink()
    else:
        (place / name).write_bytes((place / name).read_bytes() + b" ")
    with pytest.raises(FormatError, match="a file of the model is") as caught:
        load_model(place)
    assert caught.value.where == str(place / name)
    assert caught.value.hint


def test_other_folders_are_not_written_over(tmp_path: Path):
    loaded = load_model(folders.reranker(tmp_path / "big"))
    other = folders.reranker(tmp_path / "other")
    for place in (other, tmp_path / "big", tmp_path / "big" / ".." / "big"):
        with pytest.raises(CtxpruneError, match="name another folder"):
            save_model(loaded, place)


def yes_no(folder: Path):
    """A decoder that ranks; its tokenizer reads unknown words by letters."""
    config = models.qwen3().config
    config.vocab_size = load_model(folders.spelled(folder)).form.tokenizer.get_vocab_size()
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder)
    loaded = load_model(folder)
    find = loaded.form.tokenizer.token_to_id
    return replace(loaded, task=YesNo(find("opened"), find("##z")), kind="reranker")


def test_a_decoder_that_ranks_keeps_its_task(tmp_path: Path):
    loaded, batch = yes_no(tmp_path / "big"), models.batches(1)[0]
    save_model(loaded, tmp_path / "same")
    same = load_model(tmp_path / "same")
    assert (same.kind, same.task) == ("reranker", loaded.task)
    with torch.no_grad():
        assert torch.equal(same.task.output(same.model, batch), loaded.task.output(loaded.model, batch))


def test_the_two_answers_stay_and_follow_a_smaller_vocabulary(tmp_path: Path):
    loaded = yes_no(tmp_path / "big")
    small, said = prune_vocabulary(loaded, ["the red house in winter"], 64)
    assert said["pieces"][1] < said["pieces"][0]
    find = small.form.tokenizer.token_to_id
    assert small.task == YesNo(find("opened"), find("##z")) != loaded.task
    save_model(small, tmp_path / "small")
    again = load_model(tmp_path / "small")
    rows = [["opened", "the"], ["red", "in"]]
    scores = []
    for one in (loaded, again):
        ids = torch.tensor([[one.form.tokenizer.token_to_id(word) for word in row] for row in rows])
        with torch.no_grad():
            batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
            scores.append(one.task.output(one.model, batch))
    assert torch.allclose(*scores, atol=1e-5)


@pytest.mark.parametrize(
    "answers", [None, {}, {"yes": 1, "no": 1}, {"yes": 9999, "no": 2}, {"yes": True, "no": 2}, [1]]
)
def test_a_manifest_without_the_two_answers_is_refused(answers, tmp_path: Path):
    path = save_model(yes_no(tmp_path / "big"), tmp_path / "small") / MANIFEST
    manifest = unseal(path.read_bytes())
    del manifest["answers"]
    path.write_text(seal(manifest if answers is None else manifest | {"answers": answers}), encoding="utf-8")
    with pytest.raises(FormatError, match="ids of yes and no"):
        load_model(tmp_path / "small")
