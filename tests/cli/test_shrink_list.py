"""`ctxprune shrink list` and `show`: recipes as data, without torch."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ctxprune.cli import main
from ctxprune.shrink.recipes import first_choice
from ctxprune.shrink.recipes.first_choice import INPUTS, SITUATIONS, measured_figures, reranker_figures, short_list
from ctxprune.shrink.recipes.recipe import DATA, MODELS, load_recipe, recipe_names
from ctxprune.shrink.registries import SELECTORS

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "benchmarks" / "results" / "shrink_reranker.json"
SHRINK = ROOT / "ctxprune" / "shrink"
RECIPES = [load_recipe(name) for name in recipe_names()]


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


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_it_opens_with_what_to_begin_with(capsys: pytest.CaptureFixture[str], narrow: None):
    assert main(["shrink", "list"]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert len(lines) == 1 + sum(len(situation.recipes) for situation in SITUATIONS)
    for situation in SITUATIONS:
        assert any(line.startswith(situation.name) and situation.recipes[0] in line for line in lines)
    assert "ctxprune shrink show NAME" in shown.err
    assert all(len(line) <= 80 for line in (*lines, *shown.err.splitlines()))


def test_figures_are_those_of_the_package(
    capsys: pytest.CaptureFixture[str], narrow: None, monkeypatch: pytest.MonkeyPatch
):
    row = {"steps": 0, "loss": 1.25, "dev": 1.25, "minutes": 2.0, "seeds": 3, "plain": False}
    trained = row | {"steps": 200, "loss": 0.5, "dev": 0.6, "minutes": 3.5}
    found = measured_figures() | {"about": "MiniLM", "reranker": {"kprune": [row, trained]}}
    monkeypatch.setattr(first_choice, "measured_figures", lambda: found)
    assert main(["shrink", "list"]) == 0
    (line,) = (line for line in capsys.readouterr().out.splitlines() if line.split()[2:3] == ["kprune"])
    assert line.split()[-6:] == ["1.2", "2.0", "0", "steps,", "3", "seeds"]
    assert reranker_figures("kprune.v1") == trained  # the better of the two
    lucky = trained | {"loss": 0.1, "dev": 0.1, "seeds": 1}
    found["reranker"]["kprune"].append(lucky)
    assert reranker_figures("kprune") == trained
    assert reranker_figures("liar") is None


def test_situations_are_of_recipes_that_are_there():
    for situation in SITUATIONS:
        measures = {load_recipe(name).measure for name in situation.recipes}
        assert len(measures) == 1
        assert ("weights" in measures) == (situation.figures == "sparse")


def test_recipes_whose_pieces_read_another_file_name_its_option():
    """By the source of the pieces: what reads the base model or the related data of a subject."""
    reads = {
        "--base": re.compile(r"subject\.(?:base\b|needed_base\(\))"),
        "--related": re.compile(r"subject\.related\b"),
    }
    folders = ("score", "allocate", "compensate", "recover")
    sources = {path.stem: path.read_text("utf-8") for folder in folders for path in (SHRINK / folder).glob("*.py")}
    found = {}
    for recipe in RECIPES:
        used = set(re.findall(r"'(\w+)\.v1'", str(recipe.to_dict() | {"name": ""})))  # also pieces inside of pieces
        for option, pattern in reads.items():
            if any(re.search(pattern, sources[name]) for name in used & set(sources)):
                found[recipe.name.removesuffix(".v1")] = option
    assert found == INPUTS


def test_the_short_list_is_of_the_kind_and_the_measure():
    for kind, measure, names in (
        ("encoder", "flops", "fisher_knapsack kprune liar depth_width top_layers"),
        ("decoder", "flops", "liar flap greedy_output kprune sleb"),
        ("ssm", "flops", "ssm_flap ssm_state group_aware_ssm sleb shortgpt"),
        ("moe", "flops", "sleb shortgpt top_layers"),
        ("moe", "parameters", "expert_dropping expert_merging uncurl"),
        ("moe", "weights", "moe_pruner"),
        ("encoder", "weights", "admm sparse_gpt wanda"),
        ("ssm", "weights", "admm sparse_gpt wanda"),
        ("decoder", "deltas", "dare dare_q"),
    ):
        fitting = [recipe for recipe in RECIPES if kind in recipe.models and recipe.measure == measure]
        assert [recipe.name for recipe in short_list(fitting, kind, measure)] == [
            f"{name}.v1" for name in names.split()
        ]


@pytest.mark.parametrize("kind", MODELS)
def test_auto_has_a_choice_wherever_a_recipe_fits(kind: str):
    """No kind of model and no measure is forgotten in the table, and the table names no recipe that is not there."""
    for measure in {recipe.measure for recipe in RECIPES}:
        measures = {measure, *(["flops"] if measure == "parameters" else [])}
        fitting = [recipe for recipe in RECIPES if kind in recipe.models and recipe.measure in measures]
        found = short_list(fitting, kind, measure)
        assert bool(found) == bool(fitting), measure
        assert len(found) <= 5
    assert {name for names in first_choice._SHORT.values() for name in names} <= {
        recipe.name.removesuffix(".v1") for recipe in RECIPES
    }


def test_what_is_listed_for_sparse_weights_is_what_auto_tries():
    (sparse,) = (situation for situation in SITUATIONS if situation.figures == "sparse")
    assert sparse.recipes == first_choice._SHORT["weights"]
    errors = [measured_figures()["sparse"][name] for name in sparse.recipes]
    assert errors == sorted(errors)  # the first choice is the best of them


def test_all_of_them_take_one_line_each(capsys: pytest.CaptureFixture[str], narrow: None):
    assert main(["shrink", "list", "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == [name.removesuffix(".v1") for name in recipe_names()]
    assert all(len(line) <= 80 for line in lines)
    for line, name in zip(lines[1:], recipe_names(), strict=True):
        recipe = load_recipe(name)
        assert recipe.promise in line
        assert recipe.data in line
    cells = dict(line.rstrip().split(maxsplit=1) for line in lines[1:])
    assert not any(re.search(r"\b0 pass", cell) for cell in cells.values())
    # work beside the data counts, and training, which may be in the stages
    for name, cost in (("magnitude_blocks", " 2 passes"), ("movement", " 11+250 steps"), ("sheared", " 3000 steps")):
        assert cells[name].endswith(cost)


@pytest.mark.skipif(not RECORD.is_file(), reason="the benchmark of the reranker is not recorded yet")
def test_figures_in_the_package_are_the_recorded_ones():
    script = ROOT / "benchmarks" / "report" / "first_choice.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, f"run: python {script.relative_to(ROOT)}"


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
