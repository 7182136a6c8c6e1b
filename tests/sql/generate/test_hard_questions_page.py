"""docs/tasks/hard_questions.md: its Python runs and prints what it shows."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from doc_pages import blocks, run

if TYPE_CHECKING:
    import pytest

fakes = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "chat_fakes.py")))
PAGE = "tasks/hard_questions"


def test_a_failing_step_is_refined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run(PAGE, "IncrementalGenerator(")
    assert capsys.readouterr().out == blocks(PAGE, "text")[0]


def test_the_wrapper_is_made() -> None:
    names = run(PAGE, "AdaptiveGenerator(", your_chat_model=fakes.saying("x"))
    assert names["generator"].agree == 0.5
