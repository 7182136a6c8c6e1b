"""`ctxprune calibrate` and `sql link --calibration` on a folder of labelled questions made here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune import Calibration
from ctxprune.cli import main

COLUMNS = ("id", "tonnage", "flag", "harbour name", "length", "captain", "year built", "price")
SPIDER = [
    {
        "db_id": name,
        "table_names_original": ["ship"],
        "table_names": ["ship"],
        "column_names_original": [[-1, "*"], *([0, column.replace(" ", "_")] for column in COLUMNS)],
        "column_names": [[-1, "*"], *([0, column] for column in COLUMNS)],
        "column_types": ["text"] * (len(COLUMNS) + 1),
        "primary_keys": [1],
        "foreign_keys": [],
    }
    for name in ("atlantic", "baltic", "caspian", "danube")
]
ITEMS = [
    {"db_id": schema["db_id"], "question": f"What is the {column} of each ship?",
     "query": f"SELECT {column.replace(' ', '_')} FROM ship"}
    for schema in SPIDER
    for column in COLUMNS[1:] * 3
]  # fmt: skip
ITEMS.append({"db_id": "atlantic", "question": "How many?", "query": "SELECT count(*) FROM nowhere"})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "spider"
    data.mkdir()
    (data / "tables.json").write_text(json.dumps(SPIDER), encoding="utf-8")
    (data / "dev.json").write_text(json.dumps(ITEMS), encoding="utf-8")
    return data


def calibrate(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["calibrate", "--data", str(folder), "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_figures_and_file(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "calibration.json"
    report = calibrate(folder, capsys, "--risk", "0.05", "--out", str(path))
    assert (report["n"], report["databases"], report["unlabelled"], report["with_value_hits"]) == (84, 4, 1, 0)
    assert (report["set"], report["linker"], report["by"], report["loss"]) == ("spider", "ranked", "left_out", "strict")
    assert report["bound"] <= report["risk"] == 0.05
    assert 0 < report["kept_share"] < 1
    calibration = Calibration.load(path)
    assert calibration.to_dict().items() <= report.items()
    assert report["promise"] == calibration.promise


def test_less_risk_keeps_more(folder: Path, capsys: pytest.CaptureFixture[str]):
    shares = [calibrate(folder, capsys, "--risk", risk)["kept_share"] for risk in ("0.02", "0.2", "0.6")]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > shares[-1]


def test_options(folder: Path, capsys: pytest.CaptureFixture[str]):
    report = calibrate(folder, capsys, "--risk", "0.3", "--by-database", "--loss", "recall", "--measure", "tail")
    assert (report["by"], report["loss"], report["measure"]) == ("group", "recall", "tail.v1")
    report = calibrate(folder, capsys, "--risk", "0.1", "--by-question", "--confidence", "0.9", "--linker", "lexical")
    assert (report["by"], report["confidence"]) == ("question", 0.9)
    assert report["scorer"]["name"].endswith(":LexicalSchemaScorer")
    assert calibrate(folder, capsys, "--risk", "0.1", "--limit", "40")["n"] == 40


def test_people_see_the_promise(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["calibrate", "--data", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert "kept_share" in out
    assert "questions like these lose a needed unit on at most" in err


def test_too_few_databases_are_said(folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["calibrate", "--data", str(folder), "--by-database"]) == 1
    err = capsys.readouterr().err
    assert "a risk of 0.02 cannot be promised from 4 groups: give at least 49" in err


@pytest.mark.parametrize(
    "words", [["--linker", "nothing"], ["--linker", "chat"], ["--measure", "luck"], ["--loss", "f1"], ["--limit", "0"]]
)
def test_wrong_usage(words: list[str], folder: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["calibrate", "--data", str(folder), *words]) == 2
    assert words[0] in capsys.readouterr().err


def test_inputs_are_not_written(folder: Path, capsys: pytest.CaptureFixture[str]):
    before = (folder / "dev.json").read_bytes()
    assert main(["calibrate", "--data", str(folder), "--out", str(folder / "dev.json")]) == 1
    assert "this file is read" in capsys.readouterr().err
    assert (folder / "dev.json").read_bytes() == before


def link(folder: Path, capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    question = "What is the tonnage of each ship?"
    assert main(["sql", "link", str(folder / "tables.json"), question, "--db-id", "baltic", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("linker", ["ranked", "lexical"])
def test_link_keeps_what_was_calibrated(linker, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    kept = []
    for number, risk in enumerate(("0.02", "0.6")):
        path = tmp_path / f"{number}.json"
        calibrate(folder, capsys, "--risk", risk, "--linker", linker, "--by-question", "--out", str(path))
        document = link(folder, capsys, "--calibration", str(path))
        assert "on at most" in document["promise"]
        kept.append({column["name"] for table in document["tables"] for column in table["columns"]})
    assert kept[1] <= kept[0]
    assert "tonnage" in kept[0]


def test_link_refuses_other_weights_and_other_files(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "calibration.json"
    document = calibrate(folder, capsys, "--out", str(path))
    words = ["sql", "link", str(folder / "tables.json"), "Tonnage?", "--db-id", "baltic", "--calibration", str(path)]
    for old, new, message in (
        (document["scorer"]["digest"], "0" * 16, "the calibration is damaged"),
        ("ctxprune.calibration", "ctxprune.schema", "this is not a calibration"),
        ('"version": 1', '"version": 2', "has version 2"),
    ):
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new), encoding="utf-8")
        assert main(words) == 1
        assert message in capsys.readouterr().err
        path.write_text(text, encoding="utf-8")
    assert (
        main(["sql", "link", str(folder / "tables.json"), "Tonnage?", "--calibration", str(tmp_path / "no.json")]) == 1
    )
    assert "cannot be read" in capsys.readouterr().err
