"""The example of a chat under a byte budget on the page on presses, as it is written, on a tiny decoder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from kv.models import SIZES, letters  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "choose" / "which_press.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## While tokens are written")[2].partition("\n## ")[0]


def test_a_chat_under_a_byte_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    tokenizer = letters()
    torch.manual_seed(3)
    model = LlamaForCausalLM(LlamaConfig(**{**SIZES, "vocab_size": len(tokenizer)}))
    model.save_pretrained(tmp_path / "decoder")
    tokenizer.save_pretrained(tmp_path / "decoder")
    monkeypatch.chdir(tmp_path)
    (block,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    allowed = 45_000
    changes = {"nbytes=20_000_000": f"nbytes={allowed}", "max_new_tokens=200": "max_new_tokens=40"}
    for written, small in changes.items():
        assert written in block
        block = block.replace(written, small)
    exec(compile(block, "which_press.md", "exec"), {})
    lines = re.findall(r"^(\d+) tokens, (\d+) bytes$", capsys.readouterr().out, re.MULTILINE)
    said = [list(map(int, found)) for found in lines]
    assert len(said) == 3
    assert all(held <= allowed for _, held in said)
    assert said[0][0] < said[1][0] < said[2][0]
    assert said[2][0] * 3 * 2 * 2 * 12 * 2 > allowed  # the whole cache would not fit
