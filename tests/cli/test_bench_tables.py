"""`ctxprune bench tables` on a small set made here, and its figures on the real ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ctxprune.cli import main

SETS = Path(__file__).resolve().parents[3] / "shared" / "data" / "rag"
ROW = {
    "id": 1, "question": "How many points had Bo?", "title": "Races", "section": "All", "gold_cells": [[2, 1], [2, 2]],
    "table": [["Year", "Driver", "Points"], ["1999", "Ana", "14"], ["2001", "Bo", "52"], ["2002", "Cem", "40"]],
}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "dev.jsonl").write_text(json.dumps(ROW) + "\n", encoding="utf-8")
    return tmp_path


def test_one_document(data: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "tables", "--data", str(data), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["set"], report["scorer"], report["items"]) == (data.name, "tabular.v1", 1)
    assert report["cell_recall"]["50"] == 100
    assert report["answer_retention"] is None
    assert report["ms_per_table"] > 0
    assert set(report["baselines"]) == {"lexical_rows", "columns_by_overlap", "random"}


def test_a_table_for_people(data: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "tables", "--data", str(data), "--scorer", "lexical", "--no-baselines"]) == 0
    shown = capsys.readouterr()
    assert "lexical.v1: cell_recall" in shown.out
    assert "random" not in shown.out
    assert "ms a table" in shown.err


@pytest.mark.skipif(not SETS.is_dir(), reason="the shared sets are not here")
@pytest.mark.parametrize(
    ("name", "figure", "least"),
    [("fetaqa", "cell_recall", 84), ("wikitablequestions", "answer_retention", 94), ("tatqa", "answer_retention", 93)],
)
def test_real_sets(name: str, figure: str, least: float, capsys: pytest.CaptureFixture[str]):
    words = ["--held-out"] if name != "wikitablequestions" else []
    assert main(["bench", "tables", "--data", str(SETS / name), "--limit", "300", "--json", *words]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report[figure]["50"] >= least
    assert report[figure]["50"] >= report["baselines"]["lexical_rows"][figure]["50"]
