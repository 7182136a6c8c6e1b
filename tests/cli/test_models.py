"""`ctxprune models`: what is at hand, and what it says of itself."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.cli._model_folders import installed_models
from ctxprune.models.pruner import bundled, load_pruner


def test_the_bundled_model(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    assert main(["models", "--json"]) == 0
    name = load_pruner().manifest.name
    (pruner,) = (entry for entry in json.loads(capsys.readouterr().out) if entry["name"] == name)
    assert pruner["licence"] == "Apache-2.0"
    assert pruner["base"] == "all-MiniLM-L6-v2"
    assert pruner["kind"] == "pruner"
    assert 1 < pruner["megabytes"] < 12
    assert pruner["purpose"].startswith("One encoder that reads a question")
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["models"]) == 0
    assert name in capsys.readouterr().out


def test_speed_is_measured():
    assert all(model.milliseconds > 0 for model in installed_models(measure=True))


def test_folders_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    shutil.copytree(bundled(), tmp_path / "shelf" / "mine")
    (tmp_path / "shelf" / "mine" / "MODEL_CARD.md").unlink()
    small = tmp_path / "small"
    small.mkdir()
    (small / "shrunk.json").write_text('{"kind": "reranker", "report": {"milliseconds": 7.5}}', encoding="utf-8")
    (small / "README.md").write_text("---\nlicense: mit\n---\n# Small\n\nFor tests. Not more.\n", encoding="utf-8")
    found = installed_models([tmp_path / "shelf", small])[-2:]
    assert [(model.name, model.kind, model.milliseconds) for model in found] == [
        (load_pruner().manifest.name, "pruner", None),
        ("small", "reranker", 7.5),
    ]
    assert [model.licence for model in found] == ["unknown", "mit"]
    assert found[1].purpose == "For tests."
    assert main(["models", "--folder", str(tmp_path / "none")]) == 1
    assert "the folder holds no model" in capsys.readouterr().err
    (small / "shrunk.json").write_text("[]", encoding="utf-8")
    assert main(["models", "--folder", str(small)]) == 1
    assert "CP006 the model's manifest is damaged" in capsys.readouterr().err
