"""Model folders that are not what they should be: an error of ours says which file is wrong, before any work."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="the train extra is not installed")
pytest.importorskip("transformers", reason="the train extra is not installed")

from safetensors.torch import load_file, save_file  # noqa: E402
from shrink import folders, models  # noqa: E402

from ctxprune.errors import CtxpruneError, FormatError, InputError, UsageError  # noqa: E402
from ctxprune.shrink.io.loading import load_model  # noqa: E402
from ctxprune.shrink.io.saving import save_model  # noqa: E402
from ctxprune.shrink.model.checks import check_subject  # noqa: E402
from ctxprune.shrink.model.subject import Subject  # noqa: E402
from ctxprune.shrink.run.job import Options, run_job  # noqa: E402
from ctxprune.shrink.run.targets import read_target  # noqa: E402
from ctxprune.storage.locks import hold_folder  # noqa: E402


def weights(change: Callable[[dict], dict | None]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        save_file(change(tensors) or tensors, folder / "model.safetensors", metadata={"format": "pt"})

    return apply


def configuration(**changes) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), encoding="utf-8")

    return apply


def content(name: str, text: str | bytes | None) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / name).unlink()
        if text is not None:
            (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())

    return apply


def pickled(folder: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def halved(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def linked(folder: Path) -> None:
    (folder.parent / "secret.txt").write_text("of somebody", encoding="utf-8")
    (folder / "LICENSE").symlink_to(folder.parent / "secret.txt")


BAD = {
    "no tokenizer": (content("tokenizer.json", None), "tokenizer.json", "save_pretrained"),
    "damaged tokenizer": (content("tokenizer.json", '{"version": '), "tokenizer.json", "copy the file anew"),
    "another file as tokenizer": (content("tokenizer.json", "{}"), "tokenizer.json", "Model missing"),
    "no weights": (content("model.safetensors", None), "big", "expected is model.safetensors, or model.saf"),
    "no configuration": (content("config.json", None), "config.json", "config.json, model.safetensors and tok"),
    "a pickle": (pickled, "big", "pytorch_model.bin is a pickle"),
    "half of the weights": (halved, "big", "cannot be loaded"),
    "a layer less in the weights": (
        weights(lambda found: {name: value for name, value in found.items() if ".layer.3." not in name}),
        "big", "lack 'bert.encoder.layer.3",
    ),
    "a layer less in the configuration": (configuration(num_hidden_layers=3), "big", "no place for 'bert.encoder.l"),
    "another width": (configuration(hidden_size=64), "big", r"is \(32,\) in the weights and \(64,\)"),
    "another vocabulary": (configuration(vocab_size=40), "big", r"word_embeddings.weight' is \(64, 32\)"),
    "another kind of model": (configuration(architectures=["VisionThing"]), "config.json", "VisionThing"),
    "a link out of the folder": (linked, "LICENSE", "a link leads out"),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(BAD))
def test_the_error_names_what_is_wrong(name: str, tmp_path: Path):
    change, where, said = BAD[name]
    place = folders.reranker(tmp_path / "big")
    change(place)
    with pytest.raises(CtxpruneError, match=said) as caught:
        load_model(place)
    assert caught.value.where.endswith(where)
    assert "download" not in str(caught.value)


def test_code_in_a_folder_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nor is the user asked whether to run it: a yes, or a pipe full of them, would be taken."""
    place = folders.reranker(tmp_path / "big")
    kinds = {"AutoConfig": "own.NewConfig", "AutoModelForSequenceClassification": "own.NewForSequenceClassification"}
    configuration(model_type="newkind", architectures=["NewForSequenceClassification"], auto_map=kinds)(place)
    (place / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')", encoding="utf-8")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(FormatError, match="code"):
        load_model(place)
    assert not (tmp_path / "ran").exists()


def test_links_into_the_cache_of_hugging_face_are_followed(tmp_path: Path):
    place = folders.reranker(tmp_path / "models--a--b" / "snapshots" / "0123")
    blobs = tmp_path / "models--a--b" / "blobs"
    blobs.mkdir()
    for path in list(place.iterdir()):
        path.rename(blobs / path.name)
        path.symlink_to(Path("..") / ".." / "blobs" / path.name)
    save_model(load_model(place), tmp_path / "small")
    assert not (tmp_path / "small" / "tokenizer.json").is_symlink()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(value: float, tmp_path: Path):
    place = folders.reranker(tmp_path / "big")
    weights(lambda found: found["classifier.weight"][0, :1].fill_(value) and None)(place)
    loaded = load_model(place)
    with pytest.raises(InputError, match="not finite") as caught:
        check_subject(Subject(loaded.model, loaded.task, models.batches(1)))
    assert caught.value.where == "classifier.weight"


def test_a_heads_weights_that_the_kind_has_not_are_left_out(tmp_path: Path):
    place = folders.embedder(tmp_path / "big")
    weights(lambda found: {**found, "cls.predictions.bias": torch.zeros(64)})(place)
    assert load_model(place).kind == "embedder"


def test_one_run_at_a_time_is_in_a_folder(tmp_path: Path):
    place = tmp_path / "out"
    with hold_folder(place):
        options = Options((), wanted=read_target("flops=0.5"), out=place, resume=True)
        with pytest.raises(UsageError, match="another run is at work"):
            run_job(str(tmp_path), tmp_path / "pairs.jsonl", options)
        with pytest.raises(UsageError, match="another run is at work"), hold_folder(place):
            raise AssertionError
        (place / "kept").touch()
    with hold_folder(place):
        assert (place / "kept").exists()
    with pytest.raises(FormatError), hold_folder(tmp_path / "empty"):
        raise FormatError("failed before anything was written")
    assert not (tmp_path / "empty").exists()
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot be written"), hold_folder(tmp_path / "file"):
        raise AssertionError
