"""`ctxprune bench html` on small sets made here, and its figures on the real ones."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from ctxprune.cli import main

SHARED = Path(os.environ.get("CTXPRUNE_SHARED", Path(__file__).resolve().parents[3] / "shared")) / "data" / "rag"
ROWS = "".join(f"<tr><td>Lake {name}<td>{number}</tr>" for number, name in enumerate("abcdefghij", start=100))
PAGE = f"<h1>Lakes</h1><p>{'Text of no use. ' * 40}</p><table><tr><th>Lake<th>Depth</tr>{ROWS}</table>"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    page = {"id": "p", "title": "Lakes", "html": PAGE, "gold_table": 0}
    question = {"id": "q", "page_id": "p", "question": "how deep is lake d?", "answers": ["103"]}
    (tmp_path / "pages.jsonl").write_text(json.dumps(page), encoding="utf-8")
    (tmp_path / "questions.jsonl").write_text(json.dumps(question), encoding="utf-8")
    return tmp_path


def bench(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert main(["bench", "html", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("output", ["html", "markdown", "text"])
def test_figures(data: Path, capsys: pytest.CaptureFixture[str], output: str) -> None:
    report = bench(capsys, "--data", str(data), "--output", output, "--no-columns")
    assert (report["scorer"], report["output"], report["items"]) == ("page.v1", output, 1)
    assert report["answer_retention"]["20"] == 100
    assert list(report["tokens_kept"]) == ["5", "10", "20"]


def test_columns_go_too(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = bench(capsys, "--data", str(data))
    assert (report["output"], report["columns"]) == ("markdown", True)
    assert report["answer_retention"]["10"] == 100


@pytest.mark.data
@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared data is not here")
def test_the_real_sets(capsys: pytest.CaptureFixture[str]) -> None:
    tables = bench(capsys, "--data", str(SHARED / "wtq_html"), "--limit", "60")
    assert tables["answer_retention"]["20"] >= 80
    assert bench(capsys, "--data", str(SHARED / "article_extraction"))["token_f1"] >= 95
