"""The pages on KV caches and on presses, as they are written, on a tiny decoder."""

from __future__ import annotations

import importlib.util
import json
import re
import shlex
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from doc_pages import ROOT, page  # noqa: E402
from kv.models import SIZES, letters  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

import ctxprune.kv  # noqa: E402
from ctxprune.cli import main  # noqa: E402

SECTION = page("tasks/kv_cache")
PAGE = page("choose/which_press")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    tokenizer = letters()
    torch.manual_seed(3)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(tokenizer), "hidden_size": 64}))
    model.save_pretrained(tmp_path / "decoder")
    tokenizer.save_pretrained(tmp_path / "decoder")
    text = " ".join(f"Sentence {number} says that the bridge opened in 19{number % 90 + 10}." for number in range(120))
    (tmp_path / "manual.txt").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python(folder: Path, capsys: pytest.CaptureFixture[str]):
    (block,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    exec(compile(block.replace("max_new_tokens=20", "max_new_tokens=3"), "kv_cache.md", "exec"), {})
    said = capsys.readouterr().out
    assert len(re.findall(r"^.* \d+\.\d+ 0\.2[5-7]$", said, re.MULTILINE)) == 2
    assert (folder / "manual.safetensors").is_file()


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]):
    (command,) = re.findall(r"^`ctxprune (bench kv [^`]*--json)`", SECTION, re.MULTILINE)
    assert main([*shlex.split(command), "--tokens", "300", "--samples", "1", "--ratio", "0.5"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["press"] for row in rows] == ["full", *["snapkv"] * 2, *["adakv(snapkv)"] * 2]


def test_names_of_the_page_are_there():
    named = set(re.findall(r"`(?:\w+[=.])*([A-Z]\w+)", PAGE))
    assert {"SnapKV", "AdaKV", "KVzip", "Kivi", "PassageStore", "GateTraining"} <= named
    assert named | {"join", "compress"} <= set(dir(ctxprune.kv))
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', PAGE)
    assert pictures
    assert all((ROOT / "docs" / "choose" / picture).is_file() for picture in pictures)


def test_a_figure_of_the_page_changed_by_hand_would_be_seen(monkeypatch: pytest.MonkeyPatch):
    readme = importlib.import_module("benchmarks.report.readme")
    assert sorted(re.findall(r"<!-- figures: (\w+) -->", PAGE)) == sorted(readme._kv.TABLES)
    assert readme.filled(PAGE, readme._kv.TABLES) == PAGE
    row = next(line for line in PAGE.splitlines() if line.startswith("| `snapkv` |"))
    assert readme.filled(PAGE.replace(row, row.replace("| ", "| 9", 2)), readme._kv.TABLES) == PAGE
