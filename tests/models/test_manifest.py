"""Manifests for exports that were made elsewhere."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ctxprune.errors import FormatError, InputError
from ctxprune.models.manifest import write_manifest
from ctxprune.models.pruner import bundled
from ctxprune.rag import Passage
from ctxprune.scorers.neural.pruner import PrunerScorer

HOME = bundled()
OTHER = Path(__file__).parent.parent / "scorers" / "tiny_encoder"
TEXT = "The lighthouse is red. Its lamp was lit for the first time in 1871. Gulls nest on the roof."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).symlink_to(HOME / name)
    return tmp_path


def test_an_export_gets_a_manifest_and_scores(folder: Path):
    manifest = write_manifest(folder, "mine.v1", limit=128)
    assert (manifest.name, manifest.limit) == ("mine.v1", 128)
    scorer = PrunerScorer(folder)
    assert scorer.fingerprint.startswith("mine.v1 ")
    units, documents = scorer.score_documents("When did the light begin to shine?", Passage(TEXT))
    assert np.argmax(units) == 1
    features = scorer.features("When did the light begin to shine?", Passage(TEXT))
    assert units == pytest.approx(1 / (1 + np.exp(-features.units["keep"])))
    assert documents == pytest.approx(1 / (1 + np.exp(-features.documents["relevance"])))


def test_the_weights_of_the_bundled_one_give_its_scores(folder: Path):
    own = json.loads((HOME / "manifest.json").read_text(encoding="utf-8"))
    write_manifest(folder, "same.v1", limit=own["limit"], unit=own["unit"], document=own["document"])
    expected = PrunerScorer().score("What is red?", Passage(TEXT))
    assert np.array_equal(PrunerScorer(folder).score("What is red?", Passage(TEXT)), expected)


def test_other_weights_are_another_model_in_the_same_process(folder: Path):
    write_manifest(folder, "mine.v1")
    scorer = PrunerScorer(folder)
    first, before = scorer.score("What is red?", Passage(TEXT)), scorer.fingerprint
    write_manifest(folder, "mine.v1", unit={"passage": {"keep": 1.0, "bias": -3.0}})
    assert (scorer.score("What is red?", Passage(TEXT)) < first).all()
    assert scorer.fingerprint != before


def test_a_folder_that_cannot_be_written(tmp_path: Path, folder: Path):
    (folder / "manifest.json").mkdir()
    with pytest.raises(InputError, match="manifest cannot be written"):
        write_manifest(folder, "mine.v1")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"unit": {"passage": {"keep": {1}}}}, "cannot be written"),
        ({"limit": 64}, "out of range"),
        ({"unit": {"table": {}}}, "damaged"),
        ({"document": {"passage": {"a": 1}}}, "damaged"),
    ],
)
def test_wrong_arguments_leave_nothing(folder: Path, arguments: dict, message: str):
    with pytest.raises(FormatError, match=message):
        write_manifest(folder, "mine.v1", **arguments)
    assert not (folder / "manifest.json").exists()


def test_another_tokenizer_is_refused(folder: Path):
    (folder / "tokenizer.json").unlink()
    shutil.copy(OTHER / "tokenizer.json", folder)
    (folder / "manifest.json").write_text("kept", encoding="utf-8")
    with pytest.raises(FormatError, match=r"the tokenizer makes .* of '\[CLS\]', not \[101\]"):
        write_manifest(folder, "mine.v1")
    assert (folder / "manifest.json").read_text(encoding="utf-8") == "kept"


def test_another_graph_is_refused(folder: Path):
    (folder / "model.onnx").unlink()
    shutil.copy(OTHER / "model.onnx", folder)
    with pytest.raises(FormatError, match="another signature"):
        write_manifest(folder, "mine.v1")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_missing_file_is_named(folder: Path, name: str):
    (folder / name).unlink()
    with pytest.raises(InputError, match="a file of the model is missing") as told:
        write_manifest(folder, "mine.v1")
    assert told.value.where.endswith(name)
