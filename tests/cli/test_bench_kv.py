"""`ctxprune bench kv` where torch is not installed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ctxprune.cli import main


def test_without_torch_it_says_what_to_install(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    text = tmp_path / "text.txt"
    text.write_text("A text.", encoding="utf-8")
    assert main(["bench", "kv", "--model", str(tmp_path), "--text", str(text)]) == 1
    said = capsys.readouterr()
    assert not said.out
    assert "CP004" in said.err
    assert "ctxprune-middleware[train]" in said.err


def test_a_short_text_is_refused_before_the_model_is_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    pytest.importorskip("transformers", reason="needs the train extra")
    text = tmp_path / "text.txt"
    text.write_text("A text of a few words.", encoding="utf-8")
    assert main(["bench", "kv", "--model", str(tmp_path / "none"), "--text", str(text)]) == 1
    said = capsys.readouterr().err
    assert "the text has 22 bytes, and contexts of 4096 tokens are made of it" in said
    assert "about 16384 characters" in said
