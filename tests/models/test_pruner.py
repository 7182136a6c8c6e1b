"""Loading the pruner: what is missing, cut or of another version is told; the bundled one loads fast."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError, InputError, MissingExtraError, UsageError
from ctxprune.models.pruner import FORMAT, VERSION, PrunerModel, bundled, load_pruner, place_of, read_manifest
from ctxprune.models.windows import Tokens

HOME = bundled()
GOOD = {
    "format": FORMAT,
    "version": VERSION,
    "name": "toy",
    "limit": 256,
    "sha256": {},
    "unit": {"passage": {"keep": 1.0}},
    "document": {"passage": {"bias": 0.5}},
}


def folder(path: Path, **changes: object) -> Path:
    contents = {"model.onnx": b"not a graph", "tokenizer.json": b"{}"}
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    for name, content in contents.items():
        (path / name).write_bytes(content)
    (path / "manifest.json").write_text(json.dumps(GOOD | {"sha256": digests} | changes), encoding="utf-8")
    return path


def test_the_manifest(tmp_path: Path):
    manifest = read_manifest(folder(tmp_path))
    assert (manifest.name, manifest.limit) == ("toy", 256)
    assert (manifest.unit, manifest.document) == ({"passage": {"keep": 1.0}}, {"passage": {"bias": 0.5}})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 3}, "version 3"),
        ({"format": "other"}, "format 'other'"),
        ({"limit": 20}, "out of range"),
        ({"limit": "many"}, "damaged"),
        ({"unit": {"table": {}}}, "damaged"),
        ({"unit": {"passage": {"taste": 1.0}}}, "damaged"),
        ({"unit": {"passage": {"keep": float("nan")}}}, "out of range"),
        ({"sha256": None}, "damaged"),
    ],
)
def test_manifests_that_are_refused(tmp_path: Path, changes: dict, message: str):
    with pytest.raises(FormatError, match=message):
        read_manifest(folder(tmp_path, **changes))


def test_manifests_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(InputError, match="manifest cannot be read"):
        read_manifest(tmp_path)
    (tmp_path / "manifest.json").write_text('{"format": ', encoding="utf-8")
    with pytest.raises(FormatError, match="manifest is damaged"):
        read_manifest(tmp_path)


def test_files_that_are_cut_or_missing(tmp_path: Path):
    folder(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"not a")
    with pytest.raises(FormatError, match="a file of the model is damaged") as told:
        PrunerModel(tmp_path)
    assert "model.onnx" in told.value.where
    (tmp_path / "model.onnx").unlink()
    with pytest.raises(InputError, match="a file of the model is missing"):
        PrunerModel(tmp_path)


def test_files_that_are_no_model(tmp_path: Path):
    folder(tmp_path)
    with pytest.raises(FormatError, match="tokenizer cannot be read"):
        PrunerModel(tmp_path)
    shutil.copy(HOME / "tokenizer.json", tmp_path)
    content = (tmp_path / "tokenizer.json").read_bytes()
    digests = {
        "model.onnx": hashlib.sha256(b"not a graph").hexdigest(),
        "tokenizer.json": hashlib.sha256(content).hexdigest(),
    }
    (tmp_path / "manifest.json").write_text(json.dumps(GOOD | {"sha256": digests}), encoding="utf-8")
    with pytest.raises(FormatError, match="the model cannot be loaded"):
        PrunerModel(tmp_path)


def test_without_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match="onnxruntime"):
        PrunerModel(HOME)


def test_the_bundled_model():
    model = load_pruner()
    assert model is load_pruner(threads=1)
    assert model.manifest.name == "pruner.v2"
    assert model.fingerprint.startswith("pruner.v2 ")
    ids = model.encode(["What is it?", "", "\ud800 caf\u00e9 \x00 客户", "a\u200bb"])
    assert ids[1] == []
    (window,) = model.windows(ids[0], [Tokens(ids[3], [ids[2]])], "passage")
    keep, relevance = model.run(window)
    assert keep.shape == relevance.shape == (len(window.ids),)
    assert np.isfinite(keep).all()
    assert np.isfinite(relevance).all()


def test_the_bundled_model_goes_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    name = load_pruner().manifest.name
    assert place_of(name) == bundled()
    assert place_of("other.v1") == Path("other.v1")
    (tmp_path / name).mkdir()
    assert place_of(name) == Path(name)  # a folder here goes first


@pytest.mark.parametrize("threads", [0, True, "2"])
def test_threads_are_checked(threads: object):
    with pytest.raises(UsageError, match="threads is"):
        load_pruner(threads=threads)


def test_loading_takes_a_moment_and_no_training_library():
    code = (
        "import time, numpy, tokenizers, onnxruntime, sys; from ctxprune.models.pruner import load_pruner;"
        "t = time.process_time(); load_pruner(); print(time.process_time() - t); print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, modules = done.stdout.splitlines()
    assert float(seconds) < 0.6  # 0.3 s on an idle machine
    assert {name.partition(".")[0] for name in modules.split()}.isdisjoint({"torch", "transformers", "onnx"})
