"""docs/tasks/graph.md: its Python runs as it stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import blocks, page

PAGE = page("tasks/graph")
PRUNING, LANGCHAIN = blocks("tasks/graph")


def run(code: str, folder: Path) -> str:
    (folder / "page.py").write_text(code, encoding="utf-8")
    words = [sys.executable, "page.py"]
    return subprocess.run(words, cwd=folder, check=True, capture_output=True, text=True, timeout=200).stdout


def test_the_first_block_prunes_and_answers(tmp_path: Path) -> None:
    shown = run(PRUNING, tmp_path)
    assert "2100000" in shown.partition("kept ")[0]
    assert "['Louvre']" in shown
    assert "[('Prado', 1.0)]\nPrado\n- located in: Madrid" in shown


def test_the_langchain_block_prunes(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core")
    assert run(LANGCHAIN, tmp_path) == "['DISCOVERED']\n"
