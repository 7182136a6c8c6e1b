"""`ctxprune bench spider` on a benchmark folder made here."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from ctxprune.cli import main

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parents[1] / "sql" / "generate" / "chat_fakes.py")))

ITEMS = [
    {"db_id": "shop", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
    {"db_id": "shop", "question": "What is the name of the city with the largest population?",
     "query": "SELECT name FROM city ORDER BY population DESC LIMIT 1"},
    {"db_id": "shop", "question": "How many cities are there?", "query": "SELECT count(*) FROM nowhere"},
    {"db_id": "absent", "question": "How many cities are there?", "query": "SELECT count(*) FROM city"},
]  # fmt: skip


@pytest.fixture
def folder(spider_folder: Callable[..., Path]) -> Path:
    return spider_folder(ITEMS)


def test_figures(folder: Path, run_bench: Callable[..., dict]):
    report = run_bench("spider", "--data", folder, "--items")
    assert (report["items"], report["skipped"], report["failed_references"]) == (3, 1, 1)
    assert report["ex"] == pytest.approx(200 / 3, abs=0.01)
    assert report["executable"] == 100
    assert report["tokens_in"] > 0
    assert report["ms_per_question"] > 0
    assert [verdict["correct"] for verdict in report["verdicts"]] == [True, True, False]
    assert report["verdicts"][2]["error"].startswith("reference:")


def test_limit_samples_the_items_that_have_a_database(folder: Path, run_bench: Callable[..., dict]):
    report = run_bench("spider", "--data", folder, "--limit", "2")
    assert (report["items"], report["skipped"]) == (2, 1)  # skipped: of the whole set


def test_a_dead_model_ends_the_run(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    said = {"fail": 3}

    def reply(*_: object) -> str:
        if said["fail"] > 0:
            said["fail"] -= 1
            raise OSError("down")
        return "SELECT count(*) FROM city"

    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda *_, **__: fakes.FakeModel(reply))
    words = ["bench", "spider", "--data", str(folder), "--generator", "chat:x", "--json", "--candidates", "1"]
    assert main(words) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "ctxprune: CP131 the model gave no answer on 3 items in a row (OSError: down [fake])\n"
    said["fail"] = 2
    assert main([*words, "--items"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["model_failures"] == 2
    assert [verdict["model_error"] for verdict in report["verdicts"]] == ["OSError: down [fake]"] * 2 + [""]


def test_a_chat_model_in_several_styles(
    folder: Path, tmp_path: Path, run_bench: Callable[..., dict], monkeypatch: pytest.MonkeyPatch
):
    model = fakes.saying("SELECT count(*) FROM city")
    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda _spec, **_options: model)
    words = ("--generator", "chat:x", "--style", "small,mschema", "--cache", str(tmp_path / "c.sqlite"), "--limit", "1")
    report = run_bench("spider", "--data", folder, *words)
    assert (report["style"], report["items"]) == ("small,mschema", 1)
    assert {"【Question】" in prompt for prompt in model.prompts} == {True, False}
