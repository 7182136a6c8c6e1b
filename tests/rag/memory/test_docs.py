"""docs/tasks/structured_memory.md: its Python runs as it stands, and prints what the page says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PAGE = (Path(__file__).parents[3] / "docs" / "tasks" / "structured_memory.md").read_text(encoding="utf-8")
EXTRACTIVE, CHAT, CONVERSATION, RESUME = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def run(code: str, folder: Path) -> str:
    (folder / "page.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "page.py"], cwd=folder, check=True, capture_output=True, text=True, timeout=200
    )
    return done.stdout


def test_the_extractive_block(tmp_path: Path) -> None:
    shown = run(EXTRACTIVE, tmp_path)
    assert "It took the rabbit to the king." in shown
    assert "Citation(chunk='ch2', span=(66, 97), path='/story/5')" in shown
    assert "'chunks': 3" in shown


def test_the_chat_block(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core")
    assert run(CHAT, tmp_path) == (
        "the value is not what the schema says of /ages\n"
        "the model's answer has no JSON list of changes\n"
        "{'hero': 'Ann', 'people': ['Bob'], 'ages': {'Ann': 7}}\n"
        '/hero "Ann"\n/ages/Ann 7\n/people/0 "Bob"\n\n'
    )


def test_the_conversation_block(tmp_path: Path) -> None:
    pytest.importorskip("langchain_core")
    assert run(CONVERSATION, tmp_path).startswith("[human 0] My order 4711 has not arrived.")


def test_the_resume_block(tmp_path: Path) -> None:
    assert run(RESUME, tmp_path) == "20\n"


ROWS = {
    "first quarter": "first quarter",
    "last quarter": "last quarter",
    "random sentences": "random sentences",
    "top-k sections, BM25": "top-k chunks, BM25",
    "top-k sections, bundled model": "top-k chunks, mixture",
    "top-k sections and the beginning of the next, BM25": "top-k chunks and a part of the next, BM25",
    "top-k sections and the beginning of the next, bundled model": "top-k chunks and a part of the next, mixture",
    "single sentences (`prune`), BM25": "pruned sentences, BM25",
    "single sentences (`prune`), bundled model": "pruned sentences, mixture",
    "memory of a quarter, written with the question, BM25": "memory with the question, BM25",
    "memory of a quarter, written with the question, bundled model": "memory with the question, mixture",
    "memory of a half, written with the question, then pruned": "memory of a half with the question, pruned, mixture",
    "memory of a half, written without the question, then pruned": "memory of a half without the question, pruned",
    "the same with random sentences": "memory of a half without the question, random, pruned",
    "memory of a quarter, written without the question": "memory without the question",
    "the same with random sentences, not pruned": "memory without the question, random",
}


ANSWERS = {
    "whole story": "whole story",
    "first quarter": "first quarter",
    "top-k sections, BM25": "top-k chunks, BM25",
    "single sentences (`prune`), bundled model": "pruned sentences, mixture",
    "memory of a half, written with the question, then pruned": "memory of a half with the question, pruned, mixture",
    "memory of a half, written without the question, then pruned": "memory of a half without the question, pruned",
}


def read_tables() -> list[dict[str, list[str]]]:
    """The rows of each table of figures: the cells behind the first one."""
    tables: list[dict[str, list[str]]] = []
    for line in PAGE[PAGE.index("## Figures") : PAGE.index("## What it does not do")].splitlines():
        if line.startswith("| ---"):
            tables.append({})
        elif line.startswith("| ") and tables:
            cells = line.strip("| ").split(" | ")
            tables[-1][cells[0]] = cells[1:]
        elif tables and not tables[-1]:
            raise AssertionError(line)
    return [{name: cells for name, cells in table.items() if name in ROWS or name in ANSWERS} for table in tables]


def show(row: dict[str, Any], name: str) -> str:
    ahead = row.get(f"{name}_ahead")
    return f"{row[name]:.1f}" + (f" ({ahead[1]:.1f} to {ahead[2]:.1f})" if ahead else "")


def test_the_tables_are_the_record() -> None:
    record = Path(__file__).parents[3] / "benchmarks" / "results" / "memory.json"
    figures = json.loads(record.read_text(encoding="utf-8"))["figures"]
    evidence, answers = read_tables()
    assert set(ROWS.values()) == set(figures["evidence"])
    assert set(ANSWERS.values()) == set(figures["answers"])
    names = ("all_words", "answer_in_place", "gold_share")
    shown = {told: [show(figures["evidence"][row], name) for name in names] for told, row in ROWS.items()}
    assert {told: cells[1:] for told, cells in evidence.items()} == shown
    shown = {told: [show(figures["answers"][row], name) for name in ("f1", "rouge_l")] for told, row in ANSWERS.items()}
    assert answers == shown
