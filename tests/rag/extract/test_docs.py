"""docs/tasks/extraction.md: its Python runs as pasted, its commands are there, its figures are the recorded ones."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT, blocks, page

from ctxprune.cli import main
from ctxprune.rag import extract

PAGE = page("tasks/extraction")
PYTHON = "\n".join(blocks("tasks/extraction"))
(BASH,) = blocks("tasks/extraction", "bash")


def test_the_python_runs(tmp_path: Path) -> None:
    pytest.importorskip("jsonschema_rs")
    (tmp_path / "page.py").write_text(PYTHON, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines[0].startswith(
        "kite.txt {'name': 'Red Kite', 'price': 32, 'country': 'Chile', 'released': '2004-03-05'}"
    )
    assert lines[3] == "32 EUR 32"
    assert lines[4] == "((2,),)"
    assert lines[5] == "('country',) True"
    assert "+ price: number  # Price  (in 2 of 2 texts)" in lines
    assert lines[-1].endswith("'user': '3', 'from': '10.0.0.3'}")


def test_the_commands_are_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.chdir(tmp_path)
    Path("offer.txt").write_text("Name: Red Kite\nPrice: 3", encoding="utf-8")
    schema = {"title": "product", "properties": {"name": {"type": "string"}, "price": {"type": "number"}}}
    Path("product.json").write_text(json.dumps(schema), encoding="utf-8")
    for line in BASH.strip().splitlines():
        assert main(line.split()[1:]) == 0
    assert "Red Kite" in capsys.readouterr().out


def test_files_names_and_figures_are_so() -> None:
    named = set(re.findall(r"`(\w+\.py)`", PAGE))
    assert all((ROOT / "rag" / "extract" / name).exists() for name in named)
    assert all(
        hasattr(extract, name) for name in re.findall(r"`([A-Z]\w+)`", PAGE) if name not in {"Pipeline", "Extraction"}
    )
    recorded = ROOT / "benchmarks" / "results" / "extraction.json"
    figures = json.loads(recorded.read_text(encoding="utf-8"))["figures"]["SpanExtractor"]
    for name, f1 in (*figures["F1 by template"].items(), ("all", figures["F1"]), ("dates", figures["dates"])):
        assert re.search(rf"\b{re.escape(name)}\b[^|\n]*{f1}", PAGE), name


def test_the_figures_with_a_model_are_the_recorded_ones() -> None:
    figures = json.loads((ROOT / "benchmarks" / "results" / "extraction_chat.json").read_text(encoding="utf-8"))[
        "figures"
    ]
    pruned, full = figures["pruned schema and chunk"], figures["full schema and chunk"]
    share = figures["tokens of pruned prompts, % of full ones"]
    assert f"| {pruned['F1']} | {share} % | {pruned['CPU seconds']:.0f} s |" in PAGE
    assert f"| {full['F1']} | 100 % | {full['CPU seconds']:,.0f} s |" in PAGE
    assert f"| {figures['SpanExtractor, no model']['F1']} | | |" in PAGE
