"""`ctxprune shrink list` and `show`: recipes as data, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.shrink.recipes.recipe import DATA, load_recipe, recipe_names
from ctxprune.shrink.registries import SELECTORS


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> object:
    assert main(["shrink", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_every_recipe_is_listed_with_its_source(capsys: pytest.CaptureFixture[str]):
    found = printed(capsys, "list")
    assert [entry["name"] for entry in found] == recipe_names()
    assert all(entry["source"] and entry["title"] and entry["data"] in DATA for entry in found)
    flap = next(entry for entry in found if entry["name"] == "flap.v1")
    assert flap["units"] == ["head", "neuron"]
    assert flap["models"] == ["encoder", "decoder"]


def test_by_model_and_by_unit(capsys: pytest.CaptureFixture[str]):
    names = {entry["name"] for entry in printed(capsys, "list", "--unit", "head", "--model", "encoder")}
    assert "flap.v1" in names
    assert names == {
        name for name in recipe_names() if "head" in load_recipe(name).units and "encoder" in load_recipe(name).models
    }
    assert main(["shrink", "list", "--unit", "atom"]) == 2
    assert "'atom' is not one of neuron, head" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_every_selector_is_shown_with_its_paper(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    found = printed(capsys, "show", "selectors")
    assert set(found) >= {name.removesuffix(".v1") for name in SELECTORS.names()}
    assert all(entry["title"] and entry["source"] and entry["needs"] for entry in found.values())
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["shrink", "show", "selectors"]) == 0
    assert "arXiv 2306.03208" in capsys.readouterr().out


def test_a_table_for_people(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["shrink", "list"]) == 0
    shown = capsys.readouterr()
    assert "flap.v1" in shown.out
    assert "ctxprune shrink show NAME" in shown.err


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_shown_whole(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "400")
    recipe = load_recipe(name)
    assert printed(capsys, "show", name) == json.loads(json.dumps(recipe.to_dict()))
    assert main(["shrink", "show", name.removesuffix(".v1")]) == 0
    shown = capsys.readouterr().out
    assert recipe.source in shown
    for stage in recipe.stages:
        for piece in (*stage.prepare, stage.score, stage.allocate, *stage.compensate, *stage.recover):
            assert piece.name in shown
            assert all(f"{key}={value}" in shown for key, value in piece.parameters.items())


def test_a_recipe_of_the_callers_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.toml"
    path.write_text(
        'name = "mine.v1"\ntitle = "Mine"\nsource = "me"\n[[finish]]\npiece = "tune.v1"\nsteps = 7\n', "utf-8"
    )
    assert printed(capsys, "show", str(path))["finish"] == [{"name": "tune.v1", "parameters": {"steps": 7}}]
    path.write_text('name = "mine.v1"\nbogus = 1\n', "utf-8")
    assert main(["shrink", "show", str(path)]) == 1
    assert "CP006 this is no recipe" in capsys.readouterr().err


def test_a_name_that_is_near(capsys: pytest.CaptureFixture[str]):
    assert main(["shrink", "show", "flapp"]) == 1
    assert "did you mean 'flap.v1'?" in capsys.readouterr().err


def test_torch_is_not_imported():
    script = (
        "import sys; from ctxprune.cli import main; "
        "assert main(['shrink', 'list', '--json']) == main(['shrink', 'show', 'flap', '--json']) == 0; "
        "assert not {'torch', 'transformers', 'onnx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
