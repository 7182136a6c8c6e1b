"""`ctxprune bench passages` and `bench rerank` on small sets made here, and their lexical figures on the real ones."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ctxprune.cli import main

ROWS = [
    {"question": "Where is the tower?", "title": "Tower", "answers": ["Paris"], "labels": [0, 1, 0],
     "sentences": ["Pigs eat roots.", "The tower is in Paris.", "Cows eat grass."]},
    {"question": "What do cows eat?", "title": "", "labels": [1, 0], "sentences": ["Cows eat grass.", "It rains."]},
    {"question": "What rains?", "title": "", "labels": [0, 0], "sentences": ["Cows eat grass.", "It rains."]},
]  # fmt: skip


def bench(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["bench", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["lexical", "chargram.v1"])
def test_figures(data: Path, capsys: pytest.CaptureFixture[str], name: str):
    report = bench(capsys, "passages", "--data", str(data), "--scorer", name, "--split", "all")
    assert report["scorer"] == name.partition(".")[0] + ".v1"
    assert (report["items"], report["answered"], report["split"]) == (2, 1, "all")
    for figure in ("evidence_recall", "all_evidence", "answer_retention"):
        assert report[figure] == {"10": 100, "20": 100, "30": 100, "50": 100}
    assert list(report["f2"]) == ["10", "20", "30", "50"]
    assert report["ms_per_passage"] > 0


def test_a_table_for_people(data: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["bench", "passages", "--data", str(data / "dev.jsonl"), "--split", "all", "--limit", "1"]) == 0
    shown = capsys.readouterr()
    assert "pruner.v1" in shown.out
    assert "evidence_recall" in shown.out
    assert "ms a passage" in shown.err


def test_rerank(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = {
        "corpus": [{"id": "a", "title": "", "text": "cows and grass"}, {"id": "b", "title": "", "text": "grass"}],
        "queries_dev": [{"id": "1", "text": "grass of cows", "relevant_doc_ids": ["a"]}],
    }
    for name, lines in rows.items():
        text = "".join(json.dumps(row) + "\n" for row in lines)
        (tmp_path / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    report = bench(capsys, "rerank", "--data", str(tmp_path), "--scorer", "lexical")
    assert (report["ndcg@10"], report["mrr@10"], report["items"], report["top"]) == (100, 100, 1, 100)
    assert main(["bench", "rerank", "--data", str(tmp_path), "--scorer", "lexical"]) == 0
    assert "ndcg@10" in capsys.readouterr().out


@pytest.mark.data
def test_lexical_figures_of_a_real_set(shared: Path, capsys: pytest.CaptureFixture[str]):
    report = bench(capsys, "passages", "--data", str(shared / "data" / "rag" / "scifact"), "--scorer", "lexical")
    assert (report["items"], report["split"]) == (209, "all")
    assert report["evidence_recall"]["30"] == pytest.approx(52.9, abs=0.5)
