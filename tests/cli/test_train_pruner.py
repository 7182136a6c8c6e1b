"""`ctxprune train pruner`: the whole run on toy data where torch is there, clear errors where it is not."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.rag import Passage
from ctxprune.scorers.neural.pruner import PrunerScorer

needs_torch = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("torch", "safetensors", "onnx")),
    reason="the train extra is not installed",
)


def test_without_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setitem(sys.modules, "torch", None)
    assert main(["train", "pruner", "--smoke", "--out", str(tmp_path)]) == 1
    assert "pip install 'ctxprune-middleware[train]'" in capsys.readouterr().err


@needs_torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_smoke(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "pruner", "--smoke", "--out", str(tmp_path), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["steps"] > 10
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["unit"]["passage"]["keep"] > 0  # the network has learned something, beside what BM25 knows
    assert report == json.loads((tmp_path / "training.json").read_text(encoding="utf-8"))
    scores = PrunerScorer(model=tmp_path).score(
        "where is the red house", Passage("the red house is old. the blue one is new.")
    )
    assert scores[0] > scores[1]
    assert main(["train", "pruner", "--smoke", "--out", str(tmp_path), "--json", "--resume"]) == 0
    assert json.loads(capsys.readouterr().out)["steps"] == report["steps"]


@needs_torch
def test_wrong_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["train", "pruner", "--out", str(tmp_path)]) == 1
    assert "--data or --smoke" in capsys.readouterr().err
    assert main(["train", "pruner", "--out", str(tmp_path), "--data", str(tmp_path), "--base", str(tmp_path)]) == 1
    assert "holds no base model" in capsys.readouterr().err
