"""docs/tasks/structured_memory.md: its Python runs as it stands, and prints what the page says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

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
