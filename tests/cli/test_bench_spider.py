"""`ctxprune bench spider` on a benchmark folder made here."""

from __future__ import annotations

import json
import runpy
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
def folder(tmp_path: Path, shop: Path) -> Path:
    data = tmp_path / "spider"
    place = data / "database" / "shop" / "shop.sqlite"
    place.parent.mkdir(parents=True)
    shop.rename(place)
    (data / "dev.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    return data


def bench(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["bench", "spider", "--data", str(folder), "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--items")
    assert (report["items"], report["skipped"], report["failed_references"]) == (3, 1, 1)
    assert report["ex"] == pytest.approx(200 / 3, abs=0.01)
    assert report["executable"] == 100
    assert report["tokens_in"] > 0
    assert report["ms_per_question"] > 0
    assert [verdict["correct"] for verdict in report["verdicts"]] == [True, True, False]
    assert report["verdicts"][2]["error"].startswith("reference:")


def test_limit_samples_the_items_that_have_a_database(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(folder, capsys, "--limit", "2")
    assert (report["items"], report["skipped"]) == (2, 1)  # skipped: of the whole set


def test_people_see_a_table(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "spider", "--data", str(folder)]) == 0
    assert "ms_per_question" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--data", "nowhere"], 1, "no such folder"),
        (["--generator", "oracle"], 2, "oracle"),
        (["--generator", "chat:nowhere.gguf"], 1, "nowhere.gguf"),
        (["--limit", "0"], 2, "--limit"),
    ],
)
def test_wrong_words(folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, text: str):
    assert main(["bench", "spider", "--data", str(folder), *words]) == code
    assert text in capsys.readouterr().err


def test_a_set_without_any_database_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]):
    (folder / "dev.json").write_text(json.dumps(ITEMS[3:]), encoding="utf-8")
    assert main(["bench", "spider", "--data", str(folder), "--json"]) == 1
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "no item has a database" in shown.err


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
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    model = fakes.saying("SELECT count(*) FROM city")
    monkeypatch.setattr("ctxprune.llm.chat_models.open_chat_model", lambda _spec, **_options: model)
    words = ("--generator", "chat:x", "--style", "small,mschema", "--cache", str(tmp_path / "c.sqlite"), "--limit", "1")
    report = bench(folder, capsys, *words)
    assert (report["style"], report["items"]) == ("small,mschema", 1)
    assert {"【Question】" in prompt for prompt in model.prompts} == {True, False}
