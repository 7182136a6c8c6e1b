"""`ctxprune train distil`: what it must be told; tests/train/test_distil.py runs what it does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctxprune.cli import main


def test_the_teacher_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """The bundled model is a student itself, so none is taken for granted."""
    assert main(["train", "distil", "--out", str(tmp_path), "--data", str(tmp_path)]) == 2
    assert "--teacher" in capsys.readouterr().err
